"""Log-probabilities of given text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from a3.target.head import CHUNK, hidden_states, logits_of
from a3.target.kv_cache import has_plain_attention
from a3.target.prefill import Prefill, Prefix
from a3.types.target import ContinuationScore


@dataclass(frozen=True)
class Question:
    """A context and continuations asked for after it, as ids, none of them empty.

    They stand side by side behind the context, which runs once, and each is blind to the others.
    """

    context: list[int]
    continuations: tuple[list[int], ...]

    @property
    def row(self) -> list[int]:
        """What the model reads; what the last id of a continuation predicts is not asked."""
        return self.context + [token for ids in self.continuations for token in ids[:-1]]

    @property
    def branches(self) -> list[int]:
        """0 for the context, else the number of the continuation each id of the row is of."""
        counted = enumerate(self.continuations, start=1)
        return [0] * len(self.context) + [n for n, ids in counted for _ in ids[:-1]]

    @property
    def positions(self) -> list[int]:
        """How many ids the model has read before each id of the row."""
        start = len(self.context)
        own = [start + i for ids in self.continuations for i in range(len(ids) - 1)]
        return [*range(start), *own]

    @property
    def asked(self) -> list[tuple[int, int]]:
        """Every id asked for with the place that predicts it, counted from the context's last."""
        pairs: list[tuple[int, int]] = []
        first = 0
        for ids in self.continuations:
            places = [0, *range(first + 1, first + len(ids))]
            pairs += zip(places, ids, strict=True)
            first += len(ids) - 1
        return pairs


def questions(
    model: Any, pairs: Sequence[tuple[list[int], list[int]]]
) -> list[tuple[Question, list[int]]]:
    """Pairs of context and continuation as questions, each with the indices of its pairs.

    Where attention is not plain, a mask cannot keep continuations apart: one pair a question.
    """
    plain = has_plain_attention(model)
    by_context: dict[tuple[int, ...], list[int]] = {}
    for index, (context, _) in enumerate(pairs):
        key = tuple(context) if plain else (index,)
        by_context.setdefault(key, []).append(index)
    return [
        (Question(pairs[mine[0]][0], tuple(pairs[i][1] for i in mine)), mine)
        for mine in by_context.values()
    ]


@torch.inference_mode()
def score_batch(
    model: Any, batch: Sequence[Question], prefix: Prefix
) -> list[list[ContinuationScore]]:
    """Sum of log-probabilities of each continuation; every context begins with the prefix."""
    hidden = _hidden(model, batch, prefix)
    pairs: list[tuple[int, int]] = []
    first = 0
    for question in batch:
        pairs += [(first + place, token) for place, token in question.asked]
        first += len(question.row) - len(question.context) + 1
    found = iter(_predicted(model, hidden, pairs))
    return [
        [_total([next(found) for _ in ids]) for ids in question.continuations] for question in batch
    ]


def _hidden(model: Any, batch: Sequence[Question], prefix: Prefix) -> torch.Tensor:
    """What predicts the ids asked for, question by question, (places, width)."""
    start = len(prefix.ids)
    # A cache takes one token alone for a step of decoding, and makes room for more than the mask.
    width = max(start + 2, *(len(q.row) for q in batch))
    ids = _padded([q.row for q in batch], width, 0)[:, start:]
    positions = _padded([q.positions for q in batch], width, 0)[:, start:]
    branched = any(len(q.continuations) > 1 for q in batch)
    found = model.base_model(
        input_ids=ids.to(model.device),
        attention_mask=_visible(model, batch, width)[:, :, start:] if branched else None,
        position_ids=positions.to(model.device),
        past_key_values=prefix.cache(len(batch)) if start else None,
        use_cache=bool(start),
    ).last_hidden_state
    parts = zip(found, batch, strict=True)
    return torch.cat([h[len(q.context) - 1 - start : len(q.row) - start] for h, q in parts])


def _visible(model: Any, batch: Sequence[Question], width: int) -> torch.Tensor:
    """Added to the scores of attention, (questions, 1, width, width): causal within a branch."""
    branches = _padded([q.branches for q in batch], width, -1)
    of, at = branches[:, :, None], branches[:, None, :]
    seen = ((at == 0) | (at == of)).tril()
    # A number, not -inf: a row of nothing but -inf would be NaN in softmax.
    hidden = torch.zeros(seen.shape, dtype=model.dtype).masked_fill(
        ~seen, torch.finfo(model.dtype).min
    )
    return hidden[:, None].to(model.device)


def _padded(rows: Sequence[list[int]], width: int, value: int) -> torch.Tensor:
    """Right-padded, (rows, width)."""
    return torch.tensor([row + [value] * (width - len(row)) for row in rows])


def _predicted(
    model: Any, hidden: torch.Tensor, pairs: Sequence[tuple[int, int]]
) -> Iterator[tuple[float, bool]]:
    """Log-probability of each (place, id), and whether the id is the likeliest; by place."""
    places, tokens = torch.tensor(pairs, device=hidden.device).T
    logprobs = torch.empty(len(pairs))
    greedy = torch.empty(len(pairs), dtype=torch.bool)
    for first in range(0, len(hidden), CHUNK):
        logits = logits_of(model, hidden[first : first + CHUNK]).float()
        inside = (places >= first) & (places < first + CHUNK)
        rows, wanted = places[inside] - first, tokens[inside]
        logprobs[inside.cpu()] = (logits[rows, wanted] - logits.logsumexp(1)[rows]).cpu()
        greedy[inside.cpu()] = (logits.max(1).indices[rows] == wanted).cpu()
    return zip(logprobs.tolist(), greedy.tolist(), strict=True)


def _total(tokens: Sequence[tuple[float, bool]]) -> ContinuationScore:
    logprobs, greedy = zip(*tokens, strict=True)
    return ContinuationScore(logprob=sum(logprobs), greedy=all(greedy))


@torch.inference_mode()
def first_logprobs(
    model: Any, prompts: Sequence[list[int]], ids: Sequence[int], room: Callable[[int], int]
) -> Iterator[dict[int, list[float]]]:
    """Log-probability of each id right after each prompt, by the prompt's index, as they come.

    `room(length)` is how many prompts may run together when the longest has `length` ids.
    """
    prefill = Prefill(model, prompts)
    # Longest first, so that what does not fit in memory fails at the start.
    waiting = sorted(range(len(prompts)), key=lambda i: (-len(prompts[i]), i))
    while waiting:
        n = room(len(prompts[waiting[0]]))
        for rows, hidden in prefill(waiting[:n]):
            logits = logits_of(model, hidden).float()
            found = logits[:, list(ids)] - logits.logsumexp(1, keepdim=True)
            yield dict(zip(rows.owners, found.tolist(), strict=True))
        waiting = waiting[n:]


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
