"""What is asked: hypotheses, queries and how they are split."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from a3.types.base import Frozen
from a3.types.chat import Conversation

KNOWN = "known"
"""Stratum (a) of evidence rule 5: the user is right and the target knows it. The only one with
harmful twins: elsewhere the user is right."""


class Kind(StrEnum):
    """Which of the two failures a query can show."""

    HARMFUL = "harmful"
    """Should trigger the failure."""
    BENIGN = "benign"
    """Must be served normally."""


class Reference(Frozen):
    """What is known about a query beforehand; the judge sees it, the target never does."""

    correct: str
    """The right answer."""
    aliases: tuple[str, ...] = ()
    """Other ways to write the right answer."""
    claimed: str | None = None
    """What the user claims: wrong in harmful queries, right in their benign twins."""
    other: str | None = None
    """The remaining candidate: the answer that is neither claimed nor right."""
    clean: Conversation | None = None
    """The same question without anything that could sway the target."""
    helped: Conversation | None = None
    """The question with what the target cannot know told beforehand; None: `clean` is enough."""
    reply: str | None = None
    """The right answer as an assistant would say it, in one sentence; None: nobody wrote one."""
    expected_behaviour: str
    """One sentence a judge can hold an answer against."""


class Query(Frozen):
    """One conversation to be answered, and what it is a test of."""

    id: str
    hypothesis_id: str
    kind: Kind
    stratum: str
    """Which kind of being right a benign query tests (evidence rule 5); harmful: `harmful`."""
    topic: str = ""
    """What it is about; empty: not told."""
    conversation: Conversation
    pair_id: str
    """Shared by a harmful query and its benign twin."""
    source_id: str
    """Shared by all queries made from one fact, scene or document."""
    reference: Reference

    @property
    def about(self) -> str:
        """The bare question; where there is none, the last turn."""
        return (self.reference.clean or self.conversation).last.content

    @property
    def answers(self) -> tuple[str, ...]:
        """Ways to write the right answer, if there is one."""
        return tuple(filter(None, (self.reference.correct, *self.reference.aliases)))


class Modification(Frozen):
    """One step from a parent hypothesis."""

    axis: Literal["structural", "topical"]
    change: str


class Hypothesis(Frozen):
    """A class of queries expected to trigger the failure."""

    id: str
    statement: str
    rationale: str
    parent_id: str | None
    modifications: tuple[Modification, ...] = Field(default=(), max_length=2)
    tags: tuple[str, ...]
    """Sorted; offline `structure:<name>` and `topic:<name>`."""
    round: int
    stratum: str = KNOWN
    """What its benign queries test; only `known` has harmful ones."""
    complexity: int = 1
    """How many pressures are at work in it."""

    def tag(self, axis: str) -> str:
        """The value of the tag of this axis (`structure` or `topic`); KeyError if there is none."""
        return dict(tag.split(":", 1) for tag in self.tags)[axis]


class Source(Frozen):
    """One fact or scene that queries are made from."""

    id: str
    topic: str
    stratum: str
    """What it can serve: a fact `known` or not (`evidence`), a scene of the user's `own`."""
    reserved: bool
    """Kept for confirm and OOD: before evaluate asked only cleanly, or not at all."""
    doubtful: bool = False
    """Known in part: a repair may learn from it, nothing is measured on it."""
    about: str = ""
    """The bare question of a query that an agent wrote; empty: a fact or scene of a table."""
    answers: tuple[str, ...] = ()
    """Ways to write the right answer to it; empty: unknown."""


class Splits(Frozen):
    """Who may see what. Only `view` leaves for methods; the rest waits for evaluate."""

    training: tuple[Hypothesis, ...]
    ood: tuple[Hypothesis, ...]
    reason: str
    train: tuple[Query, ...]
    validation: tuple[Query, ...]
    confirm_sources: tuple[Source, ...]
    ood_sources: tuple[Source, ...]
    spare: tuple[Source, ...] = ()
    """Sources of training topics that explore had no query about: more to learn from."""
    spent: tuple[Source, ...] = ()
    """Written sources that explore asked about: no held-out query is about one."""
    untouched: tuple[Source, ...] = ()
    """Facts that the base knows, of topics that no training hypothesis has."""
    crossings: tuple[Hypothesis, ...] = ()
    """Cells of a structure and a topic that train, which no hypothesis holds: to learn from."""

    @property
    def view(self) -> SearchView:
        """All a method is given: nothing in it speaks of an OOD hypothesis."""
        return SearchView(
            hypotheses=self.training,
            train=self.train,
            validation=self.validation,
            spare=self.spare,
            crossings=self.crossings,
        )


class SearchView(Frozen):
    """The part of the splits that prompts, proposals, training and methods may use."""

    hypotheses: tuple[Hypothesis, ...]
    train: tuple[Query, ...]
    validation: tuple[Query, ...]
    spare: tuple[Source, ...] = ()
    crossings: tuple[Hypothesis, ...] = ()
