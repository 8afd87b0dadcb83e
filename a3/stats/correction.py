"""A rate corrected for the judge's errors."""

from __future__ import annotations

import math

from a3.stats.exact import clopper_pearson, effective_n, normal_quantile
from a3.types.rates import Estimate, Rate


def corrected(
    rate: Rate, sensitivity: tuple[int, int], specificity: tuple[int, int], confidence: float
) -> Estimate | None:
    """The rate had the judge made no errors (Rogan & Gladen 1978), clipped to [0, 1].

    `sensitivity` and `specificity` are hits and n on human-read items. Interval of Lang & Reiczigel
    2014 (doi 10.1016/j.prevetmed.2013.09.015), at the effective size of the rate's own interval.
    None where the judge is not clearly better than chance, as the correction divides by how much;
    and where the rate lies so far outside what the judge's errors allow that no rate is left.
    """
    if rate.value is None or rate.low is None or rate.high is None:
        return None
    if not _informative(sensitivity, specificity, confidence):
        return None
    se, sp = (hits / n for hits, n in (sensitivity, specificity))
    value = (rate.value + sp - 1) / (se + sp - 1)
    n = min(rate.n, effective_n(rate.value, rate.low, rate.high, confidence))
    low, high = _lang_reiczigel(rate.value, n, sensitivity, specificity, confidence)
    if high <= 0 or low >= 1:
        return None
    value = min(1.0, max(0.0, value))
    return Estimate(value=value, low=min(value, max(0.0, low)), high=max(value, min(1.0, high)))


def _informative(
    sensitivity: tuple[int, int], specificity: tuple[int, int], confidence: float
) -> bool:
    """Whether sensitivity + specificity exceeds 1 at the lower ends of their exact bounds."""
    if not sensitivity[1] or not specificity[1]:
        return False
    lows = [float(clopper_pearson(*counts, confidence)[0]) for counts in (sensitivity, specificity)]
    return sum(lows) > 1


def _lang_reiczigel(
    share: float,
    n: float,
    sensitivity: tuple[int, int],
    specificity: tuple[int, int],
    confidence: float,
) -> tuple[float, float]:
    z = normal_quantile(confidence)
    ap = (n * share + z**2 / 2) / (n + z**2)
    (se, n_se), (sp, n_sp) = (((h + 1) / (m + 2), m + 2) for h, m in (sensitivity, specificity))
    youden = se + sp - 1
    p = (ap + sp - 1) / youden
    from_se, from_sp = se * (1 - se) / n_se, sp * (1 - sp) / n_sp
    shift = 2 * z**2 * (p * from_se - (1 - p) * from_sp)
    variance = ap * (1 - ap) / (n + z**2) + p**2 * from_se + (1 - p) ** 2 * from_sp
    half = z * math.sqrt(variance) / youden
    return p + shift - half, p + shift + half
