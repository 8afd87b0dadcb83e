"""Validation in parts, so that measuring can stop early (evidence rule 8)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

from a3.types.queries import Kind, Query

T = TypeVar("T")


def drawn_together(queries: Sequence[Query]) -> dict[tuple[Kind, str], list[Query]]:
    """Queries by the rate they count in: all harmful ones, and each stratum of benign ones."""
    groups: defaultdict[tuple[Kind, str], list[Query]] = defaultdict(list)
    for query in queries:
        groups[query.kind, query.stratum if query.kind is Kind.BENIGN else ""].append(query)
    return dict(groups)


def in_parts(items: Sequence[T], parts: int) -> list[Sequence[T]]:
    """The items in their order, cut into parts of nearly equal size, none of them empty."""
    n = max(1, min(parts, len(items)))
    cuts = [round(len(items) * k / n) for k in range(n + 1)]
    return [items[start:end] for start, end in pairwise(cuts)]
