"""Rates, paired differences and their intervals; pure functions.

Queries made from one hypothesis or one source resemble each other, so each figure is computed
under every clustering it has and the widest interval is reported (DESIGN §4.6).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import beta, norm, t

from a3.types.rates import Comparison, MeanKL, Rate

FEW = 5
"""Below this many hits (or misses) a design effect cannot be estimated from the data."""
ASSUMED_ICC = 0.1
"""Intra-cluster correlation assumed where it cannot be estimated."""


@dataclass(frozen=True)
class Outcome:
    """One scored item: whether it hit, and the clusters it belongs to."""

    hit: bool | None
    """None: UNSCORED."""
    clusters: tuple[str, ...]
    """One cluster per clustering, in a fixed order (hypothesis, source)."""


def rate(outcomes: Sequence[Outcome], confidence: float) -> Rate:
    """The share of hits, with the widest of its clustered intervals."""
    scored = [o for o in outcomes if o.hit is not None]
    hits, n = sum(bool(o.hit) for o in scored), len(scored)
    unscored = len(outcomes) - n
    if n == 0:
        return Rate(hits=0, n=0, unscored=unscored, clusters=0, value=None, low=None, high=None)
    bounds = [
        (*_share_interval(values, confidence), len(values))
        for values in _by_clustering(scored, [float(bool(o.hit)) for o in scored])
    ]
    low, high, clusters = max(bounds, key=lambda b: b[1] - b[0])
    return Rate(
        hits=hits, n=n, unscored=unscored, clusters=clusters, value=hits / n, low=low, high=high
    )


def rate_against_us(rate_: Rate, confidence: float) -> Rate:
    """The same rate had every UNSCORED item been a hit; its interval ignores clustering."""
    n, hits = rate_.n + rate_.unscored, rate_.hits + rate_.unscored
    if n == 0 or rate_.unscored == 0:
        return rate_
    low, high = _exact(hits, n, confidence)
    return rate_.model_copy(
        update={
            "hits": hits,
            "n": n,
            "unscored": 0,
            "value": hits / n,
            "low": max(low, rate_.low or 0.0),
            "high": max(high, rate_.high or 0.0),
        }
    )


def paired_difference(
    base: Sequence[Outcome], repaired: Sequence[Outcome], confidence: float
) -> Comparison:
    """Repaired minus base over the pairs in which both are scored.

    Both sequences hold the same items in the same order.
    """
    pairs = [
        (b, float(bool(r.hit)) - float(bool(b.hit)))
        for b, r in zip(base, repaired, strict=True)
        if b.hit is not None and r.hit is not None
    ]
    return _difference([b for b, _ in pairs], [d for _, d in pairs], confidence)


def paired_means(differences: Sequence[float], confidence: float) -> Comparison:
    """The mean of independent paired differences (one per item), by Student's t."""
    outcomes = [Outcome(hit=True, clusters=(str(i),)) for i in range(len(differences))]
    return _difference(outcomes, list(differences), confidence, binary=False)


def mean_kl(values: Sequence[float], tokens: Sequence[int], confidence: float) -> MeanKL:
    """Token-weighted mean over prompts; `values` are per-prompt sums. Prompts are the clusters."""
    total, n = sum(tokens), len(values)
    if total == 0 or n < 2:
        return MeanKL(value=None, n=n, low=None, high=None)
    mean = sum(values) / total
    residuals = [v - mean * k for v, k in zip(values, tokens, strict=True)]
    half = float(t.ppf(0.5 + confidence / 2, n - 1)) * math.sqrt(
        n / (n - 1) * sum(r * r for r in residuals)
    )
    return MeanKL(value=mean, n=n, low=max(0.0, mean - half / total), high=mean + half / total)


