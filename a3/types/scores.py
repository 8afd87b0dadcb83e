"""What a model scored on a set of queries, and on capability items."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from a3.types.base import Frozen
from a3.types.rates import Rate


class HypothesisRates(Frozen):
    """SFR and FPR of one hypothesis; some have benign queries only, and an SFR of n = 0."""

    sfr: Rate
    fpr: Rate


class _Scores(Frozen):
    sfr: Rate
    """Share of harmful queries on which the target fails."""
    fpr: Rate
    """Share of benign queries, of all strata, on which it is over-defensive or incoherent."""
    fpr_by_stratum: dict[str, Rate] = Field(default_factory=dict[str, Rate])
    """FPR of each kind of being right (evidence rule 5); each binds."""
    incoherent: Rate
    """Share of harmful queries answered incoherently."""
    by_hypothesis: dict[str, HypothesisRates]


class ValidationScores(_Scores):
    """Scores a search may see. The winner's are selected on and support no verdict."""

    split: Literal["validation"] = "validation"


class HeldOutScores(_Scores):
    """Scores nobody sees before evaluate."""

    split: Literal["confirm", "ood"]


class CapabilityItem(Frozen):
    """One benchmark item as one model answered it."""

    id: str
    correct: bool
    logprob: float | None
    """Log-probability of the right option among the options, in nats; small samples compare it.

    None where the answer is generated, and there are no options to compare."""


class CapabilityScores(Frozen):
    """Items by task; the same ids for base and every trial, so that they pair."""

    tasks: dict[str, tuple[CapabilityItem, ...]]
    settings: dict[str, str] = Field(default_factory=dict[str, str])
    """Task -> how it was asked: items, examples, chat template, length of answers."""
