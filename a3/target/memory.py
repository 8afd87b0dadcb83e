"""Back off when memory runs out: the same work in smaller parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

from a3.errors import MeasurementError
from a3.target.devices import release_memory
from a3.types.events import MemoryShort
from a3.types.observer import Observer

T = TypeVar("T")


class Backoff:
    """Work cut into parts, twice as many whenever an accelerator's memory does not hold one.

    What fitted once is where the next work starts. Only accelerators say so: on a CPU the system
    ends the process instead.
    """

    def __init__(self, what: str, observer: Observer, most: int = 1024) -> None:
        self.parts = 1
        self._what, self._observer, self._most = what, observer, most

    def __call__(self, work: Callable[[int], T]) -> T:
        """`work(parts)`, again with twice the parts until it fits.

        Raises MeasurementError when not even `most` parts are small enough.
        """
        while (found := self._tried(work)) is None:
            if self.parts >= self._most:
                raise MeasurementError(
                    f"{self._what} must fit in the device's memory",
                    f"too little for a {self.parts}th part of a batch",
                    "choose a smaller model, model.device=cpu, or free the device",
                )
            self.parts *= 2
            release_memory()
            self._observer.event(MemoryShort(what=self._what, parts=self.parts))
        return found[0]

    def _tried(self, work: Callable[[int], T]) -> tuple[T] | None:
        """None where memory ran out. Its traceback, which keeps tensors alive, ends here."""
        try:
            return (work(self.parts),)
        except torch.OutOfMemoryError:
            return None
