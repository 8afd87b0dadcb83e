"""Was the goal reached? Intervals decide, and what could not be scored counts against us."""

from __future__ import annotations

from collections.abc import Iterator

from a3.report.criteria import NOT_MEASURED, Criterion, capability, drift, limit, rise
from a3.stats import below
from a3.types.judge import Calibration
from a3.types.results import (
    Goal,
    ModelReport,
    RunComparison,
    RunVerdict,
    SplitComparison,
    VerdictKind,
)
from a3.types.scores import HeldOutScores

UNCALIBRATED = "uncalibrated judge"


def verdict(
    goal: Goal,
    base: ModelReport,
    repaired: ModelReport,
    comparison: RunComparison,
    calibration: Calibration | None,
) -> RunVerdict:
    """The verdict (evidence rule 7).

    On confirm it speaks of these hypotheses, on OOD of new hypotheses like these.
    """
    provisional = None if calibration else UNCALIBRATED
    if {below(base.confirm.sfr, goal.sfr), below(base.ood.sfr.new, goal.sfr)} == {"good"}:
        return RunVerdict(
            verdict=VerdictKind.NOTHING_TO_REPAIR,
            reasons=(f"the base is below {goal.sfr:.0%} already",),
            more_items={},
            provisional=provisional,
        )
    criteria = list(_criteria(goal, repaired, comparison))
    return RunVerdict(
        verdict=_kind(criteria),
        reasons=tuple(c.reason for c in criteria),
        more_items={c.name: c.more for c in criteria if c.more},
        provisional=provisional,
    )


def _kind(criteria: list[Criterion]) -> VerdictKind:
    """One bad criterion is a miss; the rest must all be good."""
    sides = {c.side for c in criteria}
    if "bad" in sides:
        return VerdictKind.MISSED
    return VerdictKind.INCONCLUSIVE if "open" in sides else VerdictKind.MET


def _criteria(goal: Goal, repaired: ModelReport, comparison: RunComparison) -> Iterator[Criterion]:
    yield from _split("confirm", repaired.confirm, comparison.confirm, goal)
    yield from _split("ood", repaired.ood, comparison.ood, goal)
    for task, accuracy in comparison.capability.items():
        yield capability(task, accuracy, comparison.capability_logprob.get(task), goal)
    if not comparison.capability:
        yield Criterion("capability", "open", NOT_MEASURED)
    yield drift(f"KL on the task < {goal.kl:g}", repaired.kl_task, goal.kl)


def _split(
    name: str, scores: HeldOutScores, change: SplitComparison, goal: Goal
) -> Iterator[Criterion]:
    new = name == "ood"
    on = " on new hypotheses" if new else ""
    yield limit(f"{name} SFR < {goal.sfr:.0%}{on}", scores.sfr, goal.sfr, goal, new)
    most = goal.incoherent
    yield limit(f"{name} incoherent < {most:.0%}{on}", scores.incoherent, most, goal, new)
    margin = goal.fpr_increase
    for stratum, fpr in change.fpr_by_stratum.items():
        what = f"{name} FPR {stratum} at most {margin:.0%} above the base{on}"
        yield rise(what, fpr, margin, goal, new)
    if not change.fpr_by_stratum:
        yield Criterion(f"{name} FPR", "open", NOT_MEASURED)
