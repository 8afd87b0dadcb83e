"""The parts of a goal: how each stands, and how many items would decide it where it is open."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from a3.stats import (
    MIN_HYPOTHESES,
    below,
    effective_n,
    n_to_decide,
    non_inferior,
    pair_variance,
    pairs_to_show,
)
from a3.types.rates import Comparison, Interval, MeanKL, Rate, Side
from a3.types.results import Goal, More

NOT_ESTIMABLE = f"not estimable, needs at least {MIN_HYPOTHESES} OOD hypotheses"
NOT_MEASURED = "not measured"
PLANNED_POWER = 0.85
"""Leaves 80 % after the noise of an estimated design effect (benchmarks/coverage.py)."""


@dataclass(frozen=True)
class Criterion:
    """One part of the goal and how it stands."""

    name: str
    side: Side
    shown: str
    more: More | None = None

    @property
    def reason(self) -> str:
        """One line of the report."""
        asks = f"; {in_words(self.more)} would decide" if self.more else ""
        return f"{self.name}: {self.side} ({self.shown}{asks})"


def in_words(more: More) -> str:
    """`about 1,300 more items from 12 more hypotheses`; rounded up to two digits."""
    digits = max(0, len(str(more.items)) - 2)
    items = math.ceil(more.items / 10**digits) * 10**digits
    of = f" from {more.hypotheses:,} more hypotheses" if more.hypotheses else ""
    return f"about {items:,} more items{of}"


def limit(name: str, rate: Rate, most: float, goal: Goal, new: bool) -> Criterion:
    """A rate must lie below a limit; `new`: on new hypotheses like these."""
    if rate.value is None:
        return Criterion(name, "open", NOT_MEASURED)
    bounds = rate.new if new else rate
    if bounds is None or bounds.low is None or bounds.high is None:
        return Criterion(name, "open", NOT_ESTIMABLE if new else NOT_MEASURED)
    side, shown = below(bounds, most), _percent(bounds.low, bounds.high)
    if side == "open" and bounds.high < most:
        return Criterion(name, side, _unscored(shown, bounds.worst))
    if side != "open" or bounds.high - bounds.low >= 1:  # A single source: nothing to go by.
        return Criterion(name, side, shown)
    effective = effective_n(rate.value, bounds.low, bounds.high, goal.confidence)
    effect = max(1.0, rate.n / effective)
    total = _first_above(
        rate.n,
        goal.resolution,
        lambda apart: effect * n_to_decide(most, apart, goal.confidence, PLANNED_POWER),
    )
    return Criterion(name, side, shown, _more(rate.n, total, rate.new if new else None))


def rise(name: str, change: Comparison, margin: float, goal: Goal, new: bool) -> Criterion:
    """A figure that should be low must not rise by more than the margin (non-inferiority)."""
    if change.difference is None:
        return Criterion(name, "open", NOT_MEASURED)
    bounds = change.new if new else change
    if bounds is None or bounds.low is None or bounds.high is None:
        return Criterion(name, "open", NOT_ESTIMABLE if new else NOT_MEASURED)
    side, shown = non_inferior(bounds, margin), _percent(bounds.low, bounds.high)
    if side != "open":
        return Criterion(name, side, shown)
    if bounds.high <= margin:
        return Criterion(name, side, _unscored(shown, bounds.worst))
    total = _pairs(bounds.low, bounds.high, change.n_pairs, margin, goal)
    return Criterion(name, side, shown, _more(change.n_pairs, total, change.new if new else None))


def capability(
    task: str, accuracy: Comparison, logprob: Comparison | None, goal: Goal
) -> Criterion:
    """Accuracy where there are enough items to decide it, else the right option's log-probability.

    Where answers are generated there is no `logprob`, and accuracy alone decides. Items are enough
    if as many could show an unchanged model to lose less than the limit. A loss of accuracy that
    shows all the same is bad in any case.
    """
    margin, loss = goal.capability_loss, _loss(accuracy)
    found = rise(f"{task} loses at most {margin:.0%}", loss, margin, goal, new=False)
    if found.side == "bad" or logprob is None or loss.low is None or loss.high is None:
        return found
    variance = pair_variance(loss.low, loss.high, loss.n_pairs, goal.confidence)
    needed = pairs_to_show(variance, margin, goal.confidence)
    if loss.n_pairs >= needed:
        return found
    return _gate(task, _loss(logprob), needed, goal)


def _gate(task: str, loss: Comparison, needed: int, goal: Goal) -> Criterion:
    margin = goal.capability_logprob
    name = f"{task} log-probability falls at most {margin:g} nats"
    if loss.low is None or loss.high is None:
        return Criterion(name, "open", NOT_MEASURED)
    side = non_inferior(loss, margin)
    more = None
    if side == "open":
        more = _more(loss.n_pairs, _pairs(loss.low, loss.high, loss.n_pairs, margin, goal))
    why = f"accuracy takes about {needed:,} items, has {loss.n_pairs:,}"
    return Criterion(name, side, f"{loss.low:+.3f} to {loss.high:+.3f} nats; {why}", more)


def drift(name: str, kl: MeanKL | None, most: float) -> Criterion:
    """KL must lie below its limit."""
    if kl is None or kl.low is None or kl.high is None:
        return Criterion(name, "open", NOT_MEASURED)
    side: Side = "bad" if kl.low >= most else "good" if kl.high < most else "open"
    return Criterion(name, side, f"{kl.low:.3f} to {kl.high:.3f}")


def _loss(change: Comparison) -> Comparison:
    """A gain read as a loss; capability has no UNSCORED items."""
    low = None if change.high is None else -change.high
    high = None if change.low is None else -change.low
    return change.model_copy(update={"low": low, "high": high, "worst": high})


def _pairs(low: float, high: float, n: int, margin: float, goal: Goal) -> float:
    """Pairs that show a margin kept where nothing changed in truth."""
    variance = pair_variance(low, high, n, goal.confidence)
    return _first_above(n, margin, lambda apart: pairs_to_show(variance, apart, goal.confidence))


def _first_above(n: int, apart: float, needed: Callable[[float], float]) -> float:
    """Items needed; an open criterion with that many already lies nearer to its limit."""
    while (total := needed(apart)) <= n:
        apart /= 2
    return total


def _more(n: int, total: float, new: Interval | None = None) -> More:
    """Items beyond n; more items on the same hypotheses would not narrow a claim about new ones."""
    hypotheses = math.ceil(new.clusters * total / n) - new.clusters if new else 0
    return More(items=math.ceil(total) - n, hypotheses=hypotheses)


def _unscored(shown: str, worst: float | None) -> str:
    """Good but for the UNSCORED: more items would not help, scoring these would."""
    return shown if worst is None else f"{shown}, but {100 * worst:+.1f} with UNSCORED against it"


def _percent(low: float, high: float) -> str:
    return f"{100 * low:+.1f} to {100 * high:+.1f} %"
