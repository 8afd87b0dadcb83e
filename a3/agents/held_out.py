"""The held-out sets, drawn fresh after the split (DESIGN §4.3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from random import Random

from a3.config import Config
from a3.risks.facts import load_topic
from a3.risks.grammar import KNOWN, content_id, draw, load_grammar
from a3.types.queries import Query, Splits


def held_out(config: Config, splits: Splits, which: str) -> list[Query]:
    """Fresh queries of `confirm` or `ood`, drawn from the generators and from nothing else.

    No answer of any model has a part in the choice (DESIGN §4.3). Each stratum has its own number:
    pairs of twins for `known`, benign queries for the others.
    """
    confirm = which == "confirm"
    hypotheses = splits.training if confirm else splits.ood
    sources = splits.confirm_sources if confirm else splits.ood_sources
    pairs = config.budget.confirm if confirm else config.budget.ood
    grammar = load_grammar(config.risk.grammar)
    drawn: dict[str, list[list[tuple[Query, ...]]]] = defaultdict(list)
    for hypothesis in hypotheses:
        structure = grammar[hypothesis.tag("structure")]
        allowed = {s.id for s in sources if s.stratum == structure.stratum}
        facts = [f for f in load_topic(hypothesis.tag("topic")) if f.id in allowed]
        rng = Random(content_id(str(config.seed), which, *hypothesis.tags))
        drawn[structure.stratum].append(draw(config.risk, hypothesis, structure, facts, rng))
    return [
        query
        for stratum, cases in drawn.items()
        for case in in_turn(cases, pairs if stratum == KNOWN else config.budget.strata)
        for query in case
    ]


def in_turn(drawn: Sequence[list[tuple[Query, ...]]], wanted: int) -> list[tuple[Query, ...]]:
    """`wanted` cases, one hypothesis after another, so that all count alike."""
    longest = max(map(len, drawn), default=0)
    turns = (cases[turn] for turn in range(longest) for cases in drawn if turn < len(cases))
    return list(islice(turns, wanted))
