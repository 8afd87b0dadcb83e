"""A provider made dependable: limits, retries, cache, counts and caps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from a3.errors import BudgetError
from a3.llm.gate import REAL, Gate, Time
from a3.llm.line import Line
from a3.llm.provider import Call, CallError, Provider
from a3.store import fingerprint
from a3.types.endpoint import EndpointSpec, Price
from a3.types.events import CallsPaused
from a3.types.llm import CallFailed, ChatReply, ChatRequest, FailureKind, TokenUsage

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds before the first retry, doubled with each, and the most."""


class Endpoint:
    """A ChatModel over one provider.

    Replies are cached by all that decides them, as they come: after a kill only what was in flight
    is paid for again. Refused and cut-off replies are cached, too, since they were paid for. What
    was said under one `draw` is not found under another.
    """

    def __init__(
        self,
        spec: EndpointSpec,
        provider: Provider,
        line: Line,
        time: Time = REAL,
        draw: int = 0,
    ) -> None:
        self.spec, self._provider, self._draw = spec, provider, draw
        self._cache, self._observer, self._over = line.cache, line.observer, line.over
        self._time, self._gate = time, Gate(spec.concurrency, time)

    @property
    def key(self) -> str:
        """Model and settings."""
        return self._provider.key

    async def reply(
        self, requests: Sequence[ChatRequest], what: str
    ) -> list[ChatReply | CallFailed]:
        """A reply to each request, in order; equal requests are asked once."""
        mine = self.key
        keys = [fingerprint("reply", mine, self._draw, r.model_dump(mode="json")) for r in requests]
        known: dict[str, ChatReply | CallFailed] = {
            k: ChatReply.model_validate_json(v) for k, v in self._cache.get(keys).items()
        }
        self._observer.spend("cached_calls", sum(k in known for k in keys))
        wanted = {k: r for k, r in zip(keys, requests, strict=True) if k not in known}
        # A second time, where room under a cap was held for calls that then could not be sent.
        while missing := {k: r for k, r in wanted.items() if k not in known}:
            self._check_caps(len(wanted), len(missing), what)
            known |= await self._ask_all(missing, what)
        return [known[k] for k in keys]

    async def _ask_all(
        self, missing: Mapping[str, ChatRequest], what: str
    ) -> dict[str, ChatReply | CallFailed]:
        """What came of each request; nothing where a cap forbade to ask."""
        gate = self._gate = self._gate.here()  # What one batch learned, the next one keeps to.
        found: dict[str, ChatReply | CallFailed] = {}

        async def ask(key: str, request: ChatRequest, call: Call) -> None:
            reply = await self._asked(key, request, call, gate, what)
            if reply is not None:
                found[key] = reply
                self._observer.progress(what, len(found), len(missing))

        try:
            async with self._provider.connected() as call, asyncio.TaskGroup() as group:
                for key, request in missing.items():
                    group.create_task(ask(key, request, call))
        except CallError as error:  # The address is none.
            failed = CallFailed(kind=FailureKind.TRANSPORT, reason=error.reason)
            return dict.fromkeys(missing, failed)
        return found

    async def _asked(
        self, key: str, request: ChatRequest, call: Call, gate: Gate, what: str
    ) -> ChatReply | CallFailed | None:
        """One reply, after as many attempts as it takes; None where a cap forbids to ask."""
        reason = ""
        for attempt in range(self.spec.attempts):
            try:
                async with gate():
                    if self._over(gate.inside - 1):  # All of these will count, whatever comes.
                        return None
                    answered = await call(request)
            except CallError as error:
                reason = error.reason
                self._observer.spend("failed_calls", int(error.sent))
                if not error.again:
                    break
                await self._wait(error, attempt, gate, what)
            else:
                gate.succeeded(answered.headers)
                return self._paid(key, answered.reply)
        return CallFailed(kind=FailureKind.TRANSPORT, reason=reason)

    def _paid(self, key: str, reply: ChatReply) -> ChatReply:
        usage = reply.usage
        # First what was paid: a kill in between costs a call more, and the sums say so.
        self._observer.called(self.spec.model, usage, dollars(self.spec.known_price, usage))
        self._cache.put({key: reply.model_dump_json()})
        return reply

    def _check_caps(self, wanted: int, left: int, what: str) -> None:
        """What was in flight is kept; what a cap forbids ends the run."""
        if reason := self._over(0):
            raise BudgetError(
                "a run keeps to its caps",
                f"{reason}; {left} of {wanted} calls are left in {what}",
                "raise the cap (budget.caps; usd=null where a price is unknown) and go on, a run "
                "with resume=: nothing is paid for twice",
            )

    async def _wait(self, error: CallError, attempt: int, gate: Gate, what: str) -> None:
        """Before the next attempt: as long as the server says, or ever longer, with jitter."""
        longest = min(LONGEST_WAIT, FIRST_WAIT * 2**attempt)
        wait = error.retry_after
        if wait is None:
            wait = longest * self._time.jitter(0.5, 1.0)
        if error.busy and gate.too_many(wait):
            self._observer.event(CallsPaused(what=what, reason=error.reason, seconds=wait))
        if attempt + 1 < self.spec.attempts:
            await self._time.sleep(wait)


def dollars(price: Price | None, usage: TokenUsage) -> float | None:
    """What the tokens cost; None where the price, or how many they were, is unknown."""
    if price is None or not usage.total:
        return None
    cached = usage.cache_read * price.cache_read + usage.cache_write * price.cache_write
    return ((usage.input + cached) * price.input + usage.output * price.output) / 1e6
