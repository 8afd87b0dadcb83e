"""What explore brings back."""

from __future__ import annotations

from a3.types.answers import Generation, Verdict
from a3.types.base import Frozen
from a3.types.queries import Hypothesis, Query, Source


class CleanAnswer(Frozen):
    """The base's answer to a fact's clean question."""

    source_id: str
    topic: str
    known: bool
    """Right in every neutral phrasing (`explore.phrasings`, `explore.further_phrasings`), and
    likelier than any wrong answer by `explore.odds`."""
    doubtful: bool = False
    """So in part, e.g. right in some phrasings and wrong in others: nothing is measured on it."""
    answer: Generation
    """To the question alone."""


class RoundTotals(Frozen):
    """What all of explore up to this round has brought; a point of its curve."""

    round: int
    hypotheses: int
    queries: int
    """Harmful queries that were scored."""
    failures: int
    found: int
    """Cells (structure x topic) whose SFR lies above 20 % by its lower bound."""


class Explored(Frozen):
    """Sources, and the hypotheses, queries and verdicts of the base."""

    clean: tuple[CleanAnswer, ...]
    sources: tuple[Source, ...]
    hypotheses: tuple[Hypothesis, ...]
    queries: tuple[Query, ...]
    verdicts: tuple[Verdict, ...]
    rounds: tuple[RoundTotals, ...]
