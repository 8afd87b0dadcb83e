"""The share of hits, with exact bounds at the effective sample size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from a3.stats.clusters import (
    Design,
    Outcome,
    Values,
    df_new,
    df_these,
    variance_new,
    variance_these,
)
from a3.stats.exact import clopper_pearson, normal_quantile, t_quantile
from a3.types.rates import Interval, Rate, Side

FEW = 5
"""Below this many hits (or misses) a design effect cannot be estimated from the data."""
ASSUMED_ICC = 0.1
"""Intra-cluster correlation assumed where it cannot be estimated."""
EVEN_SHARE = 0.75
"""Where hypotheses are few, so many of them must share the hits to estimate it."""


def rate(outcomes: Sequence[Outcome], confidence: float) -> Rate:
    """The share of hits among what was scored."""
    scored = [o for o in outcomes if o.hit is not None]
    hits, n = sum(bool(o.hit) for o in scored), len(scored)
    found = Rate(
        hits=hits,
        n=n,
        unscored=len(outcomes) - n,
        clusters=len({o.source for o in scored}),
        value=hits / n if n else None,
        low=None,
        high=None,
    )
    if n == 0:
        return found
    low, high, new = _intervals(scored, confidence)
    worst, worst_new = high, new
    if len(outcomes) > n:
        against_us = [Outcome(o.hit is not False, o.source, o.hypothesis) for o in outcomes]
        _, worst, worst_new = _intervals(against_us, confidence)
    if new and worst_new:
        new = new.model_copy(update={"worst": max(new.high, worst_new.high)})
    return found.model_copy(
        update={"low": low, "high": high, "worst": max(high, worst), "new": new}
    )


def below(bounds: Rate | Interval | None, limit: float) -> Side:
    """Whether a rate is below a limit; good only if also with every UNSCORED a hit."""
    if bounds is None or bounds.low is None or bounds.worst is None:
        return "open"
    if bounds.low >= limit:
        return "bad"
    return "good" if bounds.worst < limit else "open"


def _intervals(
    outcomes: Sequence[Outcome], confidence: float
) -> tuple[float, float, Interval | None]:
    """On these hypotheses, and on new ones where there are enough."""
    values, design = np.array([float(bool(o.hit)) for o in outcomes]), Design.of(outcomes)
    low, high = map(float, share_these(values, design, confidence))
    if not design.speaks_of_new:
        return low, high, None
    new_low, new_high = map(float, share_new(values, design, confidence))
    new = Interval(low=new_low, high=new_high, worst=new_high, clusters=design.hypotheses.count)
    return low, high, new


def share_these(values: Values, design: Design, confidence: float) -> tuple[Any, Any]:
    """Bounds of the share on these hypotheses; nothing is known from a single source."""
    if design.sources.count < 2:
        return np.zeros(values.shape[:-1]), np.ones(values.shape[:-1])
    effect = _design_effect(values, variance_these(values, design))
    assumed = _assumed_effect(design.sources.typical_size)
    return _bounds(values, effect, _shrink(df_these(design), confidence), assumed, confidence)


def share_new(values: Values, design: Design, confidence: float) -> tuple[Any, Any]:
    """Bounds of the share on new hypotheses like these.

    Where the hits come from few hypotheses, the spread between hypotheses is known as badly as a
    rate is from few hits: low rates then come with low spreads, and the t interval covers too
    little (benchmarks/coverage.py). The assumed correlation is the least there, too.
    """
    shrink = _shrink(df_new(design), confidence)
    effect = _design_effect(values, variance_new(values, design))
    assumed = _assumed_effect(max(design.hypotheses.typical_size, design.sources.typical_size))
    uneven = _evenness(values, design) < min(FEW, EVEN_SHARE * design.hypotheses.count)
    effect = np.where(uneven, np.maximum(effect, assumed * shrink), effect)
    return _bounds(values, effect, shrink, assumed, confidence)


def _evenness(values: Values, design: Design) -> Values:
    """Effective number of hypotheses that hits (or misses, if rarer) come from: (Σh)² / Σh²."""
    hits = design.hypotheses.sums(values)
    rarer = np.where(values.mean(-1, keepdims=True) > 0.5, design.hypotheses.sizes - hits, hits)
    return rarer.sum(-1) ** 2 / np.maximum((rarer**2).sum(-1), 1e-12)


def _assumed_effect(size: float) -> float:
    return 1 + (size - 1) * ASSUMED_ICC


def _design_effect(values: Values, variance: Values) -> Values:
    """Variance over that of as many independent items."""
    p, n = values.mean(-1), values.shape[-1]
    return variance / (np.maximum(p * (1 - p), 1e-12) / max(n - 1, 1))


def _shrink(df: float, confidence: float) -> float:
    """What an estimated design effect costs, being itself uncertain."""
    return (normal_quantile(confidence) / t_quantile(confidence, df)) ** 2


def _bounds(
    values: Values, effect: Values, shrink: float, assumed: float, confidence: float
) -> tuple[Any, Any]:
    """Korn & Graubard 1998: Clopper-Pearson at the effective sample size.

    https://www150.statcan.gc.ca/n1/en/catalogue/12-001-X19980024356. Where hits (or misses) are too
    few to estimate a design effect, it is at least that of the assumed correlation.
    """
    n, hits = values.shape[-1], values.sum(-1)
    few = np.minimum(hits, n - hits) < FEW
    effective = n * np.where(few, 1 / np.maximum(effect, assumed), shrink / np.maximum(effect, 1.0))
    return clopper_pearson(hits / n * effective, effective, confidence)
