"""Finished runs, and which of them belong to one row of a comparison."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from a3.errors import StoreError
from a3.types.evaluation import Evaluation
from a3.types.results import RunResult

CHOICES = ("method.name", "respond.source", "search.name", "train.objective", "goal.name")
"""What may tell rows apart."""
SEARCHES = ("a3",)
"""Methods that search; in the others `search` plays no part."""


@dataclass(frozen=True)
class Finished:
    """One run that came to its end."""

    config: Mapping[str, Any]
    result: RunResult
    evaluation: Evaluation | None
    """None: its verdicts are not stored, so it cannot be paired."""


def read(folder: Path) -> Finished:
    """A run folder. Raises StoreError if the run is not finished."""
    if not (folder / "result.json").is_file():
        raise StoreError(
            "only finished runs can be compared",
            f"no result.json in {folder}",
            f"finish it with: python -m a3 resume={folder}",
        )
    stored = folder / "stages" / "evaluate.json"
    return Finished(
        config=json.loads((folder / "config.json").read_text()),
        result=RunResult.model_validate_json((folder / "result.json").read_text()),
        evaluation=Evaluation.model_validate_json(stored.read_text()) if stored.is_file() else None,
    )


Rows = dict[str, dict[int, Finished]]
"""Runs by row and seed."""


def grouped(runs: Sequence[Finished]) -> Rows:
    """Rows in order of first appearance, named by what varies. Raises StoreError if none fits."""
    if len({(r.result.risk, r.result.model) for r in runs}) != 1:
        raise StoreError(
            "compared runs must repair one model of one risk",
            ", ".join(sorted({f"{r.result.risk} on {r.result.model}" for r in runs})) or "no runs",
            "name the run folders of one risk and one model",
        )
    values = [_choices(r.config) for r in runs]
    found: Rows = defaultdict(dict)
    for run, mine in zip(runs, values, strict=True):
        alike = [v for v in values if v["method.name"] == mine["method.name"]]
        differing = [k for k in mine if len({v[k] for v in alike}) > 1]
        row = " ".join([mine["method.name"], *(f"{k.split('.')[0]}={mine[k]}" for k in differing)])
        if run.result.seed in found[row]:
            raise StoreError(
                "each row must hold one run a seed",
                f"two runs of `{row}` with seed {run.result.seed}",
                "leave one of them out",
            )
        found[row][run.result.seed] = run
    return dict(found)


def _choices(config: Mapping[str, Any]) -> dict[str, str]:
    """A run's values of CHOICES, as far as they play a part in its method."""
    found = {key: str(config[key.split(".")[0]][key.split(".")[1]]) for key in CHOICES}
    if found["method.name"] == "none":
        return {"method.name": "none"}
    if found["method.name"] not in SEARCHES:
        del found["search.name"]
    return found
