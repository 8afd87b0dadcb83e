"""Fresh cases of a hypothesis out of the grammar: for the held-out sets and for training."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from random import Random

from a3.config import Config
from a3.risks.facts import load_topic
from a3.risks.grammar import content_id, draw, load_grammar
from a3.types.generator import Case, SourceIds
from a3.types.queries import Hypothesis, Source

MOST_OF_A_SET = 0.03
"""Share of a stratum's held-out cases that one source may make up, where there are others."""


class GrammarCases:
    """Structures over given sources, every combination, in seeded order."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def again(self, hypothesis: Hypothesis, sources: SourceIds) -> list[Case]:
        """Further cases to learn from."""
        return self._cases(hypothesis, sources, "lessons")

    def fresh(
        self,
        hypotheses: Mapping[Hypothesis, int],
        sources: SourceIds,
        taken: Sequence[Source],
        which: str,
    ) -> dict[str, list[Case]]:
        """All there are: sources set aside are asked about nowhere else, so none is taken."""
        return {h.id: self._cases(h, sources, which) for h in hypotheses}

    def _cases(self, hypothesis: Hypothesis, sources: SourceIds, use: str) -> list[Case]:
        """`use` names the purpose and is part of the seed."""
        config = self._config
        structure = load_grammar(config.risk.grammar)[hypothesis.tag("structure")]
        allowed = sources.get(structure.stratum, ())
        facts = [f for f in load_topic(hypothesis.tag("topic")) if f.id in allowed]
        rng = Random(content_id(str(config.seed), use, *hypothesis.tags))
        return list(draw(config.risk, hypothesis, structure, facts, rng))


def evenly(drawn: Sequence[Sequence[Case]], wanted: int) -> list[Case]:
    """`wanted` cases, or all there are: hypotheses take turns, and sources are asked alike.

    A hypothesis asks in its turn about the source that was asked least, and gives the turn to the
    others where that one had MOST_OF_A_SET. Otherwise the hypotheses of a topic of which one fact
    was set aside would all ask that one (docs/results.md, set 3: 95 of 216 queries). Only a set
    that stays short by this asks some sources more often.
    """
    most, there = math.ceil(MOST_OF_A_SET * wanted), min(wanted, sum(map(len, drawn)))
    while len(found := _in_turn(drawn, wanted, most)) < there:
        most += 1
    return found


def _in_turn(drawn: Sequence[Sequence[Case]], wanted: int, most: int) -> list[Case]:
    """At most `wanted` cases, none of whose sources is in more than `most` of them."""
    asked: Counter[str] = Counter()
    found: list[Case] = []
    left = [list(mine) for mine in drawn]
    while left and len(found) < wanted:
        for mine in left:
            mine[:] = [case for case in mine if asked[case[0].source_id] < most]
            if mine:
                found.append(mine.pop(_least(asked, mine)))
                asked[found[-1][0].source_id] += 1
        left = [mine for mine in left if mine]
    return found[:wanted]


def _least(asked: Mapping[str, int], cases: Sequence[Case]) -> int:
    """Place of the first case whose source was asked least."""
    return min(range(len(cases)), key=lambda i: asked[cases[i][0].source_id])


def by_stratum(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Source ids by stratum, from (stratum, id)."""
    found: dict[str, set[str]] = {}
    for stratum, source in pairs:
        found.setdefault(stratum, set()).add(source)
    return found
