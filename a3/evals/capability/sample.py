"""Which items of a benchmark are asked, and in which order their options stand: pure and seeded."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

ID_KEYS = ("question_id", "Record ID", "id", "idx")
OPTIONS = ("Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")
"""GPQA's columns of options; none of its rows says in which order they are shown."""


def identities(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One id a row: the benchmark's own where they tell all rows apart, else a content hash."""
    for key in ID_KEYS:
        found = [str(row.get(key)) for row in rows]
        if len(set(found)) == len(rows):
            return found
    hashes = [_hash(row) for row in rows]
    seen: dict[str, int] = {}
    unique: list[str] = []
    for value in hashes:
        seen[value] = seen.get(value, 0) + 1
        unique.append(value if seen[value] == 1 else f"{value}-{seen[value]}")
    return unique


def proportional(
    strata: Mapping[str, Sequence[str]], n_items: int, seed: int
) -> dict[str, list[str]]:
    """`n_items` ids, from each stratum its share (largest remainders), drawn by the seed.

    The order of rows and strata does not matter. So drawn, the accuracy over all items estimates
    that of the whole benchmark.
    """
    total = sum(map(len, strata.values()))
    n, rng = min(n_items, total), random.Random(f"{seed}/strata")
    names = sorted(strata)
    rng.shuffle(names)  # Ties among remainders are broken by the seed.
    share = {name: divmod(n * len(strata[name]), total or 1) for name in names}
    short = n - sum(whole for whole, _ in share.values())
    more = set(sorted(names, key=lambda name: -share[name][1])[:short])
    return {
        name: sorted(
            random.Random(f"{seed}/{name}").sample(
                sorted(strata[name]), share[name][0] + (name in more)
            )
        )
        for name in sorted(strata)
    }


def with_options(row: Mapping[str, Any], identity: str, clean: Any) -> dict[str, Any]:
    """A row of GPQA with its options in an order that depends on its id and on nothing else.

    The task's own order comes from the global random state of whoever loads it first. `clean` is
    the task's own clean-up of an option.
    """
    options = [clean(row[column]) for column in OPTIONS]
    right = options[0]
    random.Random(f"options/{identity}").shuffle(options)
    named = {f"choice{i}": option for i, option in enumerate(options, start=1)}
    letter = "ABCD"[options.index(right)]
    return {**row, **named, "choices": options, "answer": f"({letter})"}


def _hash(row: Mapping[str, Any]) -> str:
    text = json.dumps(row, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
