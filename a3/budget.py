"""What a run spends, kept across interruptions."""

from __future__ import annotations

import json
from pathlib import Path

from a3.store import write_atomic
from a3.types.events import Event
from a3.types.observer import Silent
from a3.types.results import Cost


class Ledger(Silent):
    """Counts tokens, answers and calls; saved with every event, so that a resumed run goes on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._spent = Cost()
        if path.is_file():
            self._spent = Cost.model_validate_json(path.read_text())

    @property
    def cost(self) -> Cost:
        """Everything spent so far, earlier attempts included."""
        return self._spent

    def spend(self, what: str, amount: int) -> None:
        """Add to one of Cost's counters."""
        self._spent = self._spent.model_copy(update={what: getattr(self._spent, what) + amount})

    def event(self, event: Event) -> None:
        """Save."""
        write_atomic(self._path, json.dumps(self._spent.model_dump(mode="json"), indent=1))
