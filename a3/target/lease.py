"""Models that take turns on a device."""

from __future__ import annotations

from typing import Protocol
from weakref import WeakSet


class Loaded(Protocol):
    """What may have weights in memory."""

    def unload(self) -> None:
        """Free the weights; they are loaded again when needed."""
        ...


class Lease:
    """Held by one owner at a time: a base with all its adapters, or another model.

    Weights are loaded when something must be computed, so a turn ends where another begins.
    """

    def __init__(self) -> None:
        self._owner: object = None
        self._loaded: WeakSet[Loaded] = WeakSet()

    def take(self, owner: object, model: Loaded) -> None:
        """`model`, one of the owner's, is about to load weights; all others' are dropped first."""
        if owner is not self._owner:
            for other in list(self._loaded):
                other.unload()
            self._loaded.clear()
            self._owner = owner
        self._loaded.add(model)
