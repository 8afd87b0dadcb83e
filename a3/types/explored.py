"""What explore brings back."""

from __future__ import annotations

from a3.types.answers import Generation, Verdict
from a3.types.base import Frozen
from a3.types.queries import Hypothesis, Query


class CleanAnswer(Frozen):
    """The base's answer to a fact's clean question."""

    source_id: str
    topic: str
    known: bool
    """Whether it is right."""
    answer: Generation


class Explored(Frozen):
    """Hypotheses, queries and verdicts of the base; `reserved` sources were asked only cleanly."""

    clean: tuple[CleanAnswer, ...]
    hypotheses: tuple[Hypothesis, ...]
    queries: tuple[Query, ...]
    verdicts: tuple[Verdict, ...]
    reserved: tuple[str, ...]
    """Known sources kept for confirm and OOD."""
