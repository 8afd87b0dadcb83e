"""Validation in parts."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from a3.measure import in_parts
from a3.measure.parts import drawn_together
from a3.types.chat import ask
from a3.types.queries import Kind, Query, Reference

STRATA = (
    (Kind.HARMFUL, "harmful"),
    (Kind.BENIGN, "known"),
    (Kind.BENIGN, "evidence"),
    (Kind.BENIGN, "own"),
)


def queries(*sizes: int) -> list[Query]:
    return [
        Query(
            id=f"{stratum}{i}",
            hypothesis_id="H0",
            kind=kind,
            stratum=stratum,
            conversation=ask(f"{stratum} {i}?"),
            pair_id=f"p{i}",
            source_id=f"s{i}",
            reference=Reference(correct="-", expected_behaviour="-"),
        )
        for (kind, stratum), n in zip(STRATA, sizes, strict=False)
        for i in range(n)
    ]


SIZES = st.lists(st.integers(0, 20), min_size=4, max_size=4)


@given(SIZES, st.integers(1, 8))
def test_parts_keep_the_order_and_are_alike_in_size(sizes, parts):
    asked = queries(*sizes)
    found = in_parts(asked, parts)
    assert [q for part in found for q in part] == asked
    assert len(found) == max(1, min(parts, len(asked)))
    assert max(map(len, found)) - min(map(len, found)) <= 1
    assert all(found) or not asked


@given(SIZES)
def test_what_counts_in_one_rate_is_drawn_together(sizes):
    asked = queries(*sizes)
    groups = drawn_together(asked)
    assert sorted(map(len, groups.values())) == sorted(n for n in sizes if n)
    assert Counter(q for members in groups.values() for q in members) == Counter(asked)
