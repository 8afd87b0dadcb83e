"""The held-out sets, drawn fresh after the split (evidence rule 3)."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from a3.agents.cases import GrammarCases, by_stratum, evenly
from a3.config import Config
from a3.types.generator import Case, Generator
from a3.types.queries import KNOWN, Query, Source, Splits

SETS = ("confirm", "ood")


def held_out_sets(
    config: Config, splits: Splits, generator: Generator | None = None
) -> dict[str, list[Query]]:
    """Both sets; no source is on two sides."""
    confirm = held_out(config, splits, "confirm", generator, splits.spent)
    taken = (*splits.spent, *map(_source, confirm))
    return {"confirm": confirm, "ood": held_out(config, splits, "ood", generator, taken)}


def _source(query: Query) -> Source:
    """What a query is about."""
    return Source(
        id=query.source_id,
        topic=query.topic,
        stratum=query.stratum,
        reserved=True,
        about=query.about,
        answers=query.answers,
    )


def held_out(
    config: Config,
    splits: Splits,
    which: str,
    generator: Generator | None = None,
    taken: Sequence[Source] = (),
) -> list[Query]:
    """Fresh queries of `confirm` or `ood`, drawn from the generators and from nothing else.

    No model's answer to them has a part in it (evidence rule 3). Each stratum has its own number:
    pairs of twins for `known`, benign queries for the others. Without a generator they come out of
    the grammar.
    """
    confirm = which == "confirm"
    hypotheses = splits.training if confirm else splits.ood
    sources = by_stratum(
        (s.stratum, s.id) for s in (splits.confirm_sources if confirm else splits.ood_sources)
    )
    pairs = config.budget.confirm if confirm else config.budget.ood
    size = Counter(h.stratum for h in hypotheses)
    wanted = {stratum: pairs if stratum == KNOWN else config.budget.strata for stratum in size}
    drawn = (generator or GrammarCases(config)).fresh(
        {h: math.ceil(wanted[h.stratum] / size[h.stratum]) for h in hypotheses},
        sources,
        taken,
        which,
    )
    grouped: dict[str, list[list[Case]]] = defaultdict(list)
    for hypothesis in hypotheses:
        grouped[hypothesis.stratum].append(drawn[hypothesis.id])
    return [
        query
        for stratum, mine in grouped.items()
        for case in evenly(mine, wanted[stratum])
        for query in case
    ]
