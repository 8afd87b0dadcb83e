"""The trials in result.json, result.md and report.html."""

from xml.etree import ElementTree

import pytest

from a3.report.scatter import scatter
from a3.report.trials import HEAD, markdown_trials, soup_summary, summary, trial_rows
from a3.types.results import Repair
from tests.report.test_verdict import GOOD, result
from tests.search.made import scores, soup, trial


@pytest.fixture
def shown(tiny_config):
    """Four trials and a rerun of the first: 4 is the repair, 2 on the front, 3 failed."""
    found = [
        scores(fpr=0.2),
        scores(sfr=0.5, fpr=0.3),
        scores(sfr=0.2, fpr=0.0),
        None,
        scores(fpr=0.1),
        scores(fpr=0.2),
    ]
    trials = [trial(i, tiny_config, s, rerun_of=0 if i > 3 else None) for i, s in enumerate(found)]
    repair = Repair(trial=4, n_trials=6, selected_on=(4, 5), front=(2, 4))
    return result(tiny_config.goal, repaired=GOOD).model_copy(
        update={
            "best_trial": 4,
            "selected_on": repair.selected_on,
            "trials": tuple(summary(t, repair) for t in trials),
        }
    )


def test_a_row_says_what_became_of_a_trial(shown):
    rows = list(trial_rows(shown))
    assert all(len(row) == len(HEAD) for row in rows)
    assert [row[-1] for row in rows] == [
        "",
        "breaks a limit",
        "front, breaks a limit",
        "failed",
        "the repair, front, trial 0 again, in the mean that decided",
        "trial 0 again, in the mean that decided",
    ]
    assert rows[1][5:8] == ("50.0 %", "30.0 %", "0.100")
    assert rows[3][5:8] == ("-", "-", "-")


def test_a_longer_rerun_says_so(shown):
    (again,) = [t.model_copy(update={"length": 4}) for t in shown.trials if t.number == 5]
    rows = list(trial_rows(shown.model_copy(update={"trials": (*shown.trials[:5], again)})))
    assert [row[-1] for row in rows if "4 times" in row[-1]] == [
        "trial 0 again at 4 times the length, in the mean that decided"
    ]


def test_the_table_is_whole_in_markdown(shown):
    lines = [line for line in markdown_trials(shown) if line.startswith("|")]
    assert len(lines) == 2 + 6
    assert {line.count("|") for line in lines} == {len(HEAD) + 1}
    assert any("support no verdict" in line for line in markdown_trials(shown))
    assert not any("this is no search" in line for line in markdown_trials(shown))
    again = shown.trials[0].model_copy(update={"number": 1, "rerun_of": 0, "length": 4})
    one = shown.model_copy(update={"trials": (shown.trials[0], again)})
    assert any("this is no search" in line for line in markdown_trials(one))


def test_a_method_without_trials_shows_none(tiny_config):
    bare = result(tiny_config.goal)
    assert markdown_trials(bare) == [] and scatter(bare) == ""


def test_soups_stand_below_the_trials(shown, tiny_config):
    made = [soup(0, tiny_config, scores(sfr=0.5), 1.0), soup(1, tiny_config, scores(fpr=0.05))]
    made.append(soup(2, tiny_config, None, 2.0).model_copy(update={"depth": (0.2, 0.8)}))
    averaged = shown.model_copy(
        update={"best_trial": None, "best_soup": 1, "soups": tuple(map(soup_summary, made))}
    )
    rows = list(trial_rows(averaged))[len(shown.trials) :]
    assert [(row[0], row[-1]) for row in rows] == [
        ("mean × 1", "the mean of 2 adapters, breaks a limit"),
        ("mean × 1.4", "the repair, the mean of 2 adapters"),
        ("mean × 2", "the mean of 2 adapters between 20 and 80 % of the depth, not measured"),
    ]
    drawing = ElementTree.fromstring(scatter(averaged))
    (spot,) = [c for c in drawing.iter("circle") if c.get("fill") == "#1f5fbf"]
    names = [t.text for t in drawing.iter("text") if t.get("fill") == "#1f5fbf"]
    assert names == ["mean × 1.4"] and float(spot.get("cx")) < 100  # SFR 0 %.
