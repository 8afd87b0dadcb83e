"""Clustered variances against brute force and statsmodels."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from a3.stats import Outcome
from a3.stats.clusters import (
    Design,
    Groups,
    df_these,
    source_sums,
    variance_new,
    variance_these,
)


def design(hypotheses, sources) -> Design:
    return Design(Groups.of(list(hypotheses)), Groups.of(list(sources)))


@st.composite
def measured(draw):
    """Values with a hypothesis and a source each."""
    n = draw(st.integers(6, 40))
    codes = st.lists(st.integers(0, 5), min_size=n, max_size=n)
    values = draw(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=n, max_size=n))
    return np.array(values), design(draw(codes), draw(codes))


def ols(values, regressors, groups, **keywords):
    """The cluster-robust covariance of statsmodels."""
    fit = sm.OLS(values, regressors).fit(
        cov_type="cluster", cov_kwds={"groups": groups, **keywords}
    )
    return np.asarray(fit.cov_params())


@given(measured())
def test_new_hypotheses_are_two_way_clustering_as_in_statsmodels(case):
    values, d = case
    if min(d.hypotheses.count, d.sources.count, d.cells.count) < 2:
        return
    n, ones = d.n, np.ones(d.n)

    def one_way(groups):
        # use_correction=False leaves out G/(G-1) and (n-1)/(n-1).
        plain = ols(values, ones, groups.codes, use_correction=False)[0, 0]
        return groups.count / (groups.count - 1) * plain

    parts = [one_way(g) for g in (d.hypotheses, d.sources, d.cells)]
    expected = max(min(parts), parts[0] + parts[1] - parts[2])
    assert variance_new(values, d) == pytest.approx(expected, abs=1e-12)
    assert variance_new(values, d) * n**2 >= 0


def test_two_way_groups_of_statsmodels_agree_in_one_call():
    rng = np.random.default_rng(0)
    codes = np.stack([np.arange(120) % 6, np.arange(120) // 6], axis=1)
    values = (
        rng.normal(size=120) + rng.normal(size=6)[codes[:, 0]] + rng.normal(size=20)[codes[:, 1]]
    )
    d = design(codes[:, 0], codes[:, 1])
    theirs = ols(values, np.ones(120), codes, use_correction=True)[0, 0]
    assert variance_new(values, d) == pytest.approx(theirs, rel=1e-6)


def test_these_hypotheses_are_clustering_by_source_with_a_dummy_per_hypothesis():
    rng = np.random.default_rng(1)
    h, s = np.arange(96) % 4, np.arange(96) // 4
    values = rng.normal(size=96) + h + rng.normal(size=24)[s]
    d = design(h, s)
    dummies = (h[:, None] == np.arange(4)).astype(float)
    weights = np.full(4, 0.25)
    plain = weights @ ols(values, dummies, s, use_correction=False) @ weights
    # Every cell holds 1 of its stratum's 24 items: CR2 scales the variance by 24/23.
    assert variance_these(values, d) == pytest.approx(plain * 24 / 23)


def test_what_differs_between_fixed_hypotheses_is_no_error():
    h, s = np.repeat(np.arange(4), 10), np.arange(40)
    d = design(h, s)
    apart = h.astype(float)
    assert variance_these(apart, d) == pytest.approx(0)
    assert variance_new(apart, d) > 0.1


@pytest.mark.parametrize(("per_hypothesis", "crossed"), [(10, False), (10, True)])
def test_degrees_of_freedom_are_sources_less_strata_or_less_one(per_hypothesis, crossed):
    h = np.repeat(np.arange(4), per_hypothesis)
    s = np.tile(np.arange(per_hypothesis), 4) if crossed else np.arange(len(h))
    expected = per_hypothesis - 1 if crossed else 4 * per_hypothesis - 4
    assert df_these(design(h, s)) == pytest.approx(expected)


@given(measured())
def test_degrees_of_freedom_lie_between_one_and_sources_less_one(case):
    _, d = case
    assert 1 <= df_these(d) <= max(1, d.sources.count - 1)


def test_hypotheses_with_one_source_are_merged_so_that_they_show_spread():
    d = design("AABCC", "stuvw")
    assert d.strata.count == 2  # B has one source and joins the largest.
    assert design("ABC", "stu").strata.count == 1
    values = np.array([1.0, 0.0, 1.0])
    assert variance_these(values, design("ABC", "stu")) > 0


def test_the_variance_is_right_on_average_under_source_effects():
    """CR2 is unbiased for independent items and nearly so for sources across hypotheses."""
    rng = np.random.default_rng(2)
    h, s = np.arange(80) % 4, np.arange(80) // 4
    d = design(h, s)
    values = rng.normal(size=(4000, 80)) + rng.normal(size=(4000, 20))[:, s]
    assert variance_these(values, d).mean() == pytest.approx(values.mean(-1).var(), rel=0.06)


def test_one_code_for_one_measurement_and_for_many():
    rng = np.random.default_rng(3)
    values, d = rng.normal(size=(7, 60)), design(np.arange(60) % 5, np.arange(60) // 3)
    for name in (variance_these, variance_new, source_sums):
        assert np.allclose(name(values, d), [name(v, d) for v in values])


def test_a_design_is_read_off_outcomes():
    d = Design.of([Outcome(True, "s", "A"), Outcome(None, "t", "A"), Outcome(False, "s", "B")])
    assert (d.n, d.hypotheses.count, d.sources.count, d.cells.count) == (3, 2, 2, 3)
    assert d.sources.typical_size == pytest.approx(5 / 3)
