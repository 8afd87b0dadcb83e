"""What differs between providers: one call on the wire. What does not: how an SDK fails."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from a3.types.llm import ChatReply, ChatRequest

AGAIN = frozenset({408, 409, 429})
"""Statuses below 500 after which the same call may succeed."""
BUSY = frozenset({429, 503, 529})
"""Statuses that ask for fewer calls; 529 is Anthropic's "overloaded"."""


@dataclass(frozen=True)
class Answered:
    """A reply with the response's headers, their names in lower case."""

    reply: ChatReply
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass
class CallError(Exception):
    """A call that brought no reply."""

    reason: str
    again: bool = True
    """Whether another try may succeed."""
    busy: bool = False
    """Whether the service asks for fewer calls."""
    retry_after: float | None = None
    """Seconds to wait, as the server says."""

    def __str__(self) -> str:
        return self.reason


Call = Callable[[ChatRequest], Awaitable[Answered]]


class Provider(Protocol):
    """One service that answers chat requests."""

    @property
    def key(self) -> str:
        """Model and settings, as they decide the reply."""
        ...

    def connected(self) -> AbstractAsyncContextManager[Call]:
        """Connections for as long as the block runs, in its event loop.

        What it gives makes one call, without retries, and raises CallError.
        """
        ...


async def send(
    sdk: Any,
    create: Callable[..., Awaitable[Any]],
    body: Mapping[str, Any],
    read: Callable[[Any], ChatReply],
) -> Answered:
    """One call through an SDK's raw `create`. Raises CallError.

    Both SDKs come out of one generator and name their errors alike.
    """
    try:
        raw = await create(**body)
        found = raw.parse()
        if inspect.isawaitable(found):
            found = await found
    except sdk.APIStatusError as error:
        raise _refused(error) from None
    except sdk.APIError as error:  # No connection, a time-out, or a body that is no response.
        raise CallError(f"{type(error).__name__}: {error}") from None
    return Answered(read(found), {name.lower(): value for name, value in raw.headers.items()})


def _refused(error: Any) -> CallError:
    code = error.status_code
    return CallError(
        f"HTTP {code}: {error.message}",
        again=code in AGAIN or code >= 500,
        busy=code in BUSY,
        retry_after=_seconds(error.response.headers.get("retry-after")),
    )


def _seconds(header: str | None) -> float | None:
    """A retry-after header; None where it is missing or a date."""
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:
        return None
