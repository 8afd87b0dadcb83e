"""Validation in parts, in a fixed random order, so that measuring can stop early (DESIGN §4.8)."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from a3.types.queries import Kind, Query


def drawn_together(queries: Sequence[Query]) -> dict[tuple[Kind, str], list[Query]]:
    """Queries by the rate they count in: all harmful ones, and each stratum of benign ones."""
    groups: defaultdict[tuple[Kind, str], list[Query]] = defaultdict(list)
    for query in queries:
        groups[query.kind, query.stratum if query.kind is Kind.BENIGN else ""].append(query)
    return dict(groups)


def in_parts(queries: Sequence[Query], parts: int, seed: str) -> list[list[Query]]:
    """The queries in a random order that the seed decides, cut into parts of nearly equal size.

    Stratified: whatever was answered, it holds of each stratum its share, to within one query, and
    is a random sample of the stratum without replacement.
    """
    rng = random.Random(seed)
    places: list[tuple[float, Query]] = []
    for members in drawn_together(queries).values():
        rng.shuffle(members)
        places += [((i + 0.5) / len(members), query) for i, query in enumerate(members)]
    order = [query for _, query in sorted(places, key=lambda place: place[0])]
    cuts = [round(len(order) * k / parts) for k in range(parts + 1)]
    return [order[start:end] for start, end in pairwise(cuts)]
