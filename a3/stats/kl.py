"""Mean KL over prompts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from a3.stats.exact import t_quantile
from a3.types.rates import MeanKL


def mean_kl(values: Sequence[float], tokens: Sequence[int], confidence: float) -> MeanKL:
    """Token-weighted mean over prompts; `values` are per-prompt sums. Prompts are the clusters.

    A sum that is no finite number could not be measured, and neither could the mean.
    """
    total, n = sum(tokens), len(values)
    if total == 0 or n < 2 or not all(map(math.isfinite, values)):
        return MeanKL(value=None, n=n, low=None, high=None)
    mean = sum(values) / total
    residuals = [v - mean * k for v, k in zip(values, tokens, strict=True)]
    half = t_quantile(confidence, n - 1) * math.sqrt(n / (n - 1) * sum(r * r for r in residuals))
    return MeanKL(value=mean, n=n, low=max(0.0, mean - half / total), high=mean + half / total)
