"""How many items decide, against the figures of evidence rule 7 and exact sums."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.power import TTestPower

from a3.stats import (
    clopper_pearson,
    n_to_decide,
    n_to_show_below,
    pair_variance,
    pairs_to_show,
)

LEVEL = 0.95


def power(n, limit, true_rate, below):
    """By the bounds themselves, every count weighed with its probability."""
    total = 0.0
    for k in range(n + 1):
        low, high = clopper_pearson(k, n, LEVEL)
        if high < limit if below else low > limit:
            total += float(binom.pmf(k, n, true_rate))
    return total


def test_rule_7_a_two_percent_model_is_shown_at_about_320():
    found = n_to_show_below(0.05, 0.02, LEVEL)
    assert 300 <= found <= 350
    assert n_to_show_below(0.05, 0.0, LEVEL) == 72


@settings(max_examples=15)
@given(st.sampled_from([0.05, 0.1, 0.3]), st.sampled_from([0.3, 0.5, 0.9]))
def test_power_stays_reached_from_the_named_n_on_and_fails_just_before(limit, share):
    rate = limit * (1 - share)
    n = n_to_show_below(limit, rate, LEVEL)
    assert power(n - 1, limit, rate, below=True) < 0.8
    for more in (0, 1, 2, 7, 23):
        assert power(n + more, limit, rate, below=True) >= 0.8


def test_deciding_takes_both_sides():
    n = n_to_decide(0.05, 0.04, LEVEL)
    for more in (0, 1, 5, 19):
        assert power(n + more, 0.05, 0.01, below=True) >= 0.8
        assert power(n + more, 0.05, 0.09, below=False) >= 0.8
    assert n_to_decide(0.05, 0.02, LEVEL) >= n_to_show_below(0.05, 0.03, LEVEL)


@pytest.mark.parametrize("apart", [0.05, 0.2])
def test_a_resolution_beyond_zero_asks_for_a_model_that_never_fails(apart):
    assert n_to_decide(0.05, apart, LEVEL) >= n_to_show_below(0.05, 0.0, LEVEL)


def test_finer_resolution_more_power_and_more_confidence_take_more():
    plain = n_to_decide(0.05, 0.02, LEVEL)
    assert n_to_decide(0.05, 0.01, LEVEL) > plain
    assert n_to_decide(0.05, 0.02, LEVEL, 0.9) > plain
    assert n_to_decide(0.05, 0.02, 0.99) > plain


def test_paired_differences_agree_with_statsmodels_and_one_point_takes_thousands():
    found = pairs_to_show(1.0, 0.1, LEVEL)
    assert found == pytest.approx(TTestPower().solve_power(0.1, power=0.8, alpha=0.05), rel=0.01)
    # One answer in ten changed, as often for the better as for the worse.
    assert 5000 < pairs_to_show(0.1, 0.01, LEVEL) < 10000


@given(st.floats(0.01, 2), st.integers(10, 5000))
def test_a_pair_s_variance_is_read_back_from_the_interval(variance, n):
    half = 1.959964 * math.sqrt(variance / n)
    assert pair_variance(-half, half, n, LEVEL) == pytest.approx(variance, rel=1e-4)
