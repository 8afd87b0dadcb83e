"""How low layers tell what they do without knowing who listens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from a3.types.events import Event
from a3.types.llm import TokenUsage


class Observer(Protocol):
    """Listens to a run. Implementations must not change what a run computes."""

    def event(self, event: Event) -> None:
        """Something worth an entry in the experiment log happened."""
        ...

    def progress(self, what: str, done: int, total: int) -> None:
        """`done` of `total` units of `what` are finished (a batch, an epoch's steps)."""
        ...

    def spend(self, what: str, amount: int) -> None:
        """A counter of `Cost` (its field name) grew by `amount`."""
        ...

    def called(self, model: str, usage: TokenUsage, usd: float | None) -> None:
        """A model behind an endpoint replied; `usd` is None where its price is unknown."""
        ...

    def metrics(self, values: Mapping[str, float], trial: int | None = None) -> None:
        """Figures under their documented names (docs/metrics.md)."""
        ...


class Silent:
    """Nobody listens."""

    def event(self, event: Event) -> None:
        """Do nothing."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Do nothing."""

    def spend(self, what: str, amount: int) -> None:
        """Do nothing."""

    def called(self, model: str, usage: TokenUsage, usd: float | None) -> None:
        """Do nothing."""

    def metrics(self, values: Mapping[str, float], trial: int | None = None) -> None:
        """Do nothing."""


class Observers:
    """Many listeners as one; each hears everything, in order."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def event(self, event: Event) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.event(event)

    def progress(self, what: str, done: int, total: int) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.progress(what, done, total)

    def spend(self, what: str, amount: int) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.spend(what, amount)

    def called(self, model: str, usage: TokenUsage, usd: float | None) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.called(model, usage, usd)

    def metrics(self, values: Mapping[str, float], trial: int | None = None) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.metrics(values, trial)
