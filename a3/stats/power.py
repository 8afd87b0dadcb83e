"""How many items a decision takes."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from a3.stats.exact import normal_quantile

POWER = 0.8
"""Probability with which the named number of items should decide."""
LONG = 50_000
"""Sizes tried at most, for speed."""


@lru_cache(maxsize=256)
def n_to_decide(limit: float, apart: float, confidence: float, power: float = POWER) -> int:
    """Independent items from which on both sides of a limit are told apart.

    A model `apart` below the limit is shown to be below it, and one `apart` above to be above, each
    with the given power, by exact two-sided binomial bounds.
    """
    above = _smallest(
        lambda n: _power_above(n, limit, limit + apart, confidence), limit, apart, power
    )
    if apart >= limit:
        return max(above, n_to_show_below(limit, 0.0, confidence, power))
    return max(above, n_to_show_below(limit, limit - apart, confidence, power))


@lru_cache(maxsize=256)
def n_to_show_below(limit: float, true_rate: float, confidence: float, power: float = POWER) -> int:
    """Independent items from which on a model of this true rate is shown to be below the limit."""
    return _smallest(
        lambda n: _power_below(n, limit, true_rate, confidence), limit, limit - true_rate, power
    )


def pairs_to_show(variance: float, apart: float, confidence: float, power: float = POWER) -> int:
    """Pairs from which on a difference this far from its margin is shown to keep it.

    `variance` is that of one pair's difference, design effect included; normal approximation.
    """
    quantiles = normal_quantile(confidence) + float(special.ndtri(power))
    return math.ceil(variance * (quantiles / apart) ** 2)


def pair_variance(low: float, high: float, n: int, confidence: float) -> float:
    """Variance of one pair's difference, design effect included, read from a mean's interval."""
    return n * ((high - low) / 2 / normal_quantile(confidence)) ** 2


def _smallest(reached: Any, limit: float, apart: float, power: float) -> int:
    """Smallest n from which on the power stays reached.

    Binomial power is saw-toothed, so the last n that fails decides, not the first that succeeds.
    The range searched ends at twice the normal approximation, where the saw lies above it; long
    ranges, whose teeth are short, are searched in steps.
    """
    p = limit + apart
    most = 200 + math.ceil(20 * p * (1 - min(p, 0.99)) / apart**2)
    step = 1 + most // LONG
    n = np.arange(1, most + 1, step)
    failing = n[reached(n) < power]
    return int(failing[-1]) + step if len(failing) else 1


def _power_below(n: NDArray[Any], limit: float, true_rate: float, confidence: float) -> Any:
    """P(upper bound < limit); the bound is below iff P(X <= k | limit) < tail."""
    tail = (1 - confidence) / 2
    k = _quantile(n, limit, tail)
    return np.where(k >= 1, special.bdtr(np.maximum(k - 1, 0), n, true_rate), 0.0)


def _power_above(n: NDArray[Any], limit: float, true_rate: float, confidence: float) -> Any:
    """P(lower bound > limit); the bound is above iff P(X >= k | limit) < tail."""
    tail = (1 - confidence) / 2
    k = _quantile(n, limit, 1 - tail)
    return np.where(k < n, special.bdtrc(np.minimum(k, n), n, true_rate), 0.0)


def _quantile(n: NDArray[Any], rate: float, tail: float) -> NDArray[Any]:
    """Smallest k with P(X <= k) >= tail."""
    k = np.ceil(special.bdtrik(tail, n, rate))
    below = np.maximum(k - 1, 0)  # The inverse may round up past an exact k.
    return np.where(special.bdtr(below, n, rate) >= tail, below, k)
