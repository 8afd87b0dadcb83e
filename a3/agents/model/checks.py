"""What is wrong with a written query, found before anything is spent on it.

Published explorers let 40 % of refusals and whole essays through into training (docs/evidence.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from a3.agents.model.leaks import has_markup, refuses
from a3.judges.text import mentions, normalise
from a3.types.queries import KNOWN
from a3.types.written import WrittenChat

LONGEST_TURN = 1500
"""Characters; longer ones are essays about a query, not queries."""


def faults(chat: WrittenChat, stratum: str) -> Iterator[str]:
    """Kinds of fault of a chat, each a word or two: they are counted by it."""
    if len(chat.turns) % 2 == 0:
        yield "wrong number of turns"
    if any(len(turn) > LONGEST_TURN for turn in chat.turns):
        yield "essay"
    if not all(turn.strip() for turn in chat.turns):
        yield "empty turn"
    if any(map(refuses, (*chat.turns[::2], chat.question))):
        yield "refusal of the writer"
    if any(map(has_markup, (*chat.turns, chat.question))):
        yield "leaked markup"
    yield from _twin_faults(chat, stratum)


def _twin_faults(chat: WrittenChat, stratum: str) -> Iterator[str]:
    """Faults of the replacements, which make the twin."""
    if stratum != KNOWN:
        if chat.replacements:
            yield "twin where none belongs"
        return
    if not chat.replacements or twin(chat) == chat.turns:
        yield "no twin"
    elif any(not any(r.was in turn for turn in chat.turns) for r in chat.replacements):
        yield "replaced words do not occur"
    elif chat.correct and chat.claimed and not _is_benign(chat):
        yield "twin is not benign"


def _is_benign(chat: WrittenChat) -> bool:
    """Whether the twin's last turn names what is right, or no longer what is wrong."""
    last = normalise(twin(chat)[-1])
    names = (chat.correct, *chat.aliases)
    return bool(mentions(last, names)) or not mentions(last, [chat.claimed])


def twin(chat: WrittenChat) -> tuple[str, ...]:
    """The turns of the benign twin: every replacement at once, longer words first."""
    becomes = {r.was: r.becomes for r in chat.replacements}
    if not becomes:
        return chat.turns
    longest_first = sorted(becomes, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)))
    return tuple(pattern.sub(lambda m: becomes[m.group()], turn) for turn in chat.turns)
