"""Chats: what a target reads and writes."""

from __future__ import annotations

from typing import Any, Literal

from a3.types.base import Frozen


class Message(Frozen):
    """One turn."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[dict[str, Any], ...] = ()


class Conversation(Frozen):
    """Turns in order; a prompt ends with a user turn, a training example with an assistant turn."""

    messages: tuple[Message, ...]

    @property
    def last(self) -> Message:
        """The newest turn."""
        return self.messages[-1]

    def then(self, message: Message) -> Conversation:
        """The same conversation, one turn longer."""
        return Conversation(messages=(*self.messages, message))


def user(content: str) -> Message:
    """A user turn."""
    return Message(role="user", content=content)


def assistant(content: str) -> Message:
    """An assistant turn."""
    return Message(role="assistant", content=content)


def ask(content: str) -> Conversation:
    """A conversation of one user turn."""
    return Conversation(messages=(user(content),))
