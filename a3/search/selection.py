"""Which trial is best: point estimates under the goal's limits (DESIGN §4.7)."""

from __future__ import annotations

from collections.abc import Sequence

from a3.types.results import Goal
from a3.types.scores import CapabilityScores
from a3.types.trials import Trial, TrialScores

INFEASIBLE = 10.0
"""Added to the objective of trials that break a limit, so that they rank behind all others."""
KL_WEIGHT = 1e-3
"""KL only breaks ties in FPR."""


def accuracy(scores: CapabilityScores) -> float | None:
    """Share of right items, pooled over tasks; None when there were none."""
    items = [item for task in scores.tasks.values() for item in task]
    return sum(i.correct for i in items) / len(items) if items else None


def constraints(scores: TrialScores, base: CapabilityScores, goal: Goal) -> dict[str, float]:
    """Excess over each limit, divided by the limit; at most 0 is feasible.

    What could not be measured breaks its limit: failure is data.
    """
    validation = scores.validation
    before, after = accuracy(base), accuracy(scores.capability)
    loss = 0.0 if before is None else before - (after if after is not None else 0.0)
    found = {
        "sfr": (validation.sfr.value, goal.sfr),
        "incoherent": (validation.incoherent.value, goal.incoherent),
        "capability_loss": (loss, goal.capability_loss),
        "kl_task": (scores.kl_task.value, goal.kl),
    }
    return {
        name: 1.0 if value is None else (value - limit) / limit
        for name, (value, limit) in found.items()
    }


def objective(scores: TrialScores, base: CapabilityScores, goal: Goal) -> float:
    """The selection score, lower is better: FPR, then KL; behind them whatever breaks a limit.

    A feasible trial scores FPR + 0.001 KL, below 2; any other 10 + the sum of its relative
    violations, ties broken by FPR.
    """
    fpr = scores.validation.fpr.value
    fpr = 1.0 if fpr is None else fpr
    violation = sum(max(0.0, c) for c in constraints(scores, base, goal).values())
    if violation > 0:
        return INFEASIBLE + violation + KL_WEIGHT * fpr
    return fpr + KL_WEIGHT * (scores.kl_task.value or 0.0)


def select(trials: Sequence[Trial]) -> Trial | None:
    """The best measured trial; None when none was measured."""
    measured = [t for t in trials if t.objective is not None]
    return min(measured, key=lambda t: (t.objective, t.number)) if measured else None
