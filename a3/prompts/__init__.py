"""Prompts are prose files with checked placeholders; their hashes are part of a run."""

from __future__ import annotations

import hashlib
import string
from pathlib import Path

FOLDER = Path(__file__).parent


def render(name: str, **values: str) -> str:
    """A prompt with its placeholders filled in.

    Raises KeyError unless the values are exactly the placeholders of the file.
    """
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    wanted = {field for _, field, _, _ in string.Formatter().parse(text) if field}
    if wanted != set(values):
        raise KeyError(f"prompt {name} needs {sorted(wanted)}, got {sorted(values)}")
    return text.format(**values).strip()


def hashes() -> dict[str, str]:
    """SHA-256 of every prompt by name."""
    return {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(FOLDER.glob("*.md"))
    }
