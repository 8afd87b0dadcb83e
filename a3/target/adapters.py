"""LoRA adapters on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"


def adapter_hash(folder: Path) -> str:
    """Hash of an adapter's weights and configuration."""
    digest = hashlib.sha256()
    for name in (CONFIG, WEIGHTS):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def merged(model: Any, folder: Path) -> Any:
    """A model with the adapter merged in; `model` is used up.

    Each product is added to its weight in fp32 and rounded once. An unmerged adapter would slow
    generation down, and a merge in bf16 would lose small updates.
    """
    from peft import PeftModel
    from peft.tuners.lora import LoraLayer

    wrapped: Any = PeftModel.from_pretrained(model, str(folder))
    with torch.no_grad():
        for module in wrapped.modules():
            if isinstance(module, LoraLayer):
                layer: Any = module
                weight, delta = layer.get_base_layer().weight, layer.get_delta_weight("default")
                weight.copy_((weight.float() + delta.float()).to(weight.dtype))
    return wrapped.unload()
