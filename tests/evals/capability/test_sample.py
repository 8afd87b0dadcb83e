"""Samples are seeded, in proportion and paired; the order of options hangs on the id alone."""

import random
from collections import Counter
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from a3.evals.capability.sample import identities, proportional, with_options

STRATA = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 40), min_size=1).map(
    lambda sizes: {name: [f"{name}{i}" for i in range(n)] for name, n in sizes.items()}
)


@given(STRATA, st.integers(0, 120), st.integers(0, 9))
def test_each_stratum_gets_its_share(strata, n, seed):
    total = sum(map(len, strata.values()))
    chosen = proportional(strata, n, seed)
    assert sum(map(len, chosen.values())) == min(n, total)
    for name, ids in chosen.items():
        assert len(set(ids)) == len(ids) and set(ids) <= set(strata[name])
        share = Fraction(min(n, total) * len(strata[name]), max(1, total))
        assert abs(len(ids) - share) < 1


@given(STRATA, st.integers(1, 60), st.integers(0, 9), st.integers(0, 9))
def test_the_order_of_a_file_does_not_matter(strata, n, seed, order):
    rng = random.Random(order)
    names = list(strata)
    rng.shuffle(names)
    mixed = {name: rng.sample(strata[name], len(strata[name])) for name in names}
    assert proportional(mixed, n, seed) == proportional(strata, n, seed)


def test_a_seed_decides_and_the_first_n_are_not_taken():
    strata = {"a": [f"{i:03}" for i in range(100)]}
    assert proportional(strata, 10, 0) == proportional(strata, 10, 0)
    assert proportional(strata, 10, 0) != proportional(strata, 10, 1)
    assert proportional(strata, 10, 0)["a"] != strata["a"][:10]


def test_rows_keep_their_own_ids_where_these_tell_them_apart():
    assert identities([{"question_id": 7}, {"question_id": 3}]) == ["7", "3"]
    assert identities([{"Record ID": "r1", "x": 1}, {"Record ID": "r2", "x": 1}]) == ["r1", "r2"]
    same = [{"id": 1, "q": "a"}, {"id": 1, "q": "b"}, {"id": 1, "q": "a"}]
    first, second, third = identities(same)
    assert len({first, second, third}) == 3 and third.startswith(first)
    assert identities(same[:2]) == [first, second]


ROW = {"Correct Answer": "four", **{f"Incorrect Answer {i}": f"not {i}" for i in (1, 2, 3)}}


def test_the_order_of_options_is_the_id_s_own():
    random.seed(1)
    found = with_options(ROW, "rec1", str.upper)
    random.seed(2)
    assert with_options(ROW, "rec1", str.upper) == found
    assert sorted(found["choices"]) == ["FOUR", "NOT 1", "NOT 2", "NOT 3"]
    assert [found[f"choice{i}"] for i in (1, 2, 3, 4)] == found["choices"]


def test_the_right_option_stands_everywhere_equally_often():
    letters: Counter[str] = Counter()
    for i in range(400):
        found = with_options(ROW, f"rec{i}", str.strip)
        letters[found["answer"]] += 1
        assert found["choices"]["ABCD".index(found["answer"][1])] == "four"
    assert set(letters) == {"(A)", "(B)", "(C)", "(D)"} and min(letters.values()) > 70
