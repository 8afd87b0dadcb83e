"""What all endpoints of a run share: the cache, who listens, and the caps on spending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from a3.store import Cache
from a3.types.observer import Observer, Silent


def _uncapped(in_flight: int) -> str | None:
    return None


@dataclass(frozen=True)
class Line:
    """Handed to every endpoint."""

    cache: Cache = field(default_factory=lambda: Cache(None))
    observer: Observer = field(default_factory=Silent)
    over: Callable[[int], str | None] = _uncapped
    """Which cap is reached, in words, with so many calls in flight; None: one more may be made."""
