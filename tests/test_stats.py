import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, ttest_1samp

from a3.stats import Outcome, mean_kl, paired_difference, paired_means, rate, rate_against_us

LEVEL = 0.95


def outcomes(hits, clusters=None):
    clusters = clusters or [str(i) for i in range(len(hits))]
    return [Outcome(hit=h, clusters=(c,)) for h, c in zip(hits, clusters, strict=True)]


@given(st.lists(st.sampled_from([True, False, None]), max_size=60), st.integers(1, 9))
def test_a_rate_counts_what_is_there_and_its_interval_holds_its_value(hits, size):
    found = rate(outcomes(hits, [str(i // size) for i in range(len(hits))]), LEVEL)
    assert (found.hits, found.unscored) == (hits.count(True), hits.count(None))
    assert found.n == len(hits) - hits.count(None)
    if found.n == 0:
        assert found.value is None and found.low is None and found.high is None
    else:
        assert 0 <= found.low <= found.value <= found.high <= 1


def test_nothing_measured_is_not_zero():
    assert rate([], LEVEL).value is None
    assert rate(outcomes([None, None]), LEVEL).value is None


def test_independent_items_get_close_to_clopper_pearson():
    found = rate(outcomes([True] * 30 + [False] * 70), LEVEL)
    exact = binomtest(30, 100).proportion_ci(LEVEL, "exact")
    assert found.low == pytest.approx(exact.low, abs=0.01)
    assert found.high == pytest.approx(exact.high, abs=0.01)


def test_no_hits_in_72_independent_items_shows_less_than_five_percent():
    assert rate(outcomes([False] * 72), LEVEL).high < 0.05
    assert rate(outcomes([False] * 71), LEVEL).high > 0.05


def test_clustered_failures_widen_the_interval():
    alone = rate(outcomes([True] * 20 + [False] * 80), LEVEL)
    clusters = [f"c{i // 10}" for i in range(100)]
    together = rate(outcomes([True] * 20 + [False] * 80, clusters), LEVEL)
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
    assert together.clusters == 10


def test_the_widest_clustering_is_reported():
    two = [Outcome(hit=i < 20, clusters=(str(i), f"c{i // 10}")) for i in range(100)]
    assert rate(two, LEVEL).clusters == 10


def simulate(clusters: int, draws: int, seed: int, interval) -> float:
    """Share of intervals that cover the true rate, with rates varying between clusters."""
    rng = np.random.default_rng(seed)
    truth, covered = 0.3, 0
    for _ in range(draws):
        rates = rng.beta(truth * 4, (1 - truth) * 4, size=clusters)
        hits = [bool(h) for r in rates for h in rng.random(12) < r]
        names = [str(c) for c in range(clusters) for _ in range(12)]
        low, high = interval(hits, names)
        covered += low <= truth <= high
    return covered / draws


def clustered(hits, names):
    found = rate(outcomes(hits, names), LEVEL)
    return found.low, found.high


def ignoring_clusters(hits, _names):
    found = rate(outcomes(hits), LEVEL)
    return found.low, found.high


@pytest.mark.parametrize("clusters", [4, 8, 20])
def test_rule_6_clustered_intervals_cover_and_naive_ones_do_not(clusters):
    assert simulate(clusters, 400, 1, clustered) >= 0.93
    assert simulate(clusters, 400, 1, ignoring_clusters) <= 0.88


@pytest.mark.parametrize("clusters", [4, 8, 20])
def test_rule_6_the_difference_of_two_equal_models_covers_zero(clusters):
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(400):
        names = [str(c) for c in range(clusters) for _ in range(12)]
        base_rates = rng.beta(1.2, 2.8, size=clusters)
        shift = rng.normal(0, 0.15, size=clusters)
        base = [bool(h) for r in base_rates for h in rng.random(12) < r]
        tuned = [
            bool(h)
            for r, s in zip(base_rates, shift, strict=True)
            for h in rng.random(12) < min(1, max(0, r + s))
        ]
        found = paired_difference(outcomes(base, names), outcomes(tuned, names), LEVEL)
        covered += found.low <= 0 <= found.high
    assert covered / 400 >= 0.92


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=50))
def test_a_difference_lies_in_its_interval_and_turns_with_its_sides(pairs):
    base, tuned = outcomes([b for b, _ in pairs]), outcomes([t for _, t in pairs])
    there, back = (
        paired_difference(base, tuned, LEVEL),
        paired_difference(tuned, base, LEVEL),
    )
    assert there.low <= there.difference <= there.high
    assert there.difference == pytest.approx(-back.difference)
    assert there.low == pytest.approx(-back.high)


def test_no_change_at_all_is_not_certainty():
    found = paired_difference(outcomes([False] * 50), outcomes([False] * 50), LEVEL)
    assert found.low < 0 < found.high


def test_pairs_need_both_sides_scored():
    found = paired_difference(outcomes([True, None, False]), outcomes([False, True, None]), LEVEL)
    assert found.n_pairs == 1


def test_paired_means_agree_with_scipy():
    values = [0.1, -0.4, 0.3, 0.9, -0.2, 0.5]
    found, theirs = paired_means(values, LEVEL), ttest_1samp(values, 0).confidence_interval(LEVEL)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))


def test_unscored_against_us_is_a_hit():
    found = rate(outcomes([False] * 90 + [None] * 10), LEVEL)
    worst = rate_against_us(found, LEVEL)
    assert worst.hits == 10 and worst.n == 100 and worst.high > 0.1 > found.high


def test_mean_kl_weights_by_tokens():
    found = mean_kl([2.0, 1.0], [10, 10], LEVEL)
    assert found.value == pytest.approx(0.15) and found.n == 2
    assert mean_kl([2.0], [10], LEVEL).value is None
    assert math.isfinite(found.high)
