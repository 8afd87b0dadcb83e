"""Which trial is best: point estimates under the goal's limits (DESIGN §4.7)."""

from __future__ import annotations

from collections.abc import Sequence

from a3.types.results import Goal
from a3.types.scores import CapabilityScores, ValidationScores
from a3.types.trials import INFEASIBLE, Trial, TrialScores

KL_WEIGHT = 1e-3
"""KL only breaks ties in FPR."""


def accuracy(scores: CapabilityScores) -> float | None:
    """Share of right items, pooled over tasks; None when there were none."""
    items = [item for task in scores.tasks.values() for item in task]
    return sum(i.correct for i in items) / len(items) if items else None


def limits(base: ValidationScores, goal: Goal) -> dict[str, float]:
    """Upper limits of what is measured on validation, by the names of `constraints`."""
    fpr = {
        f"fpr/{stratum}": (rate.value or 0.0) + goal.fpr_increase
        for stratum, rate in base.fpr_by_stratum.items()
    }
    return {"sfr": goal.sfr, "incoherent": goal.incoherent, **fpr}


def constraints(
    scores: TrialScores, base: ValidationScores, capability: CapabilityScores, goal: Goal
) -> dict[str, float]:
    """Excess over each limit, divided by the limit; at most 0 is feasible.

    `base` and `capability` are the base's. What could not be measured breaks its limit: failure is
    data.
    """
    validation = scores.validation
    before, after = accuracy(capability), accuracy(scores.capability)
    loss = 0.0 if before is None else before - (after if after is not None else 0.0)
    bounds = limits(base, goal)
    found = {
        "sfr": (validation.sfr.value, bounds["sfr"]),
        "incoherent": (validation.incoherent.value, bounds["incoherent"]),
        "capability_loss": (loss, goal.capability_loss),
        "kl_task": (scores.kl_task.value, goal.kl),
    }
    for stratum in base.fpr_by_stratum:
        mine, name = validation.fpr_by_stratum.get(stratum), f"fpr/{stratum}"
        found[name] = (mine.value if mine else None, bounds[name])
    return {
        name: 1.0 if value is None else (value - limit) / limit
        for name, (value, limit) in found.items()
    }


def mean_fpr(scores: ValidationScores) -> float:
    """Mean over strata, each counting alike whatever its size; what is missing counts 1."""
    rates = scores.fpr_by_stratum.values()
    return sum(1.0 if r.value is None else r.value for r in rates) / len(rates) if rates else 1.0


def objective(
    scores: TrialScores, base: ValidationScores, capability: CapabilityScores, goal: Goal
) -> float:
    """The selection score, lower is better: FPR, then KL; behind them whatever breaks a limit.

    A feasible trial scores its mean FPR over strata + 0.001 KL, below 2; any other 10 + the sum of
    its relative violations, ties broken by FPR.
    """
    fpr = mean_fpr(scores.validation)
    violation = sum(max(0.0, c) for c in constraints(scores, base, capability, goal).values())
    if violation > 0:
        return INFEASIBLE + violation + KL_WEIGHT * fpr
    return fpr + KL_WEIGHT * (scores.kl_task.value or 0.0)


def select(trials: Sequence[Trial]) -> Trial | None:
    """The best measured trial; None when none was measured."""
    measured = [t for t in trials if t.objective is not None]
    return min(measured, key=lambda t: (t.objective, t.number)) if measured else None
