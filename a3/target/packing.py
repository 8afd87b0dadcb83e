"""Weights laid out once as the CPU's bf16 kernels want them.

A plain linear layer has its weights rearranged by oneDNN in every call, which for the few rows of
a decoding step costs up to as much as the product. The operators are those that torch.compile
emits for frozen weights.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def pack(model: Any) -> None:
    """Replace every bf16 linear layer by a packed one, where this CPU has the kernels.

    Such a model answers; it can be neither trained nor saved.
    """
    if not _supported():
        return
    for parent in list(model.modules()):
        for name, layer in parent.named_children():
            # Not a subclass, whose forward may do more.
            if type(layer) is nn.Linear and layer.weight.dtype is torch.bfloat16:
                setattr(parent, name, PackedLinear(layer))


class PackedLinear(nn.Module):
    """A linear layer that only infers."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self._bias = None if layer.bias is None else layer.bias.detach()
        self._packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As nn.Linear's, up to the order of its sums."""
        return torch.ops.mkldnn._linear_pointwise(x, self._packed, self._bias, "none", [], "")


def _supported() -> bool:
    operators = torch.ops.mkldnn
    needed = ("_linear_pointwise", "_reorder_linear_weight", "_is_mkldnn_bf16_supported")
    return (
        torch.backends.mkldnn.is_available()
        and all(hasattr(operators, name) for name in needed)
        and operators._is_mkldnn_bf16_supported()
    )
