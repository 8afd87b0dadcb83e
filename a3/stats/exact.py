"""Quantiles and exact binomial bounds; arrays in, arrays out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special
from scipy.optimize import brentq


def normal_quantile(confidence: float) -> float:
    """Two-sided: 1.96 at 95 %."""
    return float(special.ndtri(0.5 + confidence / 2))


def t_quantile(confidence: float, df: float) -> float:
    """Two-sided quantile of Student's t, also at fractional degrees of freedom."""
    return float(special.stdtrit(df, 0.5 + confidence / 2))


def clopper_pearson(hits: Any, n: Any, confidence: float) -> tuple[Any, Any]:
    """Exact two-sided bounds of a binomial share, also at fractional counts."""
    tail = (1 - confidence) / 2
    hits, n = np.minimum(np.asarray(hits, float), n), np.asarray(n, float)
    misses = n - hits
    with np.errstate(all="ignore"):
        low = special.betaincinv(np.maximum(hits, 1e-300), misses + 1, tail)
        high = special.betaincinv(hits + 1, np.maximum(misses, 1e-300), 1 - tail)
    return np.where(hits > 0, low, 0.0), np.where(misses > 0, high, 1.0)


def effective_n(value: float, low: float, high: float, confidence: float) -> float:
    """How many independent items would give this interval around this share.

    Read from the bound that faces the middle, which exists also at a share of 0 or 1.
    """
    value, high = (value, high) if value <= 0.5 else (1 - value, 1 - low)

    def excess(log_n: float) -> float:
        n = math.exp(log_n)
        return float(clopper_pearson(value * n, n, confidence)[1]) - high

    smallest, largest = math.log(1e-3), math.log(1e9)
    if excess(smallest) <= 0:
        return math.exp(smallest)
    if excess(largest) >= 0:
        return math.exp(largest)
    return math.exp(float(brentq(excess, smallest, largest)))  # type: ignore[arg-type]


def binomial_test(hits: int, n: int) -> float:
    """Two-sided exact p-value of a fair coin."""
    return min(1.0, 2 * float(special.bdtr(min(hits, n - hits), n, 0.5))) if n else 1.0
