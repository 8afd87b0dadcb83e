"""Who agents work with."""

from __future__ import annotations

from dataclasses import dataclass

from a3.types.judge import Judge
from a3.types.llm import ChatModel
from a3.types.observer import Observer
from a3.types.target import Target


@dataclass(frozen=True)
class Crew:
    """The collaborators of explore and respond."""

    target: Target
    """The base."""
    judge: Judge
    observer: Observer
    agent: ChatModel | None = None
    """None: they work offline."""
