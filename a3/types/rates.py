"""Figures with their uncertainty.

Every interval answers one of two questions (evidence rule 6). "On these hypotheses": had other
facts been asked under the same hypotheses. "On new hypotheses like these": had other hypotheses
been drawn as well. The second is wider and cannot be estimated from fewer than four hypotheses.
"""

from __future__ import annotations

from typing import Literal

from a3.types.base import Frozen

Side = Literal["good", "bad", "open"]
"""Where an interval lies: wholly on the good side of a limit, wholly on the bad one, or across."""


class Interval(Frozen):
    """What the data leave possible at the run's confidence level."""

    low: float
    high: float
    worst: float
    """Upper bound had every UNSCORED item counted against the model."""
    clusters: int
    """Hypotheses the interval rests on."""


class Estimate(Frozen):
    """A figure with a plain interval; None where the data do not determine it."""

    value: float | None
    low: float | None
    high: float | None


class Rate(Frozen):
    """A share of queries, with the intervals that clustering allows."""

    hits: int
    n: int
    """Scored queries; UNSCORED ones are not among them."""
    unscored: int
    clusters: int
    """Sources the interval rests on."""
    value: float | None
    """hits / n; None when nothing was scored."""
    low: float | None
    """On these hypotheses."""
    high: float | None
    worst: float | None = None
    """Upper bound on these hypotheses had every UNSCORED query been a hit."""
    new: Interval | None = None
    """On new hypotheses like these; None: not estimable."""


class Comparison(Frozen):
    """Repaired minus base, on the same items."""

    difference: float | None
    low: float | None
    """On these hypotheses."""
    high: float | None
    test: str
    """How the interval was made."""
    n_pairs: int
    n_clusters: int
    """Sources the interval rests on."""
    worst: float | None = None
    """Upper bound had every UNSCORED of the repaired been a hit, and of the base none."""
    mcnemar: float | None = None
    """Two-sided exact p-value over the pairs that changed; it takes all pairs as independent."""
    bootstrap: tuple[float, float] | None = None
    """Bootstrap-t interval over sources; None below 20 of them."""
    new: Interval | None = None
    """On new hypotheses like these; None: not estimable."""


class Agreement(Frozen):
    """How far a judge's labels agree with those of people."""

    n: int
    accuracy: Rate
    """Share of items with the same label."""
    kappa: Estimate
    """Cohen's kappa: agreement beyond chance."""
    recall: dict[str, Rate]
    """By human label: the share of its items that the judge labels so too."""
    confusion: dict[str, dict[str, int]]
    """Human label -> judge's label -> items."""


class MeanKL(Frozen):
    """Mean KL(base ‖ repaired) in nats per response token of the base's greedy answers."""

    value: float | None
    n: int
    """Prompts; tokens of one prompt are not independent."""
    low: float | None
    high: float | None
