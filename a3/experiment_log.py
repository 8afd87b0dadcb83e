"""The experiment log: what happened, one typed event a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from a3.store import append_line, read_lines
from a3.types.events import Event
from a3.types.observer import Silent

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class ExperimentLog(Silent):
    """Writes every event to log.jsonl."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def event(self, event: Event) -> None:
        """Append it."""
        entry = {"time": _now(), "event": _EVENT.dump_python(event, mode="json")}
        append_line(self._path, json.dumps(entry, ensure_ascii=False))


class Metrics(Silent):
    """Writes figures to metrics.jsonl, under the names of docs/metrics.md."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def metrics(self, values: Mapping[str, float], trial: int | None = None) -> None:
        """Append them."""
        where = {} if trial is None else {"trial": trial}
        append_line(self._path, json.dumps({"time": _now(), **where, **values}))


def read_log(path: Path) -> list[Event]:
    """Every complete event of a log, in order."""
    return [_EVENT.validate_python(json.loads(line)["event"]) for line in read_lines(path)]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
