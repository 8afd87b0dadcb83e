"""Chat models behind an endpoint: what is asked of them, what comes back, what can go wrong."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Protocol

from a3.types.base import Frozen
from a3.types.chat import Conversation


class TokenUsage(Frozen):
    """Tokens of one or of many calls, as the provider counts them."""

    input: int = 0
    """Read at full price."""
    cache_read: int = 0
    """Read from the provider's prompt cache."""
    cache_write: int = 0
    """Written to it."""
    output: int = 0
    """Written by the model, its thinking included."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.input + self.cache_read + self.cache_write + self.output

    def __add__(self, other: TokenUsage) -> TokenUsage:
        return TokenUsage(
            input=self.input + other.input,
            cache_read=self.cache_read + other.cache_read,
            cache_write=self.cache_write + other.cache_write,
            output=self.output + other.output,
        )


class ReplyStop(StrEnum):
    """Why a reply ended."""

    END = "end"
    """The model was done."""
    LENGTH = "length"
    """max_tokens cut it off."""
    REFUSAL = "refusal"
    """The model, or its provider's filter, would not answer."""


class ChatRequest(Frozen):
    """One call."""

    system: str = ""
    """Instructions."""
    log: tuple[str, ...] = ()
    """Parts that stay as they are while others are added behind them: providers may cache them."""
    conversation: Conversation
    json_schema: dict[str, Any] | None = None
    """What the reply's JSON must look like; None: plain text."""
    max_tokens: int
    temperature: float | None = None
    """None: the provider's own; several models take no other."""
    vote: int = 0
    """Tells calls apart that ask the same; not sent."""


class ChatReply(Frozen):
    """What came back."""

    text: str
    stop: ReplyStop
    usage: TokenUsage = TokenUsage()


class FailureKind(StrEnum):
    """Why there is no usable reply; failures are counted by it."""

    REFUSED = "refused"
    MALFORMED = "malformed"
    """No JSON, or not what the schema says, also after it was shown the error."""
    TRUNCATED = "truncated"
    TRANSPORT = "transport"
    """The provider could not be reached, or went on failing."""


class CallFailed(Frozen):
    """No reply, and why."""

    kind: FailureKind
    reason: str


class ChatModel(Protocol):
    """A language model that agents and judges call."""

    @property
    def key(self) -> str:
        """Identity of the model and its settings, part of cache keys."""
        ...

    async def reply(
        self, requests: Sequence[ChatRequest], what: str
    ) -> list[ChatReply | CallFailed]:
        """A reply to each request, in order; a failed call is a value, never an exception.

        `what` names the work for the progress line and the ledger.
        """
        ...
