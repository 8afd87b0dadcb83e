"""What the pipeline needs of a model under repair."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import ConfigDict

from a3.types.answers import Decoding, Generation
from a3.types.base import Frozen
from a3.types.chat import Conversation


class Continuation(Frozen):
    """A piece of text whose log-probability is asked for."""

    context: str
    continuation: str


class ContinuationScore(Frozen):
    """How likely a continuation is."""

    # A model whose numbers overflow must be told apart from a file that holds none.
    model_config = ConfigDict(ser_json_inf_nan="constants")

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


class TrainableTarget(ScoringTarget, Protocol):
    """A model in this process, which can also be given an adapter."""

    def with_adapter(self, folder: Path) -> TrainableTarget:
        """The same base with a LoRA adapter merged in."""
        ...
