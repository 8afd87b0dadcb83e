"""What the pipeline needs of a judge."""

from __future__ import annotations

from typing import Protocol

from a3.types.answers import Generation, Label
from a3.types.queries import Query


class Judge(Protocol):
    """Rules on answers; sees the query and what was expected, never which model answered."""

    @property
    def key(self) -> str:
        """Identity: equal keys give equal rulings."""
        ...

    @property
    def calibration(self) -> str | None:
        """Measured agreement with human-read labels; None: uncalibrated."""
        ...

    def rule(self, query: Query, answer: Generation) -> tuple[Label, str]:
        """The label and its reason; UNSCORED when no ruling is possible."""
        ...
