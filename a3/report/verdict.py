"""Was the goal reached? Intervals decide, and what could not be scored counts against us."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from a3.stats import rate_against_us
from a3.types.rates import Comparison, MeanKL, Rate
from a3.types.results import Goal, ModelReport, RunComparison, RunVerdict, VerdictKind

Standing = Literal["good", "bad", "open"]
UNCALIBRATED = "uncalibrated judge"


@dataclass(frozen=True)
class Criterion:
    """One part of the goal and how it stands."""

    name: str
    standing: Standing
    shown: str


def verdict(
    goal: Goal,
    base: ModelReport,
    repaired: ModelReport,
    comparison: RunComparison,
    calibration: str | None,
) -> RunVerdict:
    """The verdict in its simplest form (DESIGN §4.7)."""
    provisional = None if calibration else UNCALIBRATED
    if all(_below(r, goal.sfr, goal) == "good" for r in (base.confirm.sfr, base.ood.sfr)):
        reason = f"the base is below {goal.sfr:.0%} already"
        return RunVerdict(
            verdict=VerdictKind.NOTHING_TO_REPAIR, reasons=(reason,), provisional=provisional
        )
    criteria = list(_criteria(goal, base, repaired, comparison))
    standings = {c.standing for c in criteria}
    if "bad" in standings:
        kind = VerdictKind.MISSED
    elif "open" in standings:
        kind = VerdictKind.INCONCLUSIVE
    else:
        kind = VerdictKind.MET
    reasons = tuple(f"{c.name}: {c.standing} ({c.shown})" for c in criteria)
    return RunVerdict(verdict=kind, reasons=reasons, provisional=provisional)


def _criteria(
    goal: Goal, base: ModelReport, repaired: ModelReport, comparison: RunComparison
) -> Iterator[Criterion]:
    for name, before, after, change in (
        ("confirm", base.confirm, repaired.confirm, comparison.confirm),
        ("ood", base.ood, repaired.ood, comparison.ood),
    ):
        yield _limit(f"{name} SFR < {goal.sfr:.0%}", after.sfr, goal.sfr, goal)
        limit = goal.incoherent
        yield _limit(f"{name} incoherent < {limit:.0%}", after.incoherent, limit, goal)
        yield _rise(
            f"{name} FPR not above the base",
            change.fpr,
            goal.fpr_increase,
            _unscored_share(before.fpr) + _unscored_share(after.fpr),
        )
    margin = goal.capability_loss
    for task, change in comparison.capability.items():
        yield _rise(f"{task} loses at most {margin:.0%}", _loss(change), margin)
    if not comparison.capability:
        yield Criterion("capability", "open", "not measured")
    yield _drift(f"KL on the task < {goal.kl:g}", repaired.kl_task, goal.kl)


def _unscored_share(rate: Rate) -> float:
    total = rate.n + rate.unscored
    return rate.unscored / total if total else 0.0


def _limit(name: str, rate: Rate, limit: float, goal: Goal) -> Criterion:
    return Criterion(name, _below(rate, limit, goal), _range(rate.low, rate.high))


def _below(rate: Rate, limit: float, goal: Goal) -> Standing:
    """Where the interval lies; good only if it stays there with every UNSCORED a hit."""
    if rate.low is None or rate.high is None:
        return "open"
    if rate.low >= limit:
        return "bad"
    worst = rate_against_us(rate, goal.confidence)
    return "good" if worst.high is not None and worst.high < limit else "open"


def _rise(name: str, change: Comparison, margin: float, against_us: float = 0.0) -> Criterion:
    """A change must not exceed the margin (non-inferiority).

    `against_us` is what UNSCORED answers could add to it at worst; pairs leave them out.
    """
    if change.low is None or change.high is None:
        return Criterion(name, "open", "not measured")
    standing: Standing = "open"
    if change.low > margin:
        standing = "bad"
    elif change.high + against_us <= margin:
        standing = "good"
    return Criterion(name, standing, _range(change.low, change.high))


def _loss(change: Comparison) -> Comparison:
    """A gain in accuracy read as a loss."""
    low = None if change.high is None else -change.high
    high = None if change.low is None else -change.low
    return change.model_copy(update={"low": low, "high": high})


def _drift(name: str, kl: MeanKL | None, limit: float) -> Criterion:
    if kl is None or kl.low is None or kl.high is None:
        return Criterion(name, "open", "not measured")
    standing: Standing = "bad" if kl.low >= limit else "good" if kl.high < limit else "open"
    return Criterion(name, standing, f"{kl.low:.3f} to {kl.high:.3f}")


def _range(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "not measured"
    return f"{100 * low:+.1f} to {100 * high:+.1f} %"
