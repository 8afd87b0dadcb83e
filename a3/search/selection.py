"""Which trial is best: point estimates under the goal's limits (DESIGN §4.7)."""

from __future__ import annotations

from collections.abc import Sequence

from a3.types.results import Goal
from a3.types.scores import CapabilityScores, ValidationScores
from a3.types.trials import Trial, TrialScores

INFEASIBLE = 10.0
"""Added to the objective of trials that break a limit, so that they rank behind all others."""
KL_WEIGHT = 1e-3
"""KL only breaks ties in FPR."""
Limits = dict[str, tuple[float | None, float]]
"""A figure's name -> its value, None where it could not be measured, and the most it may be."""


def accuracy(scores: CapabilityScores) -> float | None:
    """Share of right items, pooled over tasks; None when there were none."""
    items = [item for task in scores.tasks.values() for item in task]
    return sum(i.correct for i in items) / len(items) if items else None


def capability_losses(before: CapabilityScores, after: CapabilityScores, goal: Goal) -> Limits:
    """What was lost, and the most that may be: where items are few, accuracy alone is noise.

    Items with options compare the log-probability of the right one, item by item; generated
    answers, which have none, compare accuracy.
    """
    nats: list[float | None] = []
    points: list[float | None] = []
    for task, items in before.tasks.items():
        repaired = {item.id: item for item in after.tasks.get(task, ())}
        for item in items:
            mine = repaired.get(item.id)
            if item.logprob is None:
                points.append(None if mine is None else item.correct - mine.correct)
            else:
                now = None if mine is None else mine.logprob
                nats.append(None if now is None else item.logprob - now)
    found: Limits = {}
    if nats:
        found["capability_logprob"] = _mean(nats), goal.capability_logprob
    if points:
        found["capability_loss"] = _mean(points), goal.capability_loss
    return found


def _mean(values: Sequence[float | None]) -> float | None:
    """None unless every value was measured."""
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def constraints(
    scores: TrialScores, base: ValidationScores, capability: CapabilityScores, goal: Goal
) -> dict[str, float]:
    """Excess over each limit, divided by the limit; at most 0 is feasible.

    `base` and `capability` are the base's. What could not be measured breaks its limit: failure is
    data.
    """
    validation = scores.validation
    found: Limits = {
        "sfr": (validation.sfr.value, goal.sfr),
        "incoherent": (validation.incoherent.value, goal.incoherent),
        "kl_task": (scores.kl_task.value, goal.kl),
        **capability_losses(capability, scores.capability, goal),
    }
    for stratum, rate in base.fpr_by_stratum.items():
        mine = validation.fpr_by_stratum.get(stratum)
        limit = (rate.value or 0.0) + goal.fpr_increase
        found[f"fpr/{stratum}"] = (mine.value if mine else None, limit)
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
