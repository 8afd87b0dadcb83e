"""Rule 8 in simulation; benchmarks/dropping.py at full size, here with fewer runs."""

import math

import numpy as np
import pytest

from benchmarks import dropping
from benchmarks.dropping import SEARCH, SIZES, TRIALS, edge, far, near

SMALL = SIZES["default run"]


@pytest.mark.parametrize("maker", [far, near, edge])
def test_rule_8_hardly_a_run_drops_a_trial_that_would_have_won(maker):
    runs, error = 30, SEARCH.drop_error
    wrong = sum(
        dropping.just_better(np.random.default_rng(900 + i), SMALL, maker, naive=False).wrong
        for i in range(runs)
    )
    assert wrong / runs <= error + 2 * math.sqrt(error * (1 - error) / runs)


def test_rule_8_who_takes_part_of_the_answers_for_all_is_wrong_in_every_run():
    found = [
        dropping.just_better(np.random.default_rng(i), SMALL, far, naive=True) for i in range(10)
    ]
    assert all(t.wrong for t in found)


@pytest.mark.parametrize("maker", [far, near])
def test_rule_8_dropping_saves_answers(maker):
    runs = 10
    found = [
        dropping.search(np.random.default_rng(i), SMALL, maker, SEARCH.drop_parts)
        for i in range(runs)
    ]
    assert sum(t.answered for t in found) < 0.85 * runs * TRIALS
    assert sum(t.dropped for t in found) > 0.3 * runs * TRIALS
