"""What differs between providers: one call on the wire. What does not: how an SDK fails."""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from a3.llm.limits import retry_after
from a3.types.endpoint import EndpointSpec
from a3.types.llm import ChatReply, ChatRequest

AGAIN = frozenset({408, 409, 429})
"""Statuses below 500 after which the same call may succeed."""
BUSY = frozenset({429, 503, 529})
"""Statuses that ask for fewer calls; 529 is Anthropic's "overloaded"."""
NO_KEY = "none"
"""Sent to servers that ask for no key; the SDKs want one."""
UNREADABLE = (AttributeError, TypeError, ValueError, RecursionError)
"""What comes of reading a body that is no reply, however it is broken."""
HOPELESS = frozenset({"InvalidURL", "UnsupportedProtocol", "LocalProtocolError"})
"""Errors of an address or a header that is none, whichever HTTP library an SDK uses."""
UNSENT = HOPELESS | {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"}
"""Errors before there was a connection."""
PLACEHOLDER = 8
"""Keys shorter than this stand for none ("EMPTY"), and may be words of a reply."""


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
    sent: bool = True
    """Whether the request went out: then it may cost something, reply or not."""

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


def client(kind: Callable[..., Any], spec: EndpointSpec, key: str) -> Any:
    """A client of an SDK. Raises CallError where the address is none."""
    try:
        return kind(
            api_key=key,
            base_url=spec.base_url,
            timeout=spec.timeout_s,
            max_retries=0,  # Retries are ours: all calls in flight must slow down together.
        )
    except Exception as error:
        if type(error).__name__ not in HOPELESS:
            raise
        raise _unconnected(error, error, key) from None


async def send(
    sdk: Any,
    create: Callable[..., Awaitable[Any]],
    body: Mapping[str, Any],
    read: Callable[[Any], ChatReply],
    key: str | None,
) -> Answered:
    """One call through an SDK's raw `create`. Raises CallError.

    Both SDKs come out of one generator and name their errors alike. Servers may send `key` back,
    in an error above all; it goes no further than here.
    """
    try:
        raw = await create(**body)
    except sdk.APIStatusError as error:
        raise _refused(error, key) from None
    except sdk.APIError as error:  # No connection, a time-out, or a body that is no response.
        raise _unconnected(error, error.__cause__, key) from None
    except ValueError as error:  # A key or a text that cannot be encoded.
        said = without(key, f"{type(error).__name__}: {error}")
        raise CallError(said, again=False, sent=False) from None
    try:
        found = raw.parse()
        reply = read(await found if inspect.isawaitable(found) else found)
    except (sdk.APIError, *UNREADABLE) as error:
        said = without(key, f"{type(error).__name__}: {error}")
        raise CallError(f"the body is no reply: {said}") from None
    reply = reply.model_copy(update={"text": without(key, reply.text)})
    return Answered(reply, _headers(raw))


def without(key: str | None, text: str) -> str:
    """Text that does not hold the key, nor what Python or JSON write for it between quotes."""
    if not key or len(key) < PLACEHOLDER:
        return text
    for spelled in (key, json.dumps(key)[1:-1], repr(key)[1:-1], repr(key.encode())[2:-1]):
        text = text.replace(spelled, "***")
    return text


def _unconnected(error: Exception, cause: BaseException | None, key: str | None) -> CallError:
    """Of an SDK's error that says little and what it came from, if anything."""
    name, said = type(cause).__name__, f"{type(error).__name__}: {error}"
    if cause is not None and cause is not error:
        said += f" ({name}: {cause})" if str(cause) else f" ({name})"
    return CallError(without(key, said), again=name not in HOPELESS, sent=name not in UNSENT)


def _refused(error: Any, key: str | None) -> CallError:
    code = error.status_code
    return CallError(
        without(key, f"HTTP {code}: {error.message}"),
        again=code in AGAIN or code >= 500,
        busy=code in BUSY,
        retry_after=retry_after(_headers(error.response), refused=code in BUSY),
    )


def _headers(response: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}
