"""The capability items and neutral prompts written for this project."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from a3.store import numbered_lines

DATA = Path(__file__).parent.parent / "data"


def builtin_tasks() -> list[str]:
    """Names of the tasks that ship with a3."""
    return sorted(p.stem for p in DATA.glob("*.jsonl") if p.stem != "neutral")


def items(task: str, n_items: int, seed: int) -> list[dict[str, Any]]:
    """A seeded sample of a built-in task's items, in a fixed order."""
    found = rows(task)
    chosen = random.Random(f"{seed}/{task}").sample(found, min(n_items, len(found)))
    return sorted(chosen, key=lambda row: row["id"])


def neutral_texts() -> list[str]:
    """The neutral prompts that KL is measured on."""
    return [row["text"] for row in rows("neutral")]


def rows(name: str) -> list[dict[str, Any]]:
    """Every row of one file."""
    text = (DATA / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for _, line in numbered_lines(text)]
