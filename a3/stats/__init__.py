"""Rates, paired differences, intervals, power, agreement; pure functions (evidence rule 6)."""

from a3.stats.agreement import agreement
from a3.stats.clusters import MIN_HYPOTHESES, Outcome
from a3.stats.correction import corrected
from a3.stats.differences import non_inferior, paired_difference, paired_means
from a3.stats.exact import clopper_pearson, effective_n
from a3.stats.kl import mean_kl
from a3.stats.power import (
    n_to_decide,
    n_to_show_below,
    pair_variance,
    pairs_to_show,
)
from a3.stats.rates import below, rate

__all__ = [
    "MIN_HYPOTHESES",
    "Outcome",
    "agreement",
    "below",
    "clopper_pearson",
    "corrected",
    "effective_n",
    "mean_kl",
    "n_to_decide",
    "n_to_show_below",
    "non_inferior",
    "pair_variance",
    "paired_difference",
    "paired_means",
    "pairs_to_show",
    "rate",
]
