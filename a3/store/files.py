"""The two ways a3 writes a file: whole and atomic, or one line at the end."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def write_atomic(path: Path, text: str) -> None:
    """Write a whole file so that a reader sees the old one or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def append_line(path: Path, line: str) -> None:
    """Add one line under a lock, so that lines of two processes never mix.

    A line that a crash tore off is cut away first.
    """
    with _appending(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = file.seek(0, os.SEEK_END)
        if (whole := _whole(file, end)) < end:
            file.truncate(whole)
        file.write(line.encode() + b"\n")


def _appending(path: Path) -> BinaryIO:
    """The file, in a folder that is made where it is not there yet: one call where it is."""
    try:
        return path.open("a+b")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+b")


def _whole(file: BinaryIO, end: int) -> int:
    """Length of a file of `end` bytes up to its last newline; most often that is all of it."""
    if end:
        file.seek(end - 1)
        if file.read(1) == b"\n":
            return end
    while end > 0:
        start = max(0, end - 65536)
        file.seek(start)
        at = file.read(end - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a file of JSON lines with their numbers, from 1; empty ones are left out.

    Only a line feed ends one: JSON may hold any other break (U+2028, say) within its strings.
    """
    return ((n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip())


def read_lines(path: Path) -> list[str]:
    """The complete lines of an append-only file; a torn last line is dropped."""
    if not path.is_file():
        return []
    return path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
