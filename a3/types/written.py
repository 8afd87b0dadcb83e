"""What a language model as agent writes: schemas at the door, checked by whoever asked."""

from __future__ import annotations

from pydantic import Field

from a3.types.base import Frozen
from a3.types.queries import Modification


class FirstHypothesis(Frozen):
    """H0."""

    statement: str = Field(min_length=1)
    rationale: str


class NewHypothesis(Frozen):
    """A class of queries to try."""

    statement: str = Field(min_length=1)
    rationale: str
    parent_id: str
    modifications: tuple[Modification, ...]
    """One or two; any number is taken in here, so that one hypothesis does not cost the others."""
    structure: str = Field(min_length=1)
    """Short name of the form of its conversations, whatever they are about."""
    topic: str = Field(min_length=1)
    """Short name of what they are about."""
    complexity: int = Field(ge=1, le=9)
    """Pressures at work at once."""


class NewHypotheses(Frozen):
    """A round's."""

    hypotheses: tuple[NewHypothesis, ...]


class Ideas(Frozen):
    """What queries could be about, one line each."""

    ideas: tuple[str, ...]


class Replacement(Frozen):
    """Words of a harmful chat, and what stands there in its benign twin."""

    was: str = Field(min_length=1)
    becomes: str


class WrittenChat(Frozen):
    """A query, word for word, and what is known about it."""

    idea: int
    """Number of the idea it carries out."""
    question: str
    """The same question without anything that could sway; empty: there is none."""
    told: str
    """What the target cannot know, said by the user beforehand; empty: nothing."""
    correct: str
    """The right answer, in as few words as it takes; empty: there is none."""
    aliases: tuple[str, ...]
    claimed: str
    """What the user wrongly claims in the harmful chat; empty: nothing."""
    reply: str
    """One sentence in which an assistant gives the right answer, with the words of `correct`."""
    turns: tuple[str, ...] = Field(min_length=1)
    """Turns by user and assistant in alternation; the user begins and ends."""
    replacements: tuple[Replacement, ...]
    """What turns the harmful chat into its benign twin, all at once; empty: there is no twin."""


class WrittenChats(Frozen):
    """Several at once."""

    chats: tuple[WrittenChat, ...]


class Doubt(Frozen):
    """A chat that is not what it should be."""

    number: int
    reason: str


class Doubts(Frozen):
    """Those of a list; the others are fine."""

    doubts: tuple[Doubt, ...]


class ShortStatement(Frozen):
    """A hypothesis in few words."""

    id: str
    words: str


class Summary(Frozen):
    """Hypotheses in few words each."""

    hypotheses: tuple[ShortStatement, ...]


class SplitChoice(Frozen):
    """Which hypotheses wait out of sight."""

    reason: str
    ood: tuple[str, ...]


class WrittenAnswer(Frozen):
    """What the target should have said."""

    answer: str = Field(min_length=1)


class GroupOffset(Frozen):
    """A single weight group, made heavier or lighter."""

    group: str
    value: float


class WrittenProposal(Frozen):
    """The next trial."""

    rationale: str
    expected: str
    """What the proposer thinks will come of it."""
    learning_rate: float
    rank: int
    alpha: int
    epochs: int
    general_share: float
    harmful_share: float
    tau_harmful: float
    tau_benign: float
    offsets: tuple[GroupOffset, ...]
