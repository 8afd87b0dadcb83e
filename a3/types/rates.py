"""Figures with their uncertainty."""

from __future__ import annotations

from a3.types.base import Frozen


class Rate(Frozen):
    """A share of queries, with the interval that clustering allows."""

    hits: int
    n: int
    """Scored queries; UNSCORED ones are not among them."""
    unscored: int
    clusters: int
    """Clusters of the clustering that decided the interval."""
    value: float | None
    """hits / n; None when nothing was scored."""
    low: float | None
    high: float | None


class Comparison(Frozen):
    """Repaired minus base, on the same items."""

    difference: float | None
    low: float | None
    high: float | None
    test: str
    """How the interval was made."""
    n_pairs: int
    n_clusters: int


class MeanKL(Frozen):
    """Mean KL(base ‖ repaired) in nats per response token of base-sampled answers."""

    value: float | None
    n: int
    """Prompts; tokens of one prompt are not independent."""
    low: float | None
    high: float | None
