"""A candidate's figures under their stable names (docs/metrics.md)."""

from __future__ import annotations

from a3.search.selection import accuracy
from a3.types.trials import Candidate


def figures(candidate: Candidate) -> dict[str, float]:
    """What was measured of it on validation, and how long that took."""
    seconds = {f"seconds/{name}": value for name, value in candidate.seconds.items()}
    if candidate.partial is not None:
        return {
            "validation/answered": candidate.partial.answered / candidate.partial.total,
            **seconds,
        }
    if candidate.scores is None:
        return {}
    validation = candidate.scores.validation
    found = {
        "validation/sfr": validation.sfr.value,
        "validation/fpr": validation.fpr.value,
        **{f"validation/fpr/{s}": rate.value for s, rate in validation.fpr_by_stratum.items()},
        "validation/incoherent": validation.incoherent.value,
        "capability/accuracy": accuracy(candidate.scores.capability),
        "kl/task": candidate.scores.kl_task.value,
        "objective": candidate.objective,
        **seconds,
    }
    return {name: value for name, value in found.items() if value is not None}
