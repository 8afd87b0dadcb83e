"""The content cache: answers and scores by the hash of all that decides them.

One SQLite file, shared between runs and processes. Nothing in it is ever needed for
correctness; deleting it only costs time.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

_CHUNK = 500
"""Keys per query; SQLite allows 999 variables in its smallest builds."""
_PATIENCE, _PAUSE = 60.0, 0.05
"""Seconds to wait for another process's write, and between two attempts."""


def cache_root() -> Path:
    """`A3_CACHE_DIR`, or `a3` in the user's cache folder.

    models/          converted weights
    content.sqlite   answers and scores by fingerprint
    trials/          trained adapters by fingerprint (some megabytes each; delete at will)
    """
    given = os.environ.get("A3_CACHE_DIR")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "a3"


def fingerprint(*parts: object) -> str:
    """SHA-256 of JSON-able values, for cache keys."""
    return hashlib.sha256(
        json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


class Cache:
    """Values (text) by fingerprint. `Cache(None)` keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path or ":memory:", timeout=_PATIENCE, isolation_level=None)
        self._keeps = path is not None
        _write_ahead(self._db)
        # No wait for the disk at each entry: a kill loses nothing, a power cut the last entries.
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID"
        )

    def get(self, keys: Iterable[str]) -> dict[str, str]:
        """The entries that exist among `keys`."""
        wanted, found = list(dict.fromkeys(keys)), dict[str, str]()
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))
            found.update(
                self._db.execute(f"SELECT key, value FROM entries WHERE key IN ({marks})", chunk)
            )
        return found

    def put(self, entries: Mapping[str, str]) -> None:
        """Add entries in one transaction; an entry that exists stays as it is."""
        if not self._keeps:
            return
        insert = "INSERT OR IGNORE INTO entries VALUES (?, ?)"
        if len(entries) == 1:  # As calls bring them: one statement is a transaction.
            self._db.execute(insert, *entries.items())
            return
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(insert, entries.items())
        self._db.execute("COMMIT")


def shared_cache() -> Cache:
    """The one that all runs under this `cache_root()` share."""
    return Cache(cache_root() / "content.sqlite")


def _write_ahead(db: sqlite3.Connection) -> None:
    """Let readers and a writer go on side by side.

    SQLite does not wait here for another process that is just writing, whatever the time-out: two
    runs that start at once over a new file.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
