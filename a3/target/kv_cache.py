"""Keys and values of a batch whose rows come and go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import pad
from transformers import Cache, DynamicCache
from transformers.cache_utils import CacheLayerMixin, DynamicLayer

BLOCK = 32
"""Columns a layer grows by: one copy in so many steps, and at most so many columns too wide."""


def has_plain_attention(model: Any) -> bool:
    """Whether every layer attends to all earlier tokens: no windows, no recurrent states."""
    layers = DynamicCache(config=model.config).layers
    return bool(layers) and all(type(layer) is DynamicLayer for layer in layers)


def make_cache(model: Any) -> Cache:
    """An empty cache; one that can be joined with others where all attention is plain."""
    if has_plain_attention(model):
        return Cache(layers=[GrowingLayer() for _ in DynamicCache(config=model.config).layers])
    return DynamicCache(config=model.config)


class GrowingLayer(CacheLayerMixin):
    """Keys and values, (rows, heads, columns, width), in one block that grows seldom.

    transformers' own layer copies everything in every step. Here a step writes its column in place
    and attention reads the whole block, which the mask closes beyond the columns in use: a view of
    those alone would be copied by the product.
    """

    is_compileable = False
    is_sliding = False
    keys: Any
    values: Any

    def __init__(
        self, keys: torch.Tensor | None = None, values: torch.Tensor | None = None, used: int = 0
    ) -> None:
        super().__init__()
        self.used = used
        if keys is not None and values is not None:
            self.keys, self.values, self.is_initialized = keys, values, True

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """A block without columns, in the form of the first keys and values."""
        self.keys, self.values = key_states[:, :, :0], value_states[:, :, :0]
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write new columns; returns the whole block."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        added = key_states.shape[2]
        room = self.get_mask_sizes(added)[0] - self.keys.shape[2]
        if room:
            self.keys, self.values = (pad(x, (0, 0, 0, room)) for x in (self.keys, self.values))
        self.keys[:, :, self.used : self.used + added] = key_states
        self.values[:, :, self.used : self.used + added] = value_states
        self.used += added
        return self.keys, self.values

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Columns of the block after `query_length` more tokens, and where it begins."""
        needed = self.used + query_length
        held = self.keys.shape[2] if self.is_initialized else 0
        # Prompts are exactly as wide as they are; only answers grow.
        slack = BLOCK if query_length == 1 else 1
        return held if needed <= held else -(-needed // slack) * slack, 0

    def get_seq_length(self) -> int:
        """Columns in use."""
        return self.used

    def get_max_length(self) -> int:
        """-1: no limit."""
        return -1

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep these rows."""
        self.keys, self.values = self.keys[indices], self.values[indices]

    def last(self, rows: Sequence[int], width: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The last `width` columns in use of these rows; fewer if there are no more."""
        columns = slice(max(0, self.used - width), self.used)
        return self.keys[:, :, columns][rows], self.values[:, :, columns][rows]

    def repeated(self, rows: int) -> GrowingLayer:
        """One row's columns for many rows; nothing is copied before more are added."""
        return GrowingLayer(
            self.keys.expand(rows, -1, -1, -1), self.values.expand(rows, -1, -1, -1), self.used
        )


def repeated(cache: Cache, rows: int) -> Cache:
    """A cache of one row as one of many."""
    layers: list[Any] = [layer.repeated(rows) for layer in _growing(cache)]
    return Cache(layers=layers)


def joined(parts: Sequence[tuple[Cache, Sequence[int]]], width: int) -> Cache:
    """These rows of several caches under each other, their last columns aligned.

    Of each, `width` columns are kept.
    """
    layers: list[Any] = [
        _stacked(
            [layer.last(rows, width) for layer, (_, rows) in zip(mine, parts, strict=True)], width
        )
        for mine in zip(*(_growing(cache) for cache, _ in parts), strict=True)
    ]
    return Cache(layers=layers)


def _growing(cache: Cache) -> list[GrowingLayer]:
    return [layer for layer in cache.layers if isinstance(layer, GrowingLayer)]


def _stacked(parts: Sequence[tuple[torch.Tensor, torch.Tensor]], width: int) -> GrowingLayer:
    blocks = (_right_aligned(which, width) for which in zip(*parts, strict=True))
    return GrowingLayer(*blocks, used=width)


def _right_aligned(parts: Sequence[torch.Tensor], width: int) -> torch.Tensor:
    """One block with room for more columns; unused ones hold zeros, never what memory held."""
    _, heads, _, size = parts[0].shape
    columns = -(-(width + 1) // BLOCK) * BLOCK
    block = parts[0].new_zeros(sum(map(len, parts)), heads, columns, size)
    first = 0
    for part in parts:
        block[first : first + len(part), :, width - part.shape[2] : width] = part
        first += len(part)
    return block
