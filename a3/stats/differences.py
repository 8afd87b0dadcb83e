"""Paired differences: repaired minus base on the same items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from a3.stats.bootstrap import bootstrap_t
from a3.stats.clusters import (
    Design,
    Outcome,
    Values,
    df_new,
    df_these,
    source_sums,
    variance_new,
    variance_these,
)
from a3.stats.exact import binomial_test, t_quantile
from a3.stats.rates import FEW, share_new, share_these
from a3.types.rates import Comparison, Interval, Side

MIN_BOOTSTRAP = 20
"""With fewer clusters a bootstrap covers too little."""

UNMEASURED = Comparison(difference=None, low=None, high=None, test="none", n_pairs=0, n_clusters=0)


def paired_difference(
    base: Sequence[Outcome], repaired: Sequence[Outcome], confidence: float
) -> Comparison:
    """Repaired minus base over the pairs in which both are scored.

    Both sequences hold the same items in the same order.
    """
    pairs = list(zip(base, repaired, strict=True))
    scored = [(b, r) for b, r in pairs if b.hit is not None and r.hit is not None]
    changes = [float(bool(r.hit)) - float(bool(b.hit)) for b, r in scored]
    found = _comparison([b for b, _ in scored], changes, confidence)
    if 0 < len(scored) < len(pairs):
        # UNSCORED is a hit of the repaired and none of the base.
        against_us = [float(r.hit is not False) - float(b.hit is True) for b, r in pairs]
        found = _with_worst(found, _comparison(base, against_us, confidence))
    return found.model_copy(update={"mcnemar": mcnemar(changes)})


def paired_means(differences: Sequence[float], confidence: float) -> Comparison:
    """The mean of independent paired differences (one per item), by Student's t."""
    items = [Outcome(hit=True, source=str(i)) for i in range(len(differences))]
    return _comparison(items, list(differences), confidence, binary=False)


def mcnemar(changes: Sequence[float]) -> float | None:
    """Exact two-sided p-value of no change, over the pairs that changed.

    It takes all pairs as independent and so says too much where they cluster; no verdict uses it.
    """
    worse, better = sum(c > 0 for c in changes), sum(c < 0 for c in changes)
    return binomial_test(worse, worse + better) if changes else None


def non_inferior(change: Comparison | Interval | None, margin: float) -> Side:
    """Whether a figure that should be low has risen by less than the margin.

    Good only if it holds with every UNSCORED counted against the repair.
    """
    if change is None or change.low is None or change.worst is None:
        return "open"
    if change.low > margin:
        return "bad"
    return "good" if change.worst <= margin else "open"


def _comparison(
    outcomes: Sequence[Outcome],
    differences: Sequence[float],
    confidence: float,
    binary: bool = True,
) -> Comparison:
    if not outcomes:
        return UNMEASURED
    values, design = np.array(differences, dtype=float), Design.of(outcomes)
    few = binary and bool(_hardly_any(values, design.strata.residuals(values)))
    low = high = None
    if design.sources.count > 1:
        low, high = map(float, difference_these(values, design, confidence, binary))
    return Comparison(
        difference=float(values.mean()),
        low=low,
        high=high,
        worst=high,
        test="exact bounds on both kinds of change" if few else "clustered t",
        n_pairs=design.n,
        n_clusters=design.sources.count,
        mcnemar=None,
        bootstrap=None if few else _bootstrap(values, design, confidence),
        new=_new(values, design, confidence, binary),
    )


def _new(values: Values, design: Design, confidence: float, binary: bool) -> Interval | None:
    if not design.speaks_of_new:
        return None
    low, high = map(float, difference_new(values, design, confidence, binary))
    return Interval(low=low, high=high, worst=high, clusters=design.hypotheses.count)


def _bootstrap(values: Values, design: Design, confidence: float) -> tuple[float, float] | None:
    if design.sources.count < MIN_BOOTSTRAP:
        return None
    return bootstrap_t(float(values.mean()), source_sums(values, design) / design.n, confidence)


def _with_worst(found: Comparison, against_us: Comparison) -> Comparison:
    """The upper bounds of `against_us` where they are higher."""
    new = found.new
    if new and against_us.new:
        new = new.model_copy(update={"worst": max(new.worst, against_us.new.worst)})
    worst = found.worst
    if worst is not None and against_us.worst is not None:
        worst = max(worst, against_us.worst)
    return found.model_copy(update={"worst": worst, "new": new})


def difference_these(
    values: Values, design: Design, confidence: float, binary: bool = True
) -> tuple[Any, Any]:
    """Bounds of the mean difference on these hypotheses."""
    half = t_quantile(confidence, df_these(design)) * np.sqrt(variance_these(values, design))
    residuals = design.strata.residuals(values)
    return _bounds(values, residuals, half, confidence, binary and _shares(share_these, design))


def difference_new(
    values: Values, design: Design, confidence: float, binary: bool = True
) -> tuple[Any, Any]:
    """Bounds of the mean difference on new hypotheses like these."""
    half = t_quantile(confidence, df_new(design)) * np.sqrt(variance_new(values, design))
    residuals = values - values.mean(-1, keepdims=True)
    return _bounds(values, residuals, half, confidence, binary and _shares(share_new, design))


Shares = Callable[[Values, float], tuple[Any, Any]]


def _shares(bounds: Callable[[Values, Design, float], tuple[Any, Any]], design: Design) -> Shares:
    return lambda values, confidence: bounds(values, design, confidence)


def _hardly_any(values: Values, residuals: Values) -> Any:
    """Whether too little changed, or changed too evenly, to tell a variance from.

    Evenly: all items of each hypothesis alike, which a handful of items can do by chance.
    """
    changed = np.count_nonzero(values, axis=-1)
    uneven = np.count_nonzero(np.abs(residuals) > 1e-9, axis=-1)
    return np.minimum(changed, uneven) < FEW


def _bounds(
    values: Values, residuals: Values, half: Values, confidence: float, shares: Shares | bool
) -> tuple[Any, Any]:
    """Student's t; for binary outcomes exact bounds where there is too little to go by."""
    mean = values.mean(-1)
    low, high = mean - half, mean + half
    if isinstance(shares, bool):
        return low, high
    few = _hardly_any(values, residuals)
    if few.any():
        few_low, few_high = _few_bounds(values, confidence, shares)
        low, high = np.where(few, few_low, low), np.where(few, few_high, high)
    return np.maximum(low, -1.0), np.minimum(high, 1.0)


def _few_bounds(values: Values, confidence: float, shares: Shares) -> tuple[Any, Any]:
    """With hardly any change the variance is near zero and would claim certainty.

    Instead the shares of items that got worse and that got better are bounded apart, each at half
    the error rate, so that the difference of the bounds holds by Bonferroni.
    """
    halved = 0.5 + confidence / 2
    worse = shares((values > 0).astype(float), halved)
    better = shares((values < 0).astype(float), halved)
    return worse[0] - better[1], worse[1] - better[0]