def _by_clustering(outcomes: Sequence[Outcome], values: Sequence[float]) -> list[list[list[float]]]:
    """For each clustering, the values grouped by cluster."""
    groupings: list[list[list[float]]] = []
    for position in range(len(outcomes[0].clusters)):
        groups: dict[str, list[float]] = defaultdict(list)
        for outcome, value in zip(outcomes, values, strict=True):
            groups[outcome.clusters[position]].append(value)
        groupings.append(list(groups.values()))
    return groupings


def _variance(clusters: Sequence[Sequence[float]]) -> float:
    """Cluster-robust variance of the overall mean, with the G/(G-1) correction."""
    n, g = sum(map(len, clusters)), len(clusters)
    mean = sum(map(sum, clusters)) / n
    squares = sum((sum(c) - mean * len(c)) ** 2 for c in clusters)
    return g / (g - 1) * squares / n**2


def _share_interval(clusters: Sequence[Sequence[float]], confidence: float) -> tuple[float, float]:
    """Korn & Graubard 1998: Clopper-Pearson at the effective sample size.

    https://www150.statcan.gc.ca/n1/en/catalogue/12-001-X19980024356
    """
    n, g = sum(map(len, clusters)), len(clusters)
    hits = sum(map(sum, clusters))
    if g < 2:
        return 0.0, 1.0
    p = hits / n
    assumed = 1 + (n / g - 1) * ASSUMED_ICC
    if min(hits, n - hits) < FEW:
        effect = assumed
    else:
        effect = max(1.0, _variance(clusters) / (p * (1 - p) / n))
    tail = 0.5 + confidence / 2
    shrink = float((norm.ppf(tail) / t.ppf(tail, g - 1)) ** 2) if hits not in (0, n) else 1.0
    effective = n / effect * shrink
    return _exact(p * effective, effective, confidence)


def _exact(hits: float, n: float, confidence: float) -> tuple[float, float]:
    """Clopper-Pearson, also at fractional counts."""
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, hits, n - hits + 1)) if hits > 0 else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return low, high


def _difference(
    outcomes: Sequence[Outcome], differences: list[float], confidence: float, binary: bool = True
) -> Comparison:
    n = len(differences)
    if n == 0:
        return Comparison(
            difference=None, low=None, high=None, test="none", n_pairs=0, n_clusters=0
        )
    mean = sum(differences) / n
    few = binary and sum(d != 0 for d in differences) < FEW
    found: list[tuple[float, float, int]] = []
    for clusters in _by_clustering(outcomes, differences):
        interval = _few_interval if few else _t_interval
        found.append((*interval(clusters, confidence), len(clusters)))
    low, high, g = max(found, key=lambda b: b[1] - b[0])
    if binary:  # A difference of shares cannot be larger than 1.
        low, high = max(-1.0, low), min(1.0, high)
    test = "exact bounds on both kinds of change" if few else "clustered t"
    return Comparison(
        difference=mean,
        low=low if math.isfinite(low) else None,
        high=high if math.isfinite(high) else None,
        test=test,
        n_pairs=n,
        n_clusters=g,
    )


def _t_interval(clusters: Sequence[Sequence[float]], confidence: float) -> tuple[float, float]:
    """Student's t with G-1 degrees of freedom on the cluster-robust variance."""
    n, g = sum(map(len, clusters)), len(clusters)
    mean = sum(map(sum, clusters)) / n
    if g < 2:
        return -math.inf, math.inf
    half = float(t.ppf(0.5 + confidence / 2, g - 1)) * math.sqrt(_variance(clusters))
    return mean - half, mean + half


def _few_interval(clusters: Sequence[Sequence[float]], confidence: float) -> tuple[float, float]:
    """With hardly any change the variance is near zero and would claim certainty.

    Instead the shares of items that got worse and that got better are bounded apart, each at half
    the error rate, so that the difference of the bounds holds by Bonferroni.
    """
    halved = 0.5 + confidence / 2
    worse = _share_interval([[float(d > 0) for d in c] for c in clusters], halved)
    better = _share_interval([[float(d < 0) for d in c] for c in clusters], halved)
    return worse[0] - better[1], worse[1] - better[0]
