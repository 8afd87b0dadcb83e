"""How many calls are in flight: as many as the service has room for, up to a limit.

Additive increase, multiplicative decrease, as TCP does it: every full round of successes adds a
call, a "too many" halves them; and while the service says when to come back, nobody calls.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from a3.llm.limits import until_more


@dataclass(frozen=True)
class Time:
    """How to tell and to pass it; tests bring their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[float, float], float] = random.uniform
    """A random number between two."""


REAL = Time()


class Gate:
    """Lets calls through."""

    def __init__(self, most: int, clock: Time) -> None:
        self.width = float(most)
        """Calls that may be in flight now."""
        self.inside = 0
        """Calls that are in flight."""
        self._most, self._time = most, clock
        self._open_at = 0.0
        self._waiting = deque[asyncio.Future[None]]()
        self._woken = 0
        """Those that were told of room and have not come for it yet."""
        self._loop: asyncio.AbstractEventLoop | None = None

    def here(self) -> Gate:
        """This gate in its event loop; in another, an empty one with all that it learned."""
        loop = asyncio.get_running_loop()
        if self._loop is None or self._loop is loop:
            self._loop = loop
            return self
        again = Gate(self._most, self._time)
        again.width, again._open_at, again._loop = self.width, self._open_at, loop
        return again

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[None]:
        """A place among the calls in flight."""
        await self._enter()
        try:
            yield
        finally:
            self.inside -= 1
            self._wake()

    async def _enter(self) -> None:
        while True:
            if (wait := self._open_at - self._time.now()) > 0:
                await self._time.sleep(wait)
                continue
            if self.inside < self._room:
                self.inside += 1
                return
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():  # Its place goes to the next.
                    self._woken -= 1
                    self._wake()
                raise
            self._woken -= 1

    def _wake(self) -> None:
        """As many as there is room for: waking all of them each time costs more than the calls."""
        while self._waiting and self.inside + self._woken < self._room:
            turn = self._waiting.popleft()
            if not turn.done():  # Cancelled, with the whole batch.
                turn.set_result(None)
                self._woken += 1

    @property
    def _room(self) -> int:
        return max(1, int(self.width))

    def succeeded(self, headers: Mapping[str, str]) -> None:
        """A call went through; its headers may say that no more will for a while."""
        self.width = min(self._most, self.width + 1 / self.width)
        self.close_for(until_more(headers))

    def too_many(self, wait: float | None) -> bool:
        """The service is short of room; `wait`: seconds until it wants to hear again.

        Calls that were in flight when it said so are told the same: they halve nothing again.
        Whether this was the first to be told.
        """
        first = self._open_at <= self._time.now()
        if first:
            self.width = max(1.0, self.width / 2)
        self.close_for(wait or 0.0)
        return first

    def close_for(self, seconds: float) -> None:
        """Nobody calls for so long."""
        self._open_at = max(self._open_at, self._time.now() + seconds)
