"""What a repair learns from: the train queries, and fresh ones like them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice

from a3.agents.cases import GrammarCases, by_stratum
from a3.config import Config
from a3.types.generator import Case, Generator
from a3.types.queries import KNOWN, Hypothesis, Kind, Query, SearchView

CROSSING_SHARE = 1 / 6
"""Of the cases of a hypothesis, what a crossing brings: many hundred cells make thousands."""


def lessons(config: Config, view: SearchView, generator: Generator | None = None) -> list[Query]:
    """The train queries, with fresh ones until a hypothesis has `budget.cases_per_hypothesis`.

    Fresh ones come from the hypotheses' own generators over the sources of the train queries and
    those that explore left, so they touch nothing that validates or is held out. They are never
    asked: the answers to learn are those to the clean questions, so more of them cost nothing but
    training. Crossings, which are many, bring a share of that each. Without a generator they come
    out of the grammar.
    """
    source = generator or GrammarCases(config)
    sources = by_stratum(
        [(_serves(q), q.source_id) for q in view.train] + [(s.stratum, s.id) for s in view.spare]
    )
    asked: dict[str, set[str]] = defaultdict(set)
    for query in view.train:
        asked[query.hypothesis_id].add(query.pair_id)
    more = [
        query
        for h, wanted in _wanted(config, view)
        for case in _fresh(wanted, source.again(h, sources), asked[h.id])
        for query in case
    ]
    return [*view.train, *more]


def _wanted(config: Config, view: SearchView) -> Iterator[tuple[Hypothesis, int]]:
    cases = config.budget.cases_per_hypothesis
    yield from ((h, cases) for h in view.hypotheses)
    yield from ((h, math.ceil(cases * CROSSING_SHARE)) for h in view.crossings)


def _fresh(wanted: int, drawn: list[Case], asked: set[str]) -> Iterator[Case]:
    fresh = (case for case in drawn if case[0].pair_id not in asked)
    yield from islice(fresh, max(0, wanted - len(asked)))


def _serves(query: Query) -> str:
    """The stratum that a query's source serves."""
    return KNOWN if query.kind is Kind.HARMFUL else query.stratum
