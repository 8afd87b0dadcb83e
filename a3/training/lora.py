"""The base with a fresh LoRA adapter, ready to train."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any

import torch

from a3.target import devices
from a3.target.attention import use_grouped
from a3.target.local import LocalTarget
from a3.types.model import HubSource
from a3.types.trials import TrialJob

NAME = "default"
"""peft's name for a model's only adapter."""


@contextmanager
def lora(target: LocalTarget, job: TrialJob) -> Iterator[Any]:
    """A peft model; afterwards the target answers as before, where both share their weights."""
    model = with_lora(target, job)
    try:
        yield model
    finally:
        if devices.shares_weights(target.device):
            base = model.unload()
            base.gradient_checkpointing_disable()
            base.eval().requires_grad_(False)


def with_lora(target: LocalTarget, job: TrialJob) -> Any:
    """A peft model; the adapter's weights have the base's format and the job's seed."""
    from peft import LoraConfig, get_peft_model

    shape = LoraConfig(
        r=job.config.lora.rank,
        lora_alpha=job.config.lora.alpha,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    base = target.model if devices.shares_weights(target.device) else target.load_base()
    if target.device.type == "cpu":
        use_grouped(base)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(job.seed)
        model = get_peft_model(base, shape, autocast_adapter_dtype=False)
    _fuse(model)
    source = target.spec.source
    name = source.id if isinstance(source, HubSource) else str(target.folder)
    written: Any = model.peft_config[NAME]
    written.base_model_name_or_path = name
    # peft writes a set, in an order of each process's own; an adapter is known by its files' hash.
    written.target_modules = sorted(written.target_modules)
    return model


def _fuse(model: Any) -> None:
    """Let each layer add its adapter's product in place of scaling it, then adding it."""
    from peft.tuners.lora import Linear

    for layer in model.modules():
        if type(layer) is Linear and not layer.lora_variant:
            layer.forward = MethodType(_forward, layer)


def _forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
    """W x + alpha/r B A x, as peft computes it but in two passes over the output fewer."""
    plain = layer.base_layer(x)
    inner, outer = layer.lora_A[NAME](x), layer.lora_B[NAME].weight
    flat = torch.addmm(
        plain.flatten(0, -2), inner.flatten(0, -2), outer.t(), alpha=layer.scaling[NAME]
    )
    return flat.view_as(plain)
