"""Rows under way: prompts run through the model, and the state that their answers grow from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import torch
from torch.nn.functional import pad
from transformers import Cache

from a3.target.devices import pass_tokens
from a3.target.kv_cache import has_plain_attention, joined, make_cache, repeated

SHORTEST_SHARED = 8
"""Tokens that all prompts must begin with before computing them apart pays for a forward pass."""
WORTH_A_PASS = 128
"""Padding that costs about what another forward pass does: all weights are read for it."""


@dataclass(frozen=True)
class Rows:
    """Answers under way, one per row of the cache."""

    owners: tuple[int, ...]
    """Which prompt each row answers."""
    cache: Cache
    mask: torch.Tensor
    """1 for the columns a row attends to, (rows, columns in use)."""
    positions: torch.Tensor
    """Of the last token in the cache, (rows, 1)."""

    @property
    def needed(self) -> int:
        """Columns from the first that any row attends to."""
        return self.mask.shape[1] - int(self.mask.any(0).int().argmax())

    def kept(self, rows: Sequence[int]) -> Rows:
        """These rows only; the cache is changed in place."""
        if len(rows) < len(self.owners):
            self.cache.batch_select_indices(torch.tensor(rows, device=self.mask.device))
        return self.chosen(rows)

    def chosen(self, rows: Sequence[int]) -> Rows:
        """These rows beside the whole cache."""
        owners = tuple(self.owners[i] for i in rows)
        chosen = torch.tensor(rows, device=self.mask.device)
        return replace(
            self, owners=owners, mask=self.mask[chosen], positions=self.positions[chosen]
        )


def stacked(parts: Sequence[tuple[Rows, Sequence[int]]]) -> Rows:
    """The chosen rows of every part under each other, without columns that none of them needs."""
    if len(parts) == 1:
        return parts[0][0].kept(parts[0][1])
    chosen = [rows.chosen(which) for rows, which in parts]
    width = max(rows.needed for rows in chosen)
    masks = [rows.mask[:, -width:] for rows in chosen]
    return Rows(
        owners=tuple(owner for rows in chosen for owner in rows.owners),
        cache=joined([(rows.cache, which) for rows, which in parts], width),
        mask=torch.cat([pad(mask, (width - mask.shape[1], 0)) for mask in masks]),
        positions=torch.cat([rows.positions for rows in chosen]),
    )


class Prefix:
    """What all prompts begin with, run through the model once."""

    @torch.inference_mode()
    def __init__(self, model: Any, prompts: Sequence[list[int]]) -> None:
        self._model = model
        shared = _beginning(prompts)
        pays = len(prompts) > 1 and len(shared) >= SHORTEST_SHARED and has_plain_attention(model)
        self.ids: list[int] = shared if pays else []
        self._cache = make_cache(model)
        if self.ids:
            ids = torch.tensor([self.ids], device=model.device)
            model.base_model(input_ids=ids, past_key_values=self._cache, use_cache=True)

    def cache(self, rows: int) -> Cache:
        """A cache of so many rows that begin with it."""
        return repeated(self._cache, rows) if self.ids else make_cache(self._model)


class Prefill:
    """Runs prompts through a model."""

    def __init__(self, model: Any, prompts: Sequence[list[int]]) -> None:
        self._model, self._prompts = model, prompts
        self._prefix = Prefix(model, prompts)
        self.joinable = has_plain_attention(model)
        """Whether fresh rows can be put under others that are further on."""

    def __call__(self, chosen: Sequence[int]) -> list[tuple[Rows, torch.Tensor]]:
        """Fresh rows for these prompts, longest first, with what predicts their first words.

        In several parts where running them apart costs less than padding them to one length.
        """
        lengths = [len(self._prompts[i]) - len(self._prefix.ids) for i in chosen]
        limit = pass_tokens(self._model.device)
        sizes = parts(lengths, limit) if self.joinable else [len(chosen)]
        ends = list(accumulate(sizes))
        return [self._run(chosen[end - n : end]) for n, end in zip(sizes, ends, strict=True)]

    def _run(self, chosen: Sequence[int]) -> tuple[Rows, torch.Tensor]:
        start = len(self._prefix.ids)
        ids, mask = left_padded([self._prompts[i][start:] for i in chosen], self._model.device)
        mask = pad(mask, (start, 0), value=1)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        rows = Rows(tuple(chosen), self._prefix.cache(len(chosen)), mask, positions[:, -1:])
        return rows, forward(self._model, ids, rows, positions[:, start:])


def parts(lengths: Sequence[int], limit: int) -> list[int]:
    """How many prompts, longest first, to run together at a time, in up to `limit` tokens."""
    sizes: list[int] = []
    longest = 0
    for index, length in enumerate(lengths):
        # Whoever comes later is no longer: this much padding is saved by beginning anew.
        saved = (longest - length) * (len(lengths) - index)
        if not sizes or saved > WORTH_A_PASS or (sizes[-1] + 1) * longest > limit:
            sizes.append(0)
            longest = length
        sizes[-1] += 1
    return sizes


def advanced(model: Any, rows: Rows, tokens: torch.Tensor) -> tuple[Rows, torch.Tensor]:
    """The rows with one more token each, (rows,), and what predicts the next."""
    mask, positions = pad(rows.mask, (0, 1), value=1), rows.positions + 1
    rows = replace(rows, mask=mask, positions=positions)
    return rows, forward(model, tokens[:, None], rows, positions)


def forward(model: Any, ids: torch.Tensor, rows: Rows, positions: torch.Tensor) -> torch.Tensor:
    """Last hidden states after these ids, (rows, width); the cache takes them in."""
    return model.base_model(
        input_ids=ids,
        attention_mask=rows.mask,
        position_ids=positions,
        past_key_values=rows.cache,
        use_cache=True,
    ).last_hidden_state[:, -1]


def _beginning(prompts: Sequence[list[int]]) -> list[int]:
    """What all begin with; at least one token of each stays, to predict what comes after it."""
    first, last = min(prompts), max(prompts)
    limit = min(map(len, prompts)) - 1
    same = [a == b for a, b in zip(first[:limit], last[:limit], strict=True)]
    return first[: (*same, False).index(False)]


def left_padded(
    prompts: Sequence[list[int]], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask, both (prompts, longest); which id pads is hidden by the mask."""
    width = max(map(len, prompts))
    ids = [[0] * (width - len(p)) + p for p in prompts]
    mask = [[0] * (width - len(p)) + [1] * len(p) for p in prompts]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)
