"""Bootstrap intervals over clusters, from a fixed seed."""

from __future__ import annotations

import numpy as np

from a3.stats.clusters import Values

DRAWS = 2000
SEED = 0


def bootstrap_t(mean: float, sums: Values, confidence: float) -> tuple[float, float] | None:
    """Studentised: quantiles of (mean* - mean) / se*, turned around the mean (Efron & Tibshirani).

    `sums` holds what each cluster adds to the mean's deviation; they are what is drawn again.
    None when nothing varies.
    """
    drawn = resample(sums)
    n = len(sums)
    spread = drawn.std(axis=-1) * np.sqrt(n)
    if not (spread > 0).any():
        return None
    t = (drawn.sum(-1) - sums.sum())[spread > 0] / spread[spread > 0]
    tail = (1 - confidence) / 2
    low, high = np.quantile(t, [tail, 1 - tail])
    half = sums.std() * np.sqrt(n)
    return float(mean - high * half), float(mean - low * half)


def percentile(mean: float, sums: Values, confidence: float) -> tuple[float, float]:
    """Quantiles of the means drawn again; too narrow with few clusters, kept to show it."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(resample(sums).sum(-1) - sums.sum(), [tail, 1 - tail])
    return float(mean + low), float(mean + high)


def resample(sums: Values) -> Values:
    """Clusters drawn with replacement, shape (DRAWS, clusters)."""
    n = len(sums)
    return sums[np.random.default_rng(SEED).integers(0, n, size=(DRAWS, n))]
