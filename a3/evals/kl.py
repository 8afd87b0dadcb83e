"""KL(base ‖ repaired), over the whole vocabulary, on answers that the base gave.

On task prompts it predicts forgetting better than any distance between weights
(RL's Razor, arXiv 2509.04259).
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import torch

from a3.evals.capability.builtin import neutral_texts
from a3.stats import mean_kl
from a3.target import chat
from a3.target.generate import batches
from a3.target.local import LocalTarget
from a3.target.memory import Backoff
from a3.target.score import response_logits
from a3.types.answers import Decoding
from a3.types.chat import Conversation, ask
from a3.types.queries import Query
from a3.types.rates import MeanKL

BATCH_TOKENS = 1024
"""Small: the logits of every response token over the vocabulary are held twice."""


def neutral_prompts(n: int) -> list[Conversation]:
    """The first n neutral prompts."""
    return [ask(text) for text in neutral_texts()[:n]]


def task_prompts(queries: Sequence[Query], n: int, seed: int) -> list[Conversation]:
    """Of n queries, drawn at random: their order is explore's, the first ones are of few kinds."""
    chosen = Random(f"{seed}/kl").sample(list(queries), min(n, len(queries)))
    return [query.conversation for query in chosen]


def kl(
    base: LocalTarget,
    repaired: LocalTarget,
    prompts: Sequence[Conversation],
    max_new_tokens: int,
    confidence: float,
) -> MeanKL:
    """Mean KL in nats per response token, prompts being the clusters of its interval."""
    decoding = Decoding(max_new_tokens=max_new_tokens)
    answers = base.generate(prompts, decoding, "base answers for KL")
    contexts = [chat.prompt_ids(base.tokenizer, p) for p in prompts]
    responses = [_ids(base, samples[0].text) for samples in answers]
    kept = [i for i, r in enumerate(responses) if r]
    # Loaded out here: weights made in inference mode could never train.
    models = base.model, repaired.model
    sums: dict[int, float] = {}

    def go_on(parts: int) -> None:
        left = [i for i in kept if i not in sums]
        lengths = [len(contexts[i]) + len(responses[i]) for i in left]
        for batch in batches(lengths, 0, BATCH_TOKENS // parts):
            chosen = [left[i] for i in batch]
            rows = [contexts[i] for i in chosen], [responses[i] for i in chosen]
            sums.update(zip(chosen, _divergences(models, *rows), strict=True))
            base.observer.progress("KL", len(sums), len(kept))

    Backoff("KL", base.observer)(go_on)
    return mean_kl([sums[i] for i in kept], [len(responses[i]) for i in kept], confidence)


@torch.inference_mode()
def _divergences(
    models: tuple[Any, Any], contexts: Sequence[list[int]], responses: Sequence[list[int]]
) -> list[float]:
    """Of each row, summed over the positions of its response."""
    base, repaired = (response_logits(model, contexts, responses) for model in models)
    return [_divergence(p, q) for p, q in zip(base, repaired, strict=True)]


def _divergence(base: torch.Tensor, repaired: torch.Tensor) -> float:
    """Summed over positions; inputs are logits, (positions, vocabulary)."""
    p, q = (torch.log_softmax(x.float(), dim=-1) for x in (base, repaired))
    return float((p.exp() * (p - q)).sum())


def _ids(target: LocalTarget, text: str) -> list[int]:
    return target.tokenizer(text, add_special_tokens=False)["input_ids"]
