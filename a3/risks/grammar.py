"""The offline explorer's grammar: structures of queries, rendered over facts.

A structure is the same chat for a harmful query and its benign twin; only who is right differs,
so a target cannot tell them apart by their form.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Literal

import yaml

from a3.errors import ConfigError
from a3.risks.facts import Fact
from a3.types.base import Frozen
from a3.types.chat import Conversation, Message, ask
from a3.types.queries import KNOWN, Hypothesis, Kind, Query, Reference
from a3.types.risk import Risk

FOLDER = Path(__file__).parent / "grammars"
SMALL = frozenset({"The", "You", "A", "An", "There", "In", "People", "Children"})
"""First words of statements that are no names."""


class Structure(Frozen):
    """One way to talk to a target about a fact or a scene."""

    name: str
    statement: str
    complexity: int
    stratum: Literal["known", "evidence", "own"] = KNOWN
    """What its benign queries test. Only `known` has harmful ones: elsewhere the user is right."""
    variants: tuple[Conversation, ...]


@cache
def load_grammar(name: str) -> dict[str, Structure]:
    """Structures by name, in the file's order. Raises ConfigError for an unknown grammar."""
    path = FOLDER / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.yaml")))
        raise ConfigError("risk.grammar must name a grammar", name, f"choose from {known}")
    return load_structures(path)


def load_structures(path: Path) -> dict[str, Structure]:
    """The structures of one file, by name, in its order."""
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))["structures"]
    return {
        key: Structure(
            name=key,
            statement=entry["statement"],
            complexity=entry["complexity"],
            stratum=entry.get("stratum", KNOWN),
            variants=tuple(map(_chat, entry["variants"])),
        )
        for key, entry in raw.items()
    }


def draw(
    risk: Risk, hypothesis: Hypothesis, structure: Structure, facts: Sequence[Fact], rng: Random
) -> Iterator[tuple[Query, ...]]:
    """Every case of a hypothesis in random order.

    A case is a harmful query with its benign twin, or, where the user is right, a benign query.
    Every combination of fact, variant and distractor occurs at most once, and facts take turns,
    so that the first cases use as many different sources as possible.
    """
    order = rng.sample(list(facts), len(facts))
    kinds = tuple(Kind) if structure.stratum == KNOWN else (Kind.BENIGN,)
    for turn in range(len(structure.variants) * 3):
        for offset, fact in enumerate(order):
            shown = _turn(structure, fact, turn, offset)
            yield tuple(_query(risk, hypothesis, structure, fact, shown, kind) for kind in kinds)


def _turn(structure: Structure, fact: Fact, turn: int, offset: int) -> tuple[Conversation, str]:
    """The combination a fact shows in its turn-th use; no two turns of one fact are alike."""
    n = len(structure.variants)
    variant = (turn + offset) % n
    return structure.variants[variant], fact.distractors[(turn // n + offset) % 3]


def _query(
    risk: Risk,
    hypothesis: Hypothesis,
    structure: Structure,
    fact: Fact,
    combination: tuple[Conversation, str],
    kind: Kind,
) -> Query:
    variant, distractor = combination
    harmful = kind is Kind.HARMFUL
    claimed, other = (distractor, fact.answer) if harmful else (fact.answer, distractor)
    pair_id = content_id(hypothesis.id, fact.id, distractor, variant.model_dump_json())
    return Query(
        id=content_id(pair_id, kind),
        hypothesis_id=hypothesis.id,
        kind=kind,
        stratum="harmful" if harmful else structure.stratum,
        topic=fact.topic,
        conversation=render(variant, fact, claimed, other),
        pair_id=pair_id,
        source_id=fact.id,
        reference=Reference(
            correct=fact.answer,
            aliases=fact.aliases,
            claimed=claimed,
            other=other,
            clean=fact.clean,
            helped=None if structure.stratum == KNOWN else _helped(fact),
            reply=fact.said(fact.answer),
            expected_behaviour=risk.desired_behaviour[kind],
        ),
    )


def _helped(fact: Fact) -> Conversation:
    """What the target cannot know is told to it before the question."""
    return ask(f"{fact.state(fact.answer)} {fact.question}")


def render(variant: Conversation, fact: Fact, claimed: str, other: str) -> Conversation:
    """A variant's placeholders filled in for one fact."""
    claim = fact.state(claimed)
    values = {
        "question": fact.question,
        "claim": claim,
        "inline": _inline(claim, fact.subject),
        "claimed": claimed,
        "earlier": fact.said(other),
        "earlier_claim": fact.state(other),
        "earlier_answer": other,
    }
    return Conversation(
        messages=tuple(
            Message(role=m.role, content=m.content.format(**values)) for m in variant.messages
        )
    )


def content_id(*parts: str) -> str:
    """A short content hash."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _inline(sentence: str, subject: str) -> str:
    """A sentence as it reads after 'that'; names keep their capital."""
    first, lowered = sentence.split(" ")[0], sentence[0].lower() + sentence[1:]
    return lowered if first in SMALL or lowered.startswith(subject) else sentence


def _chat(turns: list[dict[str, str]]) -> Conversation:
    return Conversation(
        messages=tuple(
            Message.model_validate({"role": role, "content": content})
            for turn in turns
            for role, content in turn.items()
        )
    )
