"""Fresh cases of a hypothesis out of the grammar: for the held-out sets and for training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from random import Random

from a3.config import Config
from a3.risks.facts import load_topic
from a3.risks.grammar import content_id, draw, load_grammar
from a3.types.generator import Case, Sources
from a3.types.queries import Hypothesis, Source


class GrammarCases:
    """Structures over given sources, every combination, in seeded order."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def again(self, hypothesis: Hypothesis, sources: Sources) -> list[Case]:
        """Further cases to learn from."""
        return self._cases(hypothesis, sources, "lessons")

    def fresh(
        self,
        hypotheses: Mapping[Hypothesis, int],
        sources: Sources,
        taken: Sequence[Source],
        which: str,
    ) -> dict[str, list[Case]]:
        """All there are: sources set aside are asked about nowhere else, so none is taken."""
        return {h.id: self._cases(h, sources, which) for h in hypotheses}

    def _cases(self, hypothesis: Hypothesis, sources: Sources, use: str) -> list[Case]:
        """`use` names the purpose and is part of the seed."""
        config = self._config
        structure = load_grammar(config.risk.grammar)[hypothesis.tag("structure")]
        allowed = sources.get(structure.stratum, ())
        facts = [f for f in load_topic(hypothesis.tag("topic")) if f.id in allowed]
        rng = Random(content_id(str(config.seed), use, *hypothesis.tags))
        return draw(config.risk, hypothesis, structure, facts, rng)


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
