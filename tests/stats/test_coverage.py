"""Rule 6 and 7 in simulation; benchmarks/coverage.py at full size, here with fewer draws.

Tolerances are three standard errors of the share at these draws.
"""

import math

import numpy as np
import pytest

from benchmarks import coverage
from benchmarks.coverage import CLAIMS, HYPOTHESES, LEVEL, SHARES, layout

DRAWS = 600


def noise(share, draws=DRAWS):
    return 3 * math.sqrt(share * (1 - share) / draws)


@pytest.mark.parametrize("hypotheses", HYPOTHESES)
@pytest.mark.parametrize("claim", ["these", "new"])
def test_rule_6_the_difference_of_two_equal_models_covers_zero(claim, hypotheses):
    rng, design = np.random.default_rng(11), layout(hypotheses * 16, hypotheses)
    values, truth = coverage.draw_differences(rng, design, DRAWS, claim)
    interval = {"these": coverage.difference_these, "new": coverage.difference_new}[claim]
    found = coverage.covered(interval(values, design, LEVEL), truth)
    assert 0.93 - noise(0.95) < found < 0.97 + noise(0.97)
    if claim == "new":
        assert coverage.covered(coverage.ignoring(values), truth) < 0.92


@pytest.mark.parametrize("hypotheses", HYPOTHESES)
@pytest.mark.parametrize(("claim", "through"), CLAIMS)
def test_rule_6_rates_cover_their_truth(claim, through, hypotheses):
    rng, design = np.random.default_rng(12), layout(hypotheses * 24, hypotheses)
    for rate in (0.02, 0.1, 0.5):
        values = coverage.draw_hits(rng, rate, 0.1, design, DRAWS, through)
        found = coverage.covered(SHARES[claim](values, design, LEVEL), rate)
        assert found > 0.93 - noise(0.95)


@pytest.mark.parametrize("n", [96, 640, 2560])
@pytest.mark.parametrize("hypotheses", HYPOTHESES)
@pytest.mark.parametrize(("claim", "through"), CLAIMS)
def test_rule_7_models_on_the_wrong_side_are_hardly_ever_shown(claim, through, hypotheses, n):
    rng = np.random.default_rng(13)
    good, bad = coverage.wrong(rng, claim, through, 0.1, layout(n, hypotheses), 300)
    assert max(good, bad) < 0.025 + noise(0.025, 300)


@pytest.mark.parametrize(("claim", "through"), CLAIMS)
def test_rule_7_the_named_number_of_items_decides(claim, through):
    rng = np.random.default_rng(14)
    for rate in (coverage.BELOW, coverage.ABOVE):
        right, items = coverage.decided(rng, claim, through, 0.05, 8, rate, 80)
        assert right > 0.8 - noise(0.8, 80)
        assert 1000 < items < 5000
