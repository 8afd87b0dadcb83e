"""Log-probabilities of given text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import log_softmax

from a3.target.head import hidden_states, logits_of
from a3.types.target import ContinuationScore


@torch.inference_mode()
def score_batch(
    model: Any, contexts: Sequence[list[int]], continuations: Sequence[list[int]]
) -> list[ContinuationScore]:
    """Sum of log-probabilities of each continuation after its context (ids, both non-empty)."""
    logits = response_logits(model, contexts, continuations)
    scores: list[ContinuationScore] = []
    for row, ids in zip(logits, continuations, strict=True):
        wanted = torch.tensor(ids, device=row.device)
        logprobs = log_softmax(row.float(), dim=-1)
        scores.append(
            ContinuationScore(
                logprob=float(logprobs.gather(1, wanted[:, None]).sum()),
                greedy=bool((row.argmax(-1) == wanted).all()),
            )
        )
    return scores


@torch.inference_mode()
def response_logits(
    model: Any, prompts: Sequence[list[int]], responses: Sequence[list[int]]
) -> list[torch.Tensor]:
    """Logits that predict each response token, (len(response), vocabulary) per row.

    Right-padded: causal attention never looks at the padding, and the output head is applied to
    response positions only.
    """
    rows = [p + r for p, r in zip(prompts, responses, strict=True)]
    width = max(map(len, rows))
    ids = torch.tensor([r + [0] * (width - len(r)) for r in rows], device=model.device)
    mask = torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in rows], device=model.device)
    hidden = hidden_states(model, ids, mask)
    return [
        logits_of(model, hidden[i, len(p) - 1 : len(p) + len(r) - 1])
        for i, (p, r) in enumerate(zip(prompts, responses, strict=True))
    ]
