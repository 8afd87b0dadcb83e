"""Answering with the adapters of several trials: merged, against the base's own speed.

.venv/bin/python -m benchmarks.adapters

Four random adapters (rank 16, every linear layer, too small to change much, so that answers are
about as long) answer 128 sycophancy queries each. `base`: the base answers them four times, loaded
once. `merged`: A3's way, the base loaded and an adapter merged in fp32 four times, all in the time.
`unmerged`: peft's way, the adapter beside the base, the answers made by A3's own decoding; one of
the four, loading included.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from a3.target.attention import use_grouped
from a3.target.local import LocalTarget
from a3.types.answers import Decoding
from a3.types.chat import Conversation
from benchmarks.ways import main, queries, target, timed

ADAPTERS, PROMPTS = 4, 128
DECODING = Decoding(max_new_tokens=48)


def adapters(folder: Path) -> list[Path]:
    """Random adapters on disk, the same in every process."""
    from peft import LoraConfig, get_peft_model

    found: list[Path] = []
    for seed in range(ADAPTERS):
        torch.manual_seed(seed)
        shape = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear")
        model = get_peft_model(target().load_base(), shape, autocast_adapter_dtype=False)
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.data.normal_(0, 1e-4)
        model.save_pretrained(folder / str(seed))
        found.append(folder / str(seed))
    return found


def base() -> dict[str, Any]:
    mine, asked = target(), _asked()
    mine.generate(asked[:2], Decoding(max_new_tokens=4), "")
    return _answered([mine] * ADAPTERS, asked)


def merged() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        mine, paths = target(), adapters(Path(folder))
        return _answered((mine.with_adapter(path) for path in paths), _asked())


def unmerged() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        mine, paths = target(), adapters(Path(folder))
        return _answered((_beside(mine, path) for path in paths[:1]), _asked())


def _beside(mine: LocalTarget, path: Path) -> LocalTarget:
    """A target whose model keeps the adapter apart, as peft loads it."""
    from peft import PeftModel

    model = PeftModel.from_pretrained(mine.load_base(), str(path)).eval()
    use_grouped(model.get_base_model())
    mine.__dict__["model"] = model.get_base_model()
    return mine


def _asked() -> list[Conversation]:
    return [query for _, query in queries(PROMPTS)]


def _answered(targets: Iterable[LocalTarget], asked: list[Conversation]) -> dict[str, Any]:
    result: dict[str, Any] = {"n": len(asked), "units": 0}
    with timed(result):
        for one in targets:
            answers = one.generate(asked, DECODING, "")
            result["units"] += sum(a[0].n_tokens for a in answers)
            if one.adapter:
                one.unload()
    return {"answers": result}


if __name__ == "__main__":
    ways = {"base": base, "merged": merged, "unmerged": unmerged}
    main("adapters", ways, {"answers": "tokens"}, str(__doc__))
