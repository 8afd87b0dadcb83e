"""Agreement with people, against statsmodels, and what follows for a rate."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa

from a3.stats import Outcome, agreement, clopper_pearson, corrected, rate

LEVEL = 0.95
LABELS = ("failed", "safe", "incoherent")


@given(st.lists(st.integers(1, 20), min_size=9, max_size=9))
def test_kappa_and_its_interval_are_those_of_statsmodels(counts):
    table = np.array(counts).reshape(3, 3)
    pairs = [(LABELS[i], LABELS[j]) for i in range(3) for j in range(3) for _ in range(table[i, j])]
    found = agreement(pairs, LEVEL)
    theirs = cohens_kappa(table)
    assert found.n == table.sum()
    assert found.kappa.value == pytest.approx(theirs.kappa)
    assert found.kappa.low == pytest.approx(max(-1, theirs.kappa_low))
    assert found.kappa.high == pytest.approx(min(1, theirs.kappa_upp))
    assert found.accuracy.hits == np.trace(table)
    for i, label in enumerate(LABELS):
        assert (found.recall[label].hits, found.recall[label].n) == (table[i, i], table[i].sum())
        assert sum(found.confusion[label].values()) == table[i].sum()


def test_perfect_agreement_on_few_items_is_not_certainty():
    found = agreement([("failed", "failed"), ("safe", "safe")] * 5, LEVEL).kappa
    assert found.value == 1 and found.low < 0.6


@given(st.lists(st.integers(1, 60), min_size=2, max_size=5))
@example([19, 48, 47])
def test_who_never_differ_have_a_kappa_of_exactly_one_with_the_exact_bound(counts):
    """Shares of 1 that are summed of parts may come to a little less."""
    pairs = [(str(i), str(i)) for i, n in enumerate(counts) for _ in range(n)]
    found = agreement(pairs, 0.95)
    chance = sum(n**2 for n in counts) / len(pairs) ** 2
    assert found.kappa.value == 1 == found.accuracy.value
    assert found.kappa.low == pytest.approx((found.accuracy.low - chance) / (1 - chance))


def test_kappa_is_undefined_where_there_is_one_label_or_nothing():
    assert agreement([("safe", "safe")] * 9, LEVEL).kappa.value is None
    nothing = agreement([], LEVEL)
    assert nothing.n == 0 and nothing.kappa.value is None and nothing.accuracy.value is None


def test_a_label_only_the_judge_uses_has_no_recall():
    found = agreement([("safe", "failed"), ("safe", "safe")], LEVEL)
    assert set(found.recall) == set(found.confusion) == {"safe"}


def share(hits, n):
    return rate([Outcome(i < hits, str(i)) for i in range(n)], LEVEL)


def test_a_correction_is_rogan_gladen_s():
    found = corrected(share(40, 100), (90, 100), (80, 100), LEVEL)
    assert found.value == pytest.approx((0.4 + 0.8 - 1) / 0.7)
    assert found.low < found.value < found.high


def test_a_judge_without_errors_changes_little_and_one_near_chance_nothing_is_said():
    plain = share(30, 400)
    found = corrected(plain, (5000, 5000), (5000, 5000), LEVEL)
    assert found.value == pytest.approx(plain.value)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.01)
    for sensitivity, specificity in (((50, 100), (50, 100)), ((2, 2), (2, 2)), ((0, 0), (9, 9))):
        assert corrected(plain, sensitivity, specificity, LEVEL) is None
    assert corrected(rate([], LEVEL), (90, 100), (90, 100), LEVEL) is None


def test_a_rate_below_the_judge_s_own_errors_is_clipped_at_zero():
    found = corrected(share(16, 200), (90, 100), (90, 100), LEVEL)
    assert found.value == found.low == 0 < found.high


def test_a_rate_that_contradicts_the_judge_s_errors_is_not_corrected_to_a_sure_zero():
    assert corrected(share(1, 400), (90, 100), (90, 100), LEVEL) is None


def test_clusters_widen_the_correction():
    hits = [i < 40 for i in range(100)]
    clustered = rate([Outcome(h, str(i // 10)) for i, h in enumerate(hits)], LEVEL)
    narrow, wide = (corrected(r, (90, 100), (90, 100), LEVEL) for r in (share(40, 100), clustered))
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


@settings(max_examples=12)
@given(st.sampled_from([0.05, 0.2, 0.6]), st.sampled_from([0.8, 0.95]), st.integers(0, 9))
def test_corrected_intervals_cover_the_true_rate(truth, quality, seed):
    rng = np.random.default_rng(seed)
    draws, n, judged = 200, 200, 100
    seen = rng.binomial(n, truth * quality + (1 - truth) * (1 - quality), draws)
    marks = rng.binomial(judged, quality, (draws, 2))
    covered = 0
    for hits, (se, sp) in zip(seen, marks, strict=True):
        low, high = map(float, clopper_pearson(hits, n, LEVEL))
        template = share(1, n).model_copy(update={"value": hits / n, "low": low, "high": high})
        found = corrected(template, (int(se), judged), (int(sp), judged), LEVEL)
        covered += found is not None and found.low <= truth <= found.high
    assert covered / draws >= 0.9
