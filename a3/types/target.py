"""What the pipeline needs of a model under repair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from a3.types.answers import Decoding, Generation
from a3.types.base import Frozen
from a3.types.chat import Conversation


class Continuation(Frozen):
    """A piece of text whose log-probability is asked for."""

    context: str
    continuation: str


class ContinuationScore(Frozen):
    """How likely a continuation is."""

    logprob: float
    """Sum over its tokens, nats."""
    greedy: bool
    """Whether greedy decoding would have produced it."""


class Target(Protocol):
    """A model that answers."""

    @property
    def key(self) -> str:
        """Identity of the weights that answer; equal keys give equal answers."""
        ...

    def generate(
        self, conversations: Sequence[Conversation], decoding: Decoding, what: str
    ) -> list[list[Generation]]:
        """`decoding.samples` answers to each conversation, in order.

        `what` names the work for the progress line.
        """
        ...


@runtime_checkable
class ScoringTarget(Target, Protocol):
    """A model that also tells how likely a text is."""

    def score(self, requests: Sequence[Continuation], what: str) -> list[ContinuationScore]:
        """Log-probabilities of continuations of raw text.

        `what` names the work for the progress line.
        """
        ...

    def prompt_text(self, conversation: Conversation) -> str:
        """The conversation as raw text, up to where the target's answer begins."""
        ...


class ChoosingTarget(Target, Protocol):
    """A model that also tells how likely it is to begin with a word."""

    def first_words(
        self, conversations: Sequence[Conversation], words: Sequence[str], what: str
    ) -> list[list[float]]:
        """Log-probability of each word as the first of the answer to each conversation, in nats.

        `what` names the work for the progress line. Raises MeasurementError for a word that is
        not one token there.
        """
        ...
