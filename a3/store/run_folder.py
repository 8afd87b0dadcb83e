"""One run, one folder: the only code that knows where in it things are.

config.json  overrides.json   what was run
stages/                       one JSON file per finished step, nested as its key
adapters/                     one folder per trial; after the search those on its front
log.jsonl  metrics.jsonl      append-only
trials.jsonl                  all trials, one a line
provenance.jsonl              code, versions and weights of each attempt that differs from the last
cost.json  calls.jsonl        what was spent; every call that was paid for, one a line
study.journal                 all trials, for optuna-dashboard
result.json  result.md  report.html   the outcome
labelling.jsonl               final answers for people to label
reached.md                    what there was when a cap ended the run
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from a3.store.files import write_atomic

T = TypeVar("T")
Key = str | tuple[str | int, ...]


class Store:
    """A run folder. Resume is nothing but `once` finding what is already there."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def once(self, key: Key, kind: Any, make: Callable[[], T]) -> T:
        """The value of a step: loaded if an earlier attempt finished it, else made and saved.

        `kind` is the value's type, for parsing it back.
        """
        adapter: TypeAdapter[T] = TypeAdapter(kind)
        path = self._path("stages", key, ".json")
        if path.is_file():
            return adapter.validate_json(path.read_bytes())
        value = make()
        write_atomic(path, adapter.dump_json(value, indent=1).decode())
        # What later steps see must not depend on whether this one was just made or loaded.
        return adapter.validate_json(path.read_bytes())

    def has(self, key: Key) -> bool:
        """Whether the step is finished."""
        return self._path("stages", key, ".json").is_file()

    def folder(self, key: Key, make: Callable[[Path], None]) -> Path:
        """A folder artifact: filled under a temporary name and renamed into place when complete."""
        final = self._path("adapters", key, "")
        if final.is_dir():
            return final
        partial = final.with_name(f".{final.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        make(partial)
        partial.rename(final)
        return final

    def discard(self, key: Key) -> None:
        """Remove a folder artifact, if it is there; never is half of it left under its name."""
        final = self._path("adapters", key, "")
        gone = final.with_name(f".{final.name}.removed")
        if final.is_dir():
            shutil.rmtree(gone, ignore_errors=True)
            final.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)  # Also what an interrupted attempt left.

    def relative(self, path: Path) -> str:
        """A path as it is kept in values: relative to the run folder, so that it may move."""
        return path.relative_to(self.root).as_posix()

    def _path(self, area: str, key: Key, suffix: str) -> Path:
        parts = [str(part) for part in (key if isinstance(key, tuple) else (key,))]
        for part in parts:
            if not re.fullmatch(r"[A-Za-z0-9_-]+", part):
                raise ValueError(f"store keys are plain names, got {part!r}")
        return self.root.joinpath(area, *parts[:-1], parts[-1] + suffix)
