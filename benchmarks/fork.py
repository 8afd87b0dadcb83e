"""Another run on a finished one's explore, split and baseline: one factor at a time.

.venv/bin/python -m benchmarks.fork RUN_FOLDER TO [key=value ...]

The overrides are those of the run with the new ones behind them, and may choose groups
(`experiment=random_mix`). TO is an ordinary run folder; what it holds is told apart by its
config.json, and `python -m a3 resume=TO` goes on where it was interrupted. Held-out sets are drawn
by today's rule. For development on spent seeds, and where rows must share an explore: two runs of
one seed that answer at the same time may not explore alike (bf16 depends on what is batched).
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from a3.config import Config, dump
from a3.config.compose import compose
from a3.errors import ConfigError, StoreError

SHARED = ("explore", "split", "baseline")
"""Stages taken over."""
TAKEN = (
    *(f"stages/{name}.json" for name in SHARED),
    *(f"stages/seconds/{name}.json" for name in SHARED),
    "stages/verdicts/base.json",
    "provenance.jsonl",  # What explored was the code of then.
)
READ: dict[str, tuple[str, ...]] = {
    "goal": ("confidence",),
    "respond": ("cross",),
    "evals": ("max_unscored",),
    "budget": (
        "facts",
        "rounds",
        "queries_per_round",
        "queries_per_hypothesis",
        "hypotheses_per_stratum",
        "queries_per_stratum",
        "capability_items",
    ),
    **dict.fromkeys(("method", "general_data", "search", "train", "tracker", "executor"), ()),
}
"""What the shared stages read of these sections; they may read all of any other."""


def fork(run: Path, to: Path, changes: list[str]) -> tuple[Config, list[str]]:
    """Make the folder of the new run: its configuration and all overrides.

    Raises StoreError if the run has no baseline yet or the folder is taken, and ConfigError for a
    change that would have changed a shared stage.
    """
    if absent := [name for name in SHARED if not (run / f"stages/{name}.json").is_file()]:
        raise StoreError(
            "a fork needs a run that has its baseline",
            f"no {', '.join(absent)} in {run}/stages",
            f"go on with it: python -m a3 resume={run}",
        )
    if to.exists():
        raise StoreError(
            "a fork needs a folder of its own", f"{to} is there", f"python -m a3 resume={to}"
        )
    overrides = json.loads((run / "overrides.json").read_text()) + changes
    config = compose(overrides, to)
    _check(json.loads((run / "config.json").read_text()), dump(config))
    for name in TAKEN:
        copy = to / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(run / name, copy)
    return config, overrides


def _check(before: dict[str, Any], after: dict[str, Any]) -> None:
    changed = [key for key in before | after if _shared(key, before) != _shared(key, after)]
    if changed:
        raise ConfigError(
            "a fork may change only what explore, split and baseline do not read",
            ", ".join(changed),
            "start a run of its own with it",
        )


def _shared(key: str, config: dict[str, Any]) -> Any:
    """What the shared stages read of a section; where a run lies is nothing to them."""
    if key == "run_dir":
        return None
    section = config.get(key)
    return [section.get(k) for k in READ[key]] if section and key in READ else section


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("to", type=Path)
    parser.add_argument("changes", nargs="*")
    arguments = parser.parse_args()
    config, overrides = fork(arguments.run, arguments.to, arguments.changes)
    from a3 import pipeline  # Heavy, so after everything that may be wrong.

    pipeline.run(config, arguments.to, overrides, resumed=True)


if __name__ == "__main__":
    main()
