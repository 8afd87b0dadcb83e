"""Results of runs that never ran."""

from typing import Any

from a3.types.results import Cost, Provenance, RunResult, VerdictKind

NOWHERE = Provenance(
    commit=None,
    dirty=None,
    python="3.12",
    versions={},
    weights="-",
    dtype="float32",
    device="cpu",
    prompts={},
    judge="rules-1",
)


def run_result(**parts: Any) -> RunResult:
    """A finished run of the tiny model; `base`, `repaired` and `comparison` must be given."""
    usual = {
        "run_id": "r",
        "status": "complete",
        "risk": "sycophancy",
        "model": "tiny",
        "method": "a3",
        "seed": 7,
        "verdict": VerdictKind.MISSED,
        "reasons": (),
        "provisional": None,
        "best_trial": 0,
        "n_trials": 1,
        "adapter": None,
        "objective": 0.5,
        "cost": Cost(),
        "seconds": {"explore": 1.0},
        "provenance": NOWHERE,
    }
    return RunResult(**usual | parts)
