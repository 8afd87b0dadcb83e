"""LoRA adapters on disk."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from a3.errors import MeasurementError

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
PREFIX, FIRST, SECOND = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
"""How peft names a layer's two factors on disk."""
BLOCK = re.compile(r"\.(\d+)\.")
"""Where such a name holds the number of its block."""


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
    settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    tensors = load_file(folder / WEIGHTS)
    pairs = {name.removesuffix(FIRST) for name in tensors if name.endswith(FIRST)}
    if _plain(settings) and tensors.keys() == {p + end for p in pairs for end in (FIRST, SECOND)}:
        scale = settings["lora_alpha"] / settings["r"]
        with torch.no_grad():
            for name in pairs:
                weight = model.get_submodule(name.removeprefix(PREFIX)).weight
                first, second = (tensors[name + end].to(weight.device) for end in (FIRST, SECOND))
                _add(weight, second.float() @ first.float() * scale)
        return model
    return _merged_by_peft(model, folder)


def soup(
    folders: Sequence[Path],
    scale: float,
    to: Path,
    depth: tuple[float, float] = (0, 1),
    most: int | None = None,
) -> None:
    """Write the mean of adapters times a scale as one adapter; its rank is the sum of theirs.

    Stacked factors give the mean of the products, not the product of the means, in fp32; a sum
    above `most` is cut to the nearest adapter of that rank. Blocks below and above two shares of
    the `depth` are left as in the base. All must be adapters as the trainer writes them, of the
    same layers (MeasurementError otherwise, or where none is left).
    """
    settings = [json.loads((folder / CONFIG).read_text(encoding="utf-8")) for folder in folders]
    tensors = [load_file(folder / WEIGHTS) for folder in folders]
    if not all(map(_plain, settings)) or any(t.keys() != tensors[0].keys() for t in tensors):
        raise MeasurementError(
            "a soup takes plain LoRA adapters of the same layers",
            ", ".join(str(folder) for folder in folders),
            "set search.soup=[] to do without",
        )
    names = _within(depth, tensors[0])
    shares = [scale / len(folders) * s["lora_alpha"] / s["r"] for s in settings]
    rank = sum(s["r"] for s in settings)
    pairs = [name.removesuffix(FIRST) for name in names if name.endswith(FIRST)]
    mixed: dict[str, torch.Tensor] = {}
    for name in pairs:
        first = torch.cat([t[name + FIRST].float() for t in tensors])
        second = torch.cat(
            [t[name + SECOND].float() * k for t, k in zip(tensors, shares, strict=True)], dim=1
        )
        if most is not None and rank > most:
            first, second = _cut(first, second, most)
        mixed |= {name + FIRST: first, name + SECOND: second}
    rank = min(rank, most or rank)
    modules = {name.removeprefix(PREFIX) for name in pairs}
    shape = settings[0] | {"r": rank, "lora_alpha": rank, "target_modules": sorted(modules)}
    to.mkdir(parents=True, exist_ok=True)
    (to / CONFIG).write_text(json.dumps(shape, indent=2), encoding="utf-8")
    save_file(mixed, to / WEIGHTS, metadata={"format": "pt"})


def _cut(first: torch.Tensor, second: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Factors of the rank whose product is nearest to `second @ first` (Eckart and Young, 1936).

    The product itself, as large as the layer, is never made. Where a layer is narrower than the
    rank the rest is zero, since peft wants one rank of all.
    """
    outer, inner = torch.linalg.qr(second), torch.linalg.qr(first.t())
    left, sizes, right = torch.linalg.svd(outer.R @ inner.R.t(), full_matrices=False)
    root = sizes[:rank].sqrt()
    mine = root[:, None] * (right[:rank] @ inner.Q.t())
    theirs = (outer.Q @ left[:, :rank]) * root
    missing = rank - len(root)
    pad = torch.nn.functional.pad
    return pad(mine, (0, 0, 0, missing)).contiguous(), pad(theirs, (0, missing)).contiguous()


def _within(depth: tuple[float, float], names: Iterable[str]) -> list[str]:
    """Those of the blocks between two shares of the depth; all of them where it is the whole."""
    found = sorted(names)
    if depth == (0, 1):
        return found
    block = {name: int(number[1]) for name in found if (number := BLOCK.search(name))}
    n = 1 + max(block.values(), default=-1)
    first, end = (round(share * n) for share in depth)
    if first >= end:
        raise MeasurementError(
            "search.soup_depth must hold at least one block",
            f"{list(depth)} of {n} blocks",
            "widen it",
        )
    return [name for name, number in block.items() if first <= number < end]


def _plain(settings: dict[str, Any]) -> bool:
    """Whether an adapter is W + alpha/r BA and no more, which needs none of peft's wrapping."""
    more = ("use_dora", "use_rslora", "fan_in_fan_out", "rank_pattern", "alpha_pattern")
    return settings["peft_type"] == "LORA" and not any(settings.get(name) for name in more)


def _merged_by_peft(model: Any, folder: Path) -> Any:
    from peft import PeftModel
    from peft.tuners.lora import LoraLayer

    wrapped: Any = PeftModel.from_pretrained(model, str(folder))
    with torch.no_grad():
        for module in wrapped.modules():
            if isinstance(module, LoraLayer):
                layer: Any = module
                _add(layer.get_base_layer().weight, layer.get_delta_weight("default"))
    return wrapped.unload()


def _add(weight: torch.Tensor, delta: torch.Tensor) -> None:
    weight.copy_((weight.float() + delta.float()).to(weight.dtype))
