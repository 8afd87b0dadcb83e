"""Folders by the hash of all that decides them, e.g. trained adapters.

Shared between runs and processes, in `A3_CACHE_DIR`. Nothing in it is ever needed for correctness
and nothing is ever removed: deleting it costs time, keeping it space.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock


class Artifacts:
    """A folder of folders, each named by its fingerprint and complete from the start."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def has(self, key: str) -> bool:
        """Whether the folder is there."""
        return (self._root / key).is_dir()

    def folder(self, key: str, make: Callable[[Path], None]) -> Path:
        """The folder of this fingerprint: filled under another name, then renamed into place.

        Of processes that ask for it at the same time one fills it, and the others wait.
        """
        self._root.mkdir(parents=True, exist_ok=True)
        final, partial = self._root / key, self._root / f".{key}.partial"
        with FileLock(self._root / f".{key}.lock"):
            if not final.is_dir():
                shutil.rmtree(partial, ignore_errors=True)  # Of an attempt that was killed.
                partial.mkdir()
                make(partial)
                partial.rename(final)
        return final
