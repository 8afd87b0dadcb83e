"""Every part of validation is a stratified random sample, decided by the seed alone."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from a3.measure import in_parts
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
def test_every_query_is_in_one_part_and_parts_are_alike_in_size(sizes, parts):
    asked = queries(*sizes)
    found = in_parts(asked, parts, "seed")
    assert len(found) == parts
    assert sorted(q.id for part in found for q in part) == sorted(q.id for q in asked)
    assert max(map(len, found)) - min(map(len, found)) <= 1


@given(SIZES, st.integers(1, 8))
def test_rule_8_what_was_answered_holds_of_each_stratum_its_share(sizes, parts):
    asked = queries(*sizes)
    order = [q for part in in_parts(asked, parts, "seed") for q in part]
    whole, seen = Counter(q.stratum for q in asked), Counter()
    for n, query in enumerate(order, start=1):
        seen[query.stratum] += 1
        assert all(abs(seen[s] - whole[s] * n / len(order)) < 2 for s in whole)


def test_rule_8_the_seed_decides_the_order():
    asked = queries(20, 20, 5, 5)
    assert in_parts(asked, 4, "0/validation/1") == in_parts(asked, 4, "0/validation/1")
    assert in_parts(asked, 4, "0/validation/1") != in_parts(asked, 4, "0/validation/2")


def test_rule_8_every_query_of_a_stratum_comes_first_equally_often():
    asked = queries(6)
    first = Counter(in_parts(asked, 6, str(seed))[0][0].id for seed in range(3000))
    assert all(abs(first[q.id] - 500) < 5 * (3000 * 5 / 36) ** 0.5 for q in asked)
