"""How far a judge agrees with people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from a3.stats.clusters import Outcome, Values
from a3.stats.exact import normal_quantile
from a3.stats.rates import rate
from a3.types.rates import Agreement, Estimate, Rate


def agreement(pairs: Sequence[tuple[str, str]], confidence: float) -> Agreement:
    """Agreement over (human label, judge's label) of items taken as independent."""
    counts = Counter(pairs)
    labels = sorted({label for pair in pairs for label in pair})
    table = np.array([[counts[h, j] for j in labels] for h in labels], dtype=float)
    same = _share([h == j for h, j in pairs], confidence)
    return Agreement(
        n=len(pairs),
        accuracy=same,
        kappa=_kappa(table, same, confidence),
        recall={
            label: _share([j == label for h, j in pairs if h == label], confidence)
            for label in labels
            if any(h == label for h, _ in pairs)
        },
        confusion={
            h: {j: counts[h, j] for j in labels if counts[h, j]}
            for h in labels
            if any(human == h for human, _ in pairs)
        },
    )


def _share(hits: Sequence[bool], confidence: float) -> Rate:
    return rate([Outcome(hit, str(i)) for i, hit in enumerate(hits)], confidence)


def _kappa(table: Values, same: Rate, confidence: float) -> Estimate:
    """Cohen's kappa with the large-sample interval of Fleiss, Cohen & Everitt 1969.

    Undefined where both always give one and the same label. Where they never differ the variance
    is 0, and the exact bound of the accuracy takes its place.
    """
    n = float(table.sum())
    if n == 0:
        return Estimate(value=None, low=None, high=None)
    p = table / n
    human, judge = p.sum(1), p.sum(0)
    # Of counts, not of shares, whose rounding would hide that two never differ.
    observed = float(np.trace(table)) / n
    chance = float(table.sum(1) @ table.sum(0)) / n**2
    if chance >= 1:
        return Estimate(value=None, low=None, high=None)
    kappa = (observed - chance) / (1 - chance)
    half = normal_quantile(confidence) * float(np.sqrt(_variance(p, human, judge, kappa) / n))
    low = kappa - half
    if observed >= 1 and same.low is not None:
        low = (same.low - chance) / (1 - chance)
    return Estimate(value=kappa, low=max(-1.0, low), high=min(1.0, kappa + half))


def _variance(p: Values, human: Values, judge: Values, kappa: float) -> float:
    """Times n (doi 10.1037/h0028106)."""
    chance = human @ judge
    off = 1 - np.eye(len(p))
    # Marginals cross over: the cell (i, j) meets the judge's share of i and the human's of j.
    sums = judge[:, None] + human[None, :]
    diagonal = (np.diag(p) * (1 - (human + judge) * (1 - kappa)) ** 2).sum()
    outside = (1 - kappa) ** 2 * (p * off * sums**2).sum()
    rest = (kappa - chance * (1 - kappa)) ** 2
    return max(0.0, float((diagonal + outside - rest) / (1 - chance) ** 2))
