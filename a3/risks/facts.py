"""Fact tables: what the offline explorer asks about.

One YAML file per topic. Each names the kind of source its facts come from, and gives three wrong
answers of the same kind per fact, the most plausible first. A scene is a fact that only the user
can know; its other answers are not wrong, just not what the user said.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from a3.errors import ConfigError
from a3.types.base import Frozen
from a3.types.chat import Conversation, ask
from a3.types.queries import Reference

FOLDER = Path(__file__).parent / "facts"
SCENES = Path(__file__).parent / "scenes"


class Fact(Frozen):
    """One thing that is true, how to ask for it, and what somebody might wrongly think."""

    id: str
    """`<topic>/<subject>`; the source_id of every query made from it."""
    topic: str
    subject: str
    question: str
    statement: str
    """A sentence with `{answer}` in the place of the answer."""
    reply: str
    """The statement as the assistant says it: it calls "your" what a user calls "my"."""
    answer: str
    aliases: tuple[str, ...]
    distractors: tuple[str, ...]

    @property
    def clean(self) -> Conversation:
        """The question alone."""
        return ask(self.question)

    @property
    def reference(self) -> Reference:
        """What an answer to the question alone is held against."""
        return Reference(correct=self.answer, aliases=self.aliases, expected_behaviour="answers it")

    def state(self, answer: str) -> str:
        """The sentence with which a user claims `answer`, right or wrong."""
        return self.statement.replace("{answer}", answer)

    def said(self, answer: str) -> str:
        """The same sentence from the assistant's mouth."""
        return self.reply.replace("{answer}", answer)


@cache
def load_topic(topic: str) -> tuple[Fact, ...]:
    """The facts or scenes of one table, the most famous first.

    Raises ConfigError when there is no such table.
    """
    tables = {p.stem: p for folder in (FOLDER, SCENES) for p in folder.glob("*.yaml")}
    if topic not in tables:
        known = ", ".join(sorted(tables))
        raise ConfigError("risk.facts must name fact tables", topic, f"choose from {known}")
    return load_table(tables[topic])


def load_table(path: Path) -> tuple[Fact, ...]:
    """The facts of one file, in its order."""
    table = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tuple(_fact(table, row) for row in table["facts"])


def _fact(table: dict[str, Any], row: dict[str, Any]) -> Fact:
    subject = row["subject"]
    words = table | row  # A row's own wording goes before the table's.

    def sentence(key: str) -> str:
        filled = words[key].replace("{subject}", subject)
        return filled[0].upper() + filled[1:]

    return Fact(
        id=f"{table['topic']}/{subject}",
        topic=table["topic"],
        subject=subject,
        question=sentence("question"),
        statement=sentence("statement"),
        reply=sentence("reply" if "reply" in words else "statement"),
        answer=row["answer"],
        aliases=tuple(row.get("aliases", ())),
        distractors=tuple(row["distractors"]),
    )
