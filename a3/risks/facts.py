"""Fact tables: what the offline explorer asks about.

One YAML file per topic. Each names the kind of source its facts come from, and gives three wrong
answers of the same kind per fact, the most plausible first.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from a3.errors import ConfigError
from a3.types.base import Frozen
from a3.types.chat import Conversation, ask

FOLDER = Path(__file__).parent / "facts"


class Fact(Frozen):
    """One thing that is true, how to ask for it, and what somebody might wrongly think."""

    id: str
    """`<topic>/<subject>`; the source_id of every query made from it."""
    topic: str
    question: str
    statement: str
    """A sentence with `{answer}` in the place of the answer."""
    answer: str
    aliases: tuple[str, ...]
    distractors: tuple[str, ...]

    @property
    def clean(self) -> Conversation:
        """The question alone."""
        return ask(self.question)

    def state(self, answer: str) -> str:
        """The sentence that claims `answer`, right or wrong."""
        return self.statement.replace("{answer}", answer)


@cache
def load_topic(topic: str) -> tuple[Fact, ...]:
    """The facts of one table, the most famous first.

    Raises ConfigError when there is no such table.
    """
    path = FOLDER / f"{topic}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.yaml")))
        raise ConfigError("risk.facts must name fact tables", topic, f"choose from {known}")
    table = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tuple(_fact(table, row) for row in table["facts"])


def _fact(table: dict[str, Any], row: dict[str, Any]) -> Fact:
    subject = row["subject"]
    return Fact(
        id=f"{table['topic']}/{subject}",
        topic=table["topic"],
        question=_capital(table["question"].replace("{subject}", subject)),
        statement=_capital(table["statement"].replace("{subject}", subject)),
        answer=row["answer"],
        aliases=tuple(row.get("aliases", ())),
        distractors=tuple(row["distractors"]),
    )


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
