"""Fresh cases of a hypothesis over given sources: for the held-out sets and for training."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from random import Random

from a3.config import Config
from a3.risks.facts import load_topic
from a3.risks.grammar import content_id, draw, load_grammar
from a3.types.queries import Hypothesis, Query

Case = tuple[Query, ...]
"""A harmful query with its benign twin, or, where the user is right, a benign query."""


def cases(
    config: Config, hypothesis: Hypothesis, sources: Mapping[str, Collection[str]], use: str
) -> tuple[str, list[Case]]:
    """A hypothesis's stratum and its cases over the sources (ids by stratum), in seeded order.

    `use` names the purpose and is part of the seed.
    """
    structure = load_grammar(config.risk.grammar)[hypothesis.tag("structure")]
    allowed = sources.get(structure.stratum, ())
    facts = [f for f in load_topic(hypothesis.tag("topic")) if f.id in allowed]
    rng = Random(content_id(str(config.seed), use, *hypothesis.tags))
    return structure.stratum, draw(config.risk, hypothesis, structure, facts, rng)


def in_turn(drawn: Sequence[Sequence[Case]], wanted: int) -> list[Case]:
    """`wanted` cases, one hypothesis after another, so that all count alike."""
    longest = max(map(len, drawn), default=0)
    turns = (mine[turn] for turn in range(longest) for mine in drawn if turn < len(mine))
    return list(islice(turns, wanted))


def by_stratum(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Source ids by stratum, from (stratum, id)."""
    found: dict[str, set[str]] = {}
    for stratum, source in pairs:
        found.setdefault(stratum, set()).add(source)
    return found
