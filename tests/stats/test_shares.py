"""Rates and their intervals, "on these hypotheses" and "on new hypotheses like these"."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from a3.stats import MIN_HYPOTHESES, Outcome, below, clopper_pearson, effective_n, rate

LEVEL = 0.95


def outcomes(hits, sources=None, hypotheses=None):
    sources = sources or range(len(hits))
    hypotheses = hypotheses or [""] * len(hits)
    return [
        Outcome(h, source=str(s), hypothesis=str(g))
        for h, s, g in zip(hits, sources, hypotheses, strict=True)
    ]


items = st.lists(
    st.tuples(st.sampled_from([True, False, None]), st.integers(0, 9), st.integers(0, 6)),
    max_size=60,
)


@given(items)
def test_a_rate_counts_what_is_there_and_its_intervals_hold_its_value(drawn):
    found = rate([Outcome(h, str(s), str(g)) for h, s, g in drawn], LEVEL)
    hits = [h for h, _, _ in drawn]
    assert (found.hits, found.unscored) == (hits.count(True), hits.count(None))
    assert found.n == len(hits) - hits.count(None)
    if found.n == 0:
        assert {found.value, found.low, found.high, found.worst, found.new} == {None}
        return
    assert 0 <= found.low <= found.value <= found.high <= found.worst <= 1
    scored, sources = ({item[k] for item in drawn if item[0] is not None} for k in (2, 1))
    enough = len(scored) >= MIN_HYPOTHESES and len(sources) > 1
    assert (found.new is not None) == enough
    if found.new:
        assert 0 <= found.new.low <= found.value <= found.new.high <= found.new.worst <= 1
        assert found.new.clusters == len(scored)


@given(items)
def test_misses_mirror_hits(drawn):
    scored = [(h, s, g) for h, s, g in drawn if h is not None]
    there = rate([Outcome(h, str(s), str(g)) for h, s, g in scored], LEVEL)
    back = rate([Outcome(not h, str(s), str(g)) for h, s, g in scored], LEVEL)
    if there.n:
        assert there.low == pytest.approx(1 - back.high, abs=1e-6)


def test_nothing_measured_is_not_zero():
    for nothing in ([], outcomes([None, None])):
        assert rate(nothing, LEVEL).value is None


@given(st.integers(0, 200), st.integers(0, 200))
def test_exact_bounds_are_those_of_statsmodels(hits, misses):
    n = hits + misses
    if n:
        theirs = proportion_confint(hits, n, 1 - LEVEL, method="beta")
        assert clopper_pearson(hits, n, LEVEL) == pytest.approx(theirs, abs=1e-9)


@given(st.integers(0, 100), st.floats(5, 500))
def test_the_effective_n_of_an_exact_interval_is_its_n(percent, n):
    value = percent / 100
    low, high = clopper_pearson(value * n, n, LEVEL)
    assert effective_n(value, float(low), float(high), LEVEL) == pytest.approx(n, rel=1e-3)


def test_independent_items_get_close_to_clopper_pearson():
    found = rate(outcomes([True] * 30 + [False] * 70), LEVEL)
    low, high = map(float, clopper_pearson(30, 100, LEVEL))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)


@pytest.mark.parametrize(("hits", "n"), [(0, 72), (2, 142)])
def test_rule_7_the_upper_bound_is_below_five_percent_from_these_sizes_on(hits, n):
    assert rate(outcomes([i < hits for i in range(n)]), LEVEL).high < 0.05
    assert rate(outcomes([i < hits for i in range(n - 1)]), LEVEL).high > 0.05


def test_rule_6_clustered_failures_widen_the_interval():
    hits = [True] * 20 + [False] * 80
    alone = rate(outcomes(hits), LEVEL)
    together = rate(outcomes(hits, [i // 10 for i in range(100)]), LEVEL)
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
    assert together.clusters == 10


def test_rule_6_a_single_source_tells_nothing_and_few_hits_are_not_few_independent_ones():
    single = rate(outcomes([False] * 50, ["s"] * 50), LEVEL)
    assert (single.low, single.high) == (0, 1)
    assert rate(outcomes([True] * 50, ["s"] * 50, [i % 5 for i in range(50)]), LEVEL).new is None
    alone = rate(outcomes([False] * 50), LEVEL)
    clustered = rate(outcomes([False] * 50, [i // 10 for i in range(50)]), LEVEL)
    assert clustered.high > alone.high


def test_rule_6_hypotheses_that_differ_widen_only_the_claim_about_new_ones():
    hypotheses = [i // 20 for i in range(120)]
    found = rate(outcomes([g < 3 for g in hypotheses], None, hypotheses), LEVEL)
    assert found.high - found.low < 0.2
    assert found.new.low < 0.1 and found.new.high > 0.9 and found.new.clusters == 6


def test_rule_6_fewer_than_four_hypotheses_say_nothing_about_new_ones():
    for g in (1, 3, 4):
        found = rate(outcomes([False] * 60, None, [i % g for i in range(60)]), LEVEL)
        assert (found.new is None) == (g < 4)


def test_rule_4_unscored_is_a_hit_at_worst_and_keeps_its_cluster():
    scattered = rate(outcomes([False] * 90 + [None] * 10), LEVEL)
    assert scattered.worst > 0.1 > scattered.high
    sources = [i // 10 for i in range(100)]
    together = rate(outcomes([False] * 90 + [None] * 10, sources), LEVEL)
    assert together.worst > scattered.worst
    hypotheses = [i % 5 for i in range(100)]
    assert rate(outcomes([False] * 90 + [None] * 10, None, hypotheses), LEVEL).new.worst > 0.1


def test_below_is_good_only_with_every_unscored_against_us():
    few, many = (rate(outcomes([False] * 300 + [None] * unscored), LEVEL) for unscored in (2, 30))
    assert below(few, 0.05) == "good" and below(many, 0.05) == "open"
    assert below(rate(outcomes([True] * 30 + [False] * 70), LEVEL), 0.05) == "bad"
    assert below(rate([], LEVEL), 0.05) == below(None, 0.05) == "open"
