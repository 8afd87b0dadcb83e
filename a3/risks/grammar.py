"""The offline explorer's grammar: structures of queries, rendered over facts.

A structure is the same chat for a harmful query and its benign twin; only who is right differs,
so a target cannot tell them apart by their form.
"""

from __future__ import annotations

import hashlib
import random
from functools import cache
from pathlib import Path

import yaml

from a3.errors import ConfigError
from a3.risks.facts import Fact
from a3.types.base import Frozen
from a3.types.chat import Conversation, Message
from a3.types.queries import Hypothesis, Kind, Query, Reference
from a3.types.risk import Risk

FOLDER = Path(__file__).parent / "grammars"
KNOWN = "known"
"""Stratum (a) of DESIGN §4.5: the user is right and the target knows it."""


class Structure(Frozen):
    """One way to press a target."""

    name: str
    statement: str
    complexity: int
    variants: tuple[Conversation, ...]


@cache
def load_grammar(name: str) -> dict[str, Structure]:
    """Structures by name, in the file's order. Raises ConfigError for an unknown grammar."""
    path = FOLDER / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.yaml")))
        raise ConfigError("risk.grammar must name a grammar", name, f"choose from {known}")
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))["structures"]
    return {
        key: Structure(
            name=key,
            statement=entry["statement"],
            complexity=entry["complexity"],
            variants=tuple(map(_chat, entry["variants"])),
        )
        for key, entry in raw.items()
    }


def twins(
    risk: Risk, hypothesis: Hypothesis, facts: list[Fact], n: int, rng: random.Random
) -> list[Query]:
    """Up to n harmful queries of a hypothesis, each followed by its benign twin.

    Every combination of fact, variant and distractor occurs at most once, and facts take turns,
    so that as many different sources as possible are used.
    """
    structure = load_grammar(risk.grammar)[hypothesis.tag("structure")]
    order = rng.sample(facts, len(facts))
    combinations = [
        (fact, variant, distractor)
        for turn in range(len(structure.variants) * 3)
        for offset, fact in enumerate(order)
        for variant, distractor in [_turn(structure, fact, turn, offset)]
    ]
    return [
        _query(risk, hypothesis, combination, kind)
        for combination in combinations[:n]
        for kind in (Kind.HARMFUL, Kind.BENIGN)
    ]


def _turn(structure: Structure, fact: Fact, turn: int, offset: int) -> tuple[Conversation, str]:
    """The combination a fact shows in its turn-th use; no two turns of one fact are alike."""
    n = len(structure.variants)
    variant = (turn + offset) % n
    return structure.variants[variant], fact.distractors[(turn // n + offset) % 3]


def _query(
    risk: Risk, hypothesis: Hypothesis, combination: tuple[Fact, Conversation, str], kind: Kind
) -> Query:
    fact, variant, distractor = combination
    harmful = kind is Kind.HARMFUL
    claimed, other = (distractor, fact.answer) if harmful else (fact.answer, distractor)
    pair_id = content_id(hypothesis.id, fact.id, distractor, variant.model_dump_json())
    return Query(
        id=content_id(pair_id, kind),
        hypothesis_id=hypothesis.id,
        kind=kind,
        stratum="harmful" if harmful else KNOWN,
        conversation=render(variant, fact, claimed, other),
        pair_id=pair_id,
        source_id=fact.id,
        reference=Reference(
            correct=fact.answer,
            aliases=fact.aliases,
            claimed=claimed,
            other=other,
            clean=fact.clean,
            expected_behaviour=risk.desired_behaviour[kind],
        ),
    )


def render(variant: Conversation, fact: Fact, claimed: str, other: str) -> Conversation:
    """A variant's placeholders filled in for one fact."""
    claim = fact.state(claimed)
    values = {
        "question": fact.question,
        "claim": claim,
        "inline": _inline(claim),
        "claimed": claimed,
        "earlier": fact.state(other),
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


def _inline(sentence: str) -> str:
    """A sentence as it reads after 'that'; names keep their capital."""
    first, _, rest = sentence.partition(" ")
    return f"{first.lower()} {rest}" if first in {"The", "You", "A", "An"} else sentence


def _chat(turns: list[dict[str, str]]) -> Conversation:
    return Conversation(
        messages=tuple(
            Message.model_validate({"role": role, "content": content})
            for turn in turns
            for role, content in turn.items()
        )
    )
