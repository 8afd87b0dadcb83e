"""Grouped-query attention that never copies keys and values.

transformers' eager attention repeats each key-value head for all the query heads that share it; on
a CPU those copies cost more than the products. Here the query heads of one group are rows of one
product instead. The sums are the same.
"""

from __future__ import annotations

import sys
from types import FunctionType
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask
from transformers.models.llama import modeling_llama

GROUPED = "a3_grouped"


def use_grouped(model: Any) -> None:
    """Switch a model to grouped attention if its own eager attention is the standard formula.

    Families with something of their own in it (sinks, capped scores, biases) keep theirs.
    """
    family = sys.modules[type(model).__module__]
    theirs = getattr(family, "eager_attention_forward", None)
    if theirs is not None and _same_code(theirs, modeling_llama.eager_attention_forward):
        AttentionInterface.register(GROUPED, grouped_attention)
        AttentionMaskInterface.register(GROUPED, eager_mask)
        model.set_attn_implementation(GROUPED)


def grouped_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    **rest: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of (batch, heads, length, width) to fewer key-value heads.

    `attention_mask` is added to the scores, (batch, 1, length, keys); the result is
    (batch, length, heads, width). Called by transformers, whose order of arguments this is.
    """
    batch, heads, length, width = query.shape
    shared = key.shape[1]
    grouped = query.reshape(batch, shared, heads // shared * length, width)
    scores = (grouped @ key.transpose(2, 3)) * scaling
    scores = scores.view(batch, heads, length, -1)
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    weights = torch.nn.functional.dropout(
        weights, p=rest.get("dropout", 0.0), training=module.training
    )
    found = weights.view(batch, shared, -1, weights.shape[-1]) @ value
    return found.view(batch, heads, length, width).transpose(1, 2).contiguous(), None


def _same_code(one: FunctionType, other: FunctionType) -> bool:
    """Families are copies of each other: transformers repeats the standard function."""
    return all(
        getattr(one.__code__, part) == getattr(other.__code__, part)
        for part in ("co_code", "co_consts", "co_names", "co_varnames")
    )
