"""The evidence is a fair wager, exactly; what it leaves possible is found exactly."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a3.stats.sequential import evidence, joint_evidence, least


def exact(number: int, hits: int, seen: int, total: int) -> Fraction:
    """The same by its definition: the mean likelihood of all higher numbers over that of this."""

    def likelihood(k):
        return math.comb(k, hits) * math.comb(total - k, seen - hits)

    higher = [likelihood(k) for k in range(number + 1, total + 1)]
    return Fraction(sum(higher), likelihood(number) * max(len(higher), 1))


@st.composite
def states(draw, most=12):
    """(hits, seen, number, total) that can occur when `number` is true, with an item left."""
    total = draw(st.integers(1, most))
    number = draw(st.integers(0, total))
    seen = draw(st.integers(0, total - 1))
    hits = draw(st.integers(max(0, seen - (total - number)), min(seen, number)))
    return hits, seen, number, total


@given(states())
def test_it_is_the_ratio_of_likelihoods_without_replacement(state):
    hits, seen, number, total = state
    expected = float(exact(number, hits, seen, total))
    assert evidence(hits, seen, total)[number] == pytest.approx(expected)


@given(states())
def test_rule_8_no_wager_grows_on_average_while_its_number_is_true(state):
    hits, seen, number, total = state
    p = Fraction(number - hits, total - seen)
    after = [
        chance * exact(number, hits + hit, seen + 1, total)
        for hit, chance in ((1, p), (0, 1 - p))
        if chance
    ]
    assert sum(after) <= exact(number, hits, seen, total)
    assert exact(number, 0, 0, total) <= 1


def test_before_anything_is_seen_nothing_speaks_against_anything():
    assert np.allclose(evidence(0, 0, 10)[:10], 1)
    assert joint_evidence((0, 0), 0, 10)[:5, :5] == pytest.approx(np.zeros((5, 5)), abs=0.5)


@given(states())
def test_impossible_numbers_have_infinite_evidence(state):
    hits, seen, _, total = state
    possible = (np.arange(total + 1) >= hits) & (np.arange(total + 1) <= total - seen + hits)
    assert np.array_equal(np.isfinite(evidence(hits, seen, total)), possible)


@given(states(most=7), st.data())
@settings(max_examples=60)
def test_rule_8_the_joint_wager_does_not_grow_either(state, data):
    first, seen, number, total = state
    other = data.draw(st.integers(0, total - number))
    second = data.draw(
        st.integers(max(0, seen - first - (total - number - other)), min(seen - first, other))
        if seen - first - (total - number - other) <= min(seen - first, other)
        else st.nothing()
    )

    def wager(h, n):
        return math.exp(joint_evidence(h, n, total)[number, other])

    left = total - seen
    chances = [(number - first) / left, (other - second) / left]
    draws = [((1, 0), chances[0]), ((0, 1), chances[1]), ((0, 0), 1 - sum(chances))]
    mean = sum(p * wager((first + a, second + b), seen + 1) for (a, b), p in draws if p > 1e-12)
    assert mean <= wager((first, second), seen) * (1 + 1e-9)


@given(st.data())
@settings(max_examples=50)
def test_the_least_cost_is_that_of_trying_all_combinations(data):
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    reals = st.floats(-2, 4)
    costs = [np.array([abs(data.draw(reals)) for _ in range(n)]) for n in sizes]
    against = [np.array([data.draw(reals) for _ in range(n)]) for n in sizes]
    error = data.draw(st.floats(0.01, 0.9))
    possible = [
        sum(costs[i][k] for i, k in enumerate(choice))
        for choice in itertools.product(*map(range, sizes))
        if sum(against[i][k] - against[i].min() for i, k in enumerate(choice))
        < -math.log(error) - sum(a.min() for a in against)
    ]
    assert least(costs, against, error) == pytest.approx(min(possible, default=math.inf))


def test_all_seen_only_the_truth_is_left():
    cost = np.arange(11.0)
    assert least([cost], [joint_evidence((4,), 10, 10)], 1e-9) == 4


@pytest.mark.parametrize(("total", "number"), [(51, 3), (51, 12), (240, 60)])
def test_rule_8_a_look_after_every_answer_is_wrong_no_more_often_than_stated(total, number):
    """And not much less often: a bound that never fails would drop nothing."""
    rng, error, wrong, runs = np.random.default_rng(total + number), 0.1, 0, 1500
    table = np.array(
        [
            [evidence(h, n, total)[number] if h <= n else 0 for h in range(number + 1)]
            for n in range(total + 1)
        ]
    )
    for _ in range(runs):
        seen = (rng.permutation(total) < number).cumsum()
        wrong += (table[np.arange(1, total + 1), seen] >= 1 / error).any()
    assert error / 10 < wrong / runs < error + 3 * math.sqrt(error * (1 - error) / runs)
