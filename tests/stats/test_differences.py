"""Paired differences against scipy and statsmodels; non-inferiority; the bootstrap."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap, ttest_1samp
from statsmodels.stats.contingency_tables import mcnemar

from a3.stats import Outcome, mean_kl, non_inferior, paired_difference, paired_means
from a3.stats.bootstrap import bootstrap_t, percentile
from a3.types.rates import Interval

LEVEL = 0.95


def outcomes(hits, sources=None, hypotheses=None):
    sources = sources or range(len(hits))
    hypotheses = hypotheses or [""] * len(hits)
    return [
        Outcome(h, source=str(s), hypothesis=str(g))
        for h, s, g in zip(hits, sources, hypotheses, strict=True)
    ]


def compare(base, repaired, *clusters):
    return paired_difference(outcomes(base, *clusters), outcomes(repaired, *clusters), LEVEL)


pairs = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.integers(0, 7), st.integers(0, 5)),
    min_size=2,
    max_size=50,
)


@given(pairs)
def test_a_difference_lies_in_its_intervals_and_turns_with_its_sides(drawn):
    base, tuned, *clusters = map(list, zip(*drawn, strict=True))
    there, back = compare(base, tuned, *clusters), compare(tuned, base, *clusters)
    assert there.difference == pytest.approx(-back.difference)
    assert there.mcnemar == pytest.approx(back.mcnemar)
    for mine, other in ((there, back), (there.new, back.new)):
        if mine is None or mine.low is None:
            continue
        assert mine.low - 1e-9 <= there.difference <= mine.high + 1e-9
        assert -1 <= mine.low <= mine.high <= mine.worst <= 1
        assert mine.low == pytest.approx(-other.high)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 9))
def test_mcnemar_is_the_exact_test_of_statsmodels(worse, better, same):
    base = [False] * worse + [True] * better + [True] * same
    tuned = [True] * worse + [False] * better + [True] * same
    if not base:
        assert compare(base, tuned).mcnemar is None
        return
    theirs = mcnemar([[same, better], [worse, 0]], exact=True).pvalue
    assert compare(base, tuned).mcnemar == pytest.approx(min(1.0, theirs))


def test_mcnemar_ignores_clusters_and_the_interval_does_not():
    base, tuned = [True] * 12 + [False] * 60, [False] * 72
    found = compare(base, tuned, [i // 12 for i in range(72)])
    assert found.mcnemar < 0.001 and found.high > 0


def test_no_change_at_all_is_not_certainty():
    found = compare([False] * 50, [False] * 50)
    assert found.low < 0 < found.high and found.test.startswith("exact")
    assert found.mcnemar == 1


def test_nothing_measured_is_not_zero_and_one_source_has_no_interval():
    nothing = compare([None], [True])
    assert (nothing.difference, nothing.low, nothing.new, nothing.mcnemar) == (None,) * 4
    single = compare([True, False] * 10, [False] * 20, ["s"] * 20)
    assert single.difference == -0.5 and (single.low, single.high, single.worst) == (None,) * 3


def test_pairs_need_both_sides_scored():
    assert compare([True, None, False], [False, True, None]).n_pairs == 1


def test_rule_4_unscored_is_against_the_repair_at_worst():
    base, tuned = [True] * 20 + [False] * 80, [False] * 100
    clean = compare(base, tuned)
    assert clean.worst == clean.high < 0
    silent = compare(base, [*tuned[:70], *[None] * 30])
    assert silent.worst > 0.05 > silent.high
    unknown = compare([None] * 30 + base[30:], tuned)
    assert unknown.worst > unknown.high - 1e-12
    hypotheses = [i % 5 for i in range(100)]
    new = compare(base, [*tuned[:70], *[None] * 30], None, hypotheses).new
    assert new.worst > new.high


def test_rule_6_hypotheses_that_change_differently_widen_only_the_claim_about_new_ones():
    hypotheses = [i // 20 for i in range(120)]
    found = compare(
        [g % 2 == 0 for g in hypotheses], [g % 2 == 1 for g in hypotheses], None, hypotheses
    )
    assert found.high - found.low < 0.5
    assert found.new.low < -0.5 and found.new.high > 0.5


def test_rule_6_hypotheses_that_change_as_a_whole_are_not_certainty():
    hypotheses = [i // 5 for i in range(25)]
    found = compare([False] * 25, [g == 2 for g in hypotheses], None, hypotheses)
    assert found.difference == 0.2
    assert found.low < 0.1 and found.high > 0.3


def test_independent_pairs_are_student_s_t():
    rng = np.random.default_rng(0)
    base, tuned = (rng.random((2, 60)) < 0.5).tolist()
    found = compare(base, tuned)
    changes = np.array(tuned, float) - np.array(base, float)
    theirs = ttest_1samp(changes, 0).confidence_interval(LEVEL)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))


def test_paired_means_agree_with_scipy():
    values = [0.1, -0.4, 0.3, 0.9, -0.2, 0.5]
    found, theirs = paired_means(values, LEVEL), ttest_1samp(values, 0).confidence_interval(LEVEL)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))
    assert found.mcnemar is None and found.new is None


def test_the_bootstrap_needs_twenty_clusters_and_says_the_same_each_time():
    rng = np.random.default_rng(1)
    base, tuned = (rng.random((2, 76)) < 0.5).tolist()
    few = compare(base, tuned, [i // 4 for i in range(76)])
    many = compare(base, tuned, [i // 3 for i in range(76)])
    assert few.bootstrap is None and many.bootstrap is not None
    assert many.bootstrap == compare(base, tuned, [i // 3 for i in range(76)]).bootstrap
    assert many.bootstrap == pytest.approx((many.low, many.high), abs=0.05)


def test_the_percentile_bootstrap_agrees_with_scipy():
    values = np.random.default_rng(2).exponential(size=40)
    theirs = bootstrap((values,), np.mean, n_resamples=4000, method="percentile", rng=0)
    sums = (values - values.mean()) / len(values)
    low, high = percentile(float(values.mean()), sums, LEVEL)
    interval = theirs.confidence_interval
    assert (low, high) == pytest.approx((interval.low, interval.high), abs=0.05)
    assert bootstrap_t(float(values.mean()), sums, LEVEL)[1] > high  # Skewed to the right.


def test_a_bootstrap_of_what_never_varies_is_none():
    assert bootstrap_t(0.5, np.zeros(30), LEVEL) is None


def interval(low, high, worst=None):
    return Interval(low=low, high=high, worst=high if worst is None else worst, clusters=9)


@pytest.mark.parametrize(
    ("bounds", "side"),
    [
        (interval(-0.1, 0.04), "good"),
        (interval(-0.1, 0.06), "open"),
        (interval(-0.1, 0.04, 0.06), "open"),
        (interval(0.051, 0.2), "bad"),
        (None, "open"),
    ],
)
def test_non_inferiority_within_a_margin(bounds, side):
    assert non_inferior(bounds, 0.05) == side


def test_mean_kl_weights_by_tokens():
    found = mean_kl([2.0, 1.0], [10, 10], LEVEL)
    assert found.value == pytest.approx(0.15) and found.n == 2
    assert mean_kl([2.0], [10], LEVEL).value is None
    assert math.isfinite(found.high)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_rule_4_a_kl_that_is_no_number_was_not_measured(broken):
    found = mean_kl([2.0, broken, 1.0], [10, 10, 10], LEVEL)
    assert (found.value, found.low, found.high, found.n) == (None, None, None, 3)
