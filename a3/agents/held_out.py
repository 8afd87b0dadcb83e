"""The held-out sets, drawn fresh after the split (DESIGN §4.3)."""

from __future__ import annotations

from collections import defaultdict

from a3.agents.cases import Case, by_stratum, cases, in_turn
from a3.config import Config
from a3.types.queries import KNOWN, Query, Splits


def held_out(config: Config, splits: Splits, which: str) -> list[Query]:
    """Fresh queries of `confirm` or `ood`, drawn from the generators and from nothing else.

    No answer of any model has a part in the choice (DESIGN §4.3). Each stratum has its own number:
    pairs of twins for `known`, benign queries for the others.
    """
    confirm = which == "confirm"
    hypotheses = splits.training if confirm else splits.ood
    sources = by_stratum(
        (s.stratum, s.id) for s in (splits.confirm_sources if confirm else splits.ood_sources)
    )
    pairs = config.budget.confirm if confirm else config.budget.ood
    drawn: dict[str, list[list[Case]]] = defaultdict(list)
    for hypothesis in hypotheses:
        stratum, mine = cases(config, hypothesis, sources, which)
        drawn[stratum].append(mine)
    return [
        query
        for stratum, mine in drawn.items()
        for case in in_turn(mine, pairs if stratum == KNOWN else config.budget.strata)
        for query in case
    ]
