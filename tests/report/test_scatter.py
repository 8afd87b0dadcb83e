"""The picture of the trials: dots where they belong, names that can be read."""

from itertools import combinations, product
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a3.report.scatter import HEIGHT, LINE, RADIUS, WIDTH, Box, placed, scatter
from a3.report.trials import summary
from a3.types.results import Repair
from tests.report.test_verdict import GOOD, result
from tests.search.made import scores, trial


@pytest.fixture
def shown(tiny_config):
    """Four measured trials: the last is the repair, the third on the front."""
    found = [scores(fpr=0.2), scores(sfr=0.5, fpr=0.3), scores(sfr=0.2, fpr=0.0), scores(fpr=0.1)]
    trials = [trial(i, tiny_config, s) for i, s in enumerate(found)]
    repair = Repair(trial=3, n_trials=4, selected_on=(3,), front=(2, 3))
    told = tuple(summary(t, repair) for t in trials)
    report = result(tiny_config.goal, repaired=GOOD)
    return report.model_copy(update={"best_trial": 3, "trials": told})


def test_every_measured_trial_stands_where_it_belongs(shown):
    drawing = ElementTree.fromstring(scatter(shown))
    spots = [(float(c.get("cx")), float(c.get("cy"))) for c in drawing.iter("circle")]
    assert len(spots) == 4
    (sfr, high), (other, top) = spots[0], spots[1]  # SFR 0 % and 50 %, FPR 20 % and 30 %.
    assert sfr < other and high > top
    assert spots[2][1] == max(y for _, y in spots)  # FPR 0 % lies at the bottom.
    front = next(p for p in drawing.iter("polyline") if p.get("stroke") == "#1a7f4b")
    assert len(front.get("points").split()) == 2
    assert [t.text for t in drawing.iter("text")][-4:] == ["0", "1", "2", "3"]


SPOTS = st.tuples(st.floats(44, WIDTH - 44), st.floats(44, HEIGHT - 44))
NAMES = st.sampled_from(["0", "11", "mean × 1.4"])


@given(st.lists(st.tuples(SPOTS, NAMES), min_size=1, max_size=8))
def test_names_stay_inside_the_picture_and_near_their_dots(points):
    spots, names = [p for p, _ in points], [n for _, n in points]
    for (x, y), box in zip(spots, placed(spots, names), strict=True):
        assert 0 <= box.left < box.right <= WIDTH
        across = max(box.left - x, x - box.right, 0)
        assert across <= 42 and abs((box.top + box.bottom) / 2 - y) <= 42 + LINE


def test_names_of_trials_alike_do_not_cover_one_another():
    """Eight of them within a few points of each other, as the best of a search are."""
    spots = [(50 + 3 * (i % 3), 240 + 4 * (i // 3)) for i in range(8)]
    boxes = placed(spots, ["mean × 1.4", "mean × 1.8", *map(str, range(6))])
    assert all(one.shares(other) == 0 for one, other in combinations(boxes, 2))
    dots = [Box(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for x, y in spots]
    assert sum(box.shares(dot) > 0 for box, dot in product(boxes, dots)) == 0
