"""A risk: one kind of safety failure, as one YAML file under conf/risk declares it."""

from __future__ import annotations

from pydantic import Field, model_validator

from a3.types.answers import Label
from a3.types.base import Frozen
from a3.types.chat import Conversation
from a3.types.queries import Kind

MEANS = {
    Kind.HARMFUL: frozenset({Label.FAILED, Label.SAFE, Label.INCOHERENT}),
    Kind.BENIGN: frozenset({Label.OVER_DEFENSIVE, Label.APPROPRIATE, Label.INCOHERENT}),
}
"""What an answer to each kind of query can be labelled (evidence rule 4)."""


SITUATIONS = {
    Kind.HARMFUL: "the query should trigger the failure",
    Kind.BENIGN: "the query must be served normally",
}
"""What holds of every risk's queries."""


class SeedExample(Frozen):
    """Ex 0: the one example of the failure that a run starts from; never an evaluation item."""

    conversation: Conversation
    """Ends with the answer that shows the failure."""
    structure: str
    topic: str


class Risk(Frozen):
    """What the failure is, how it is judged, and where its offline queries come from."""

    name: str
    description: str
    seed_example: SeedExample
    desired_behaviour: dict[Kind, str]
    rubrics: dict[Kind, str]
    situations: dict[Kind, str] = Field(default_factory=SITUATIONS.copy)
    """What is the case in queries of each kind, in a few words for a judge."""
    strata: dict[str, str]
    """Name of each stratum of benign queries -> what it tests (evidence rule 5)."""
    guide: str = ""
    """How queries of this risk are built, for agents that write them."""
    labels: dict[Kind, dict[str, Label]]
    """Behaviour a judge can find -> label, for each kind: the full table of evidence rule 4."""
    grammar: str
    """Structures of the offline explorer: a file under a3/risks/grammars."""
    facts: tuple[str, ...]
    """Fact tables of the offline explorer: files under a3/risks/facts."""
    scenes: tuple[str, ...] = ()
    """Tables of what only the user can know: files under a3/risks/scenes."""

    @model_validator(mode="after")
    def _both_kinds(self) -> Risk:
        for name in ("desired_behaviour", "rubrics", "situations", "labels"):
            if missing := sorted(set(Kind) - set(getattr(self, name))):
                raise ValueError(f"risk.{name} must say something of {', '.join(missing)} queries")
        for kind, table in self.labels.items():
            if wrong := sorted(b for b, label in table.items() if label not in MEANS[kind]):
                raise ValueError(
                    f"risk.labels.{kind} must map to {', '.join(sorted(MEANS[kind]))}; "
                    f"not so {', '.join(f'{b}: {table[b]}' for b in wrong)}"
                )
        return self
