"""What the pipeline needs of a judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from a3.types.answers import Generation, Label
from a3.types.base import Frozen
from a3.types.queries import Kind, Query
from a3.types.rates import Estimate, Rate


class Calibration(Frozen):
    """A judge's measured agreement with human-read labels, on a held-out part (evidence rule 9)."""

    judge: str
    """The judge's key."""
    data: str
    """Hash or name of the labelled answers."""
    n: int
    accuracy: Rate
    kappa: Estimate
    """Cohen's kappa."""
    recall: dict[Label, Rate]
    """By human label."""
    confusion: dict[Kind, dict[Label, dict[Label, int]]]
    """Kind of query -> human label -> judge's label -> answers."""


class SecondOpinion(Frozen):
    """Another judge on a sample of the final verdicts."""

    judge: str
    """Its key."""
    n: int
    """Answers that both ruled on."""
    unscored: int = 0
    """Answers of the sample that it could not rule on: in neither of the two figures."""
    accuracy: Rate
    """Share of equal labels."""
    kappa: Estimate


class Judge(Protocol):
    """Rules on answers; sees the query and what was expected, never which model answered."""

    @property
    def key(self) -> str:
        """Identity: equal keys give equal rulings."""
        ...

    @property
    def calibration(self) -> Calibration | None:
        """Measured agreement with human-read labels; None: uncalibrated."""
        ...

    @property
    def free(self) -> bool:
        """Whether a ruling costs nothing, so that many may be asked for."""
        ...

    def rule_all(
        self, answers: Sequence[tuple[Query, Generation]], what: str
    ) -> list[tuple[Label, str]]:
        """The label and its reason for each answer, in order; UNSCORED when there is no ruling.

        `what` names the work for the progress line.
        """
        ...
