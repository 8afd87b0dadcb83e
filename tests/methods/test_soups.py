"""Soups in the search loop, with measurement replaced by a formula."""

import pytest

from a3.console import ConsoleObserver
from a3.errors import MeasurementError
from a3.methods import soups as module
from a3.types.events import SoupMeasured
from a3.types.trials import INFEASIBLE, DropRule, PartialScores, TrialResult
from tests.methods.test_a3 import Dropping, Search
from tests.search.made import scores


class Kitchen(Search):
    """A search whose soups have the figures that a test gives by scale; None: not measurable."""

    def __init__(self, config, root, monkeypatch, found):
        super().__init__(config, root, monkeypatch)
        self.found, self.cooked, self.rules, self.kill_soup = found, [], [], None
        monkeypatch.setattr(module, "run_soup", self.run_soup)
        self.configured(trials=3, soup=tuple(found))

    def run_soup(self, key, adapters, scale, validation, context, rule):
        self.rules.append(rule)
        if len(self.cooked) == self.kill_soup:
            self.kill_soup = None
            raise KeyboardInterrupt
        self.cooked.append((scale, tuple(adapters)))
        if self.found[scale] is None:
            raise MeasurementError("a", "b", "c")
        folder = context.store.folder(key, lambda to: (to / "w").touch())
        adapter, scores = context.store.relative(folder), self.found[scale]
        partial = None
        if isinstance(scores, PartialScores):
            scores, partial = None, scores
        return TrialResult(scores=scores, losses=(), adapter=adapter, seconds={}, partial=partial)

    def soups(self):
        folder = self.root / "adapters/soup"
        return (
            {str(p.relative_to(folder)) for p in folder.glob("*/*")} if folder.is_dir() else set()
        )


@pytest.fixture
def kitchen(tiny_config, tmp_path, monkeypatch):
    return lambda found: Kitchen(tiny_config, tmp_path / "run", monkeypatch, found)


BETTER, WORSE = scores(sfr=0.0, fpr=0.0), scores(sfr=0.5, fpr=0.5)


def test_the_best_soup_is_the_repair_where_no_trial_does_better(kitchen):
    search = kitchen({1.0: WORSE, 1.4: BETTER})
    found = search.repair()
    assert (found.soup, found.trial, found.n_soups, found.selected_on) == (1, None, 2, ())
    assert found.adapter == "adapters/soup/3/1" and search.soups() == {"3/1"}
    assert search.adapters() == set(found.front)  # Of the trials only those of the front.
    measured = [e.soup for e in search.heard.events if isinstance(e, SoupMeasured)]
    assert [s.trials for s in measured] == [(0, 1, 2)] * 2 and measured[1].constraints
    assert search.heard.figures[-1]["soup/1/validation/sfr"] == 0.0


def test_a_trial_that_does_better_stays_the_repair(kitchen):
    search = kitchen({1.0: WORSE})
    found = search.repair()
    assert found.soup is None and found.adapter == f"adapters/trial/{found.trial}"
    assert search.soups() == set()


def test_dropped_trials_are_in_it_and_failed_ones_are_not(kitchen, monkeypatch):
    search = kitchen({1.0: BETTER}).configured(trials=4)
    search.fail = {1}
    Dropping(search, monkeypatch)
    search.repair()
    assert "dropped" in {search.stored(n).state for n in range(4)}
    assert search.cooked == [(1.0, tuple(f"adapters/trial/{n}" for n in (0, 2, 3)))]


def test_one_trial_makes_no_soup(kitchen):
    search = kitchen({1.0: BETTER}).configured(trials=1)
    found = search.repair()
    assert search.cooked == [] and (found.soup, found.n_soups) == (None, 0)


def test_a_soup_that_cannot_be_measured_is_never_chosen(kitchen):
    search = kitchen({1.0: None})
    found = search.repair()
    assert found.soup is None and found.trial is not None and found.n_soups == 1
    (event,) = [e for e in search.heard.events if isinstance(e, SoupMeasured)]
    assert "found: b" in event.soup.error


def test_a_kill_between_two_soups_repeats_neither(kitchen):
    search = kitchen({1.0: WORSE, 1.4: BETTER})
    search.kill_soup = 1
    with pytest.raises(KeyboardInterrupt):
        search.repair()
    found = search.repair()
    assert [scale for scale, _ in search.cooked] == [1.0, 1.4] and found.soup == 1


def test_more_trials_on_resume_make_other_soups(kitchen):
    search = kitchen({1.0: BETTER}).configured(keep="all")
    search.repair()
    found = search.configured(trials=4).repair()
    assert [len(adapters) for _, adapters in search.cooked] == [3, 4]
    assert found.adapter == "adapters/soup/4/0"


def test_a_soup_has_to_beat_the_trials_and_the_soups_before_it(kitchen):
    search = kitchen({1.0: BETTER, 1.4: BETTER})
    search.repair()
    best = min(t.objective for t in search.trials())
    first, second = (rule.objective for rule in search.rules)
    assert first == best and second == min(best, search.read("soup/3/0.json")["objective"])
    assert all(rule.fpr is not None for rule in search.rules)
    assert second < first


def test_where_a_trial_keeps_the_limits_a_soup_that_does_goes_before_it(kitchen):
    """And has to beat the soups before it, not the trial."""
    search = kitchen({1.0: WORSE, 1.4: scores(sfr=0.0, fpr=0.8), 1.8: scores(sfr=0.0, fpr=0.7)})
    goal = search.config.goal.model_copy(update={"sfr_selection": 0.05})
    search.config = search.config.model_copy(update={"goal": goal})
    found = search.repair()
    best = min(t.objective for t in search.trials())
    assert best < search.read("soup/3/2.json")["objective"] < INFEASIBLE
    assert (found.soup, found.trial) == (2, None)
    second = search.read("soup/3/1.json")["objective"]
    assert [rule.objective for rule in search.rules] == [INFEASIBLE, INFEASIBLE, second]


def test_a_dropped_soup_is_never_chosen_and_says_why(kitchen):
    rule = DropRule(objective=0.1, limits={"sfr": 0.05}, parts=4)
    partial = PartialScores(answered=9, total=40, objective_at_least=11.5, rule=rule)
    search = kitchen({1.0: partial})
    found = search.repair()
    assert found.soup is None and found.trial is not None and search.soups() == set()
    (soup,) = [e.soup for e in search.heard.events if isinstance(e, SoupMeasured)]
    line = ConsoleObserver._line(None, SoupMeasured(soup=soup))
    assert "dropped: after 9 of 40" in line
    assert search.heard.figures[-1] == {"soup/0/validation/answered": 9 / 40}


def test_where_the_best_were_trained_longer_it_is_the_mean_of_these(kitchen):
    again = {"trials": 6, "rerun_top": 1, "rerun_seeds": 3}
    search = kitchen({1.0: BETTER}).configured(**again, rerun_length=4)
    search.repair()
    tokens = [j.epoch_tokens for j in search.jobs]
    short, longer = tokens[:3], tokens[3:]
    assert len(short) == len(longer) == 3 and set(longer) == {4 * n for n in short}
    assert search.cooked == [(1.0, tuple(f"adapters/trial/{n}" for n in (3, 4, 5)))]


def test_where_no_longer_training_came_off_it_is_the_mean_of_the_others(kitchen):
    again = {"trials": 6, "rerun_top": 1, "rerun_seeds": 3, "rerun_length": 4}
    search = kitchen({1.0: BETTER}).configured(**again)
    search.fail = {3}  # Its configuration is out with it.
    search.repair()
    ((_, adapters),) = search.cooked
    short = [j.number for j in search.jobs if j.epoch_tokens == search.jobs[0].epoch_tokens]
    assert 3 not in short and adapters == tuple(f"adapters/trial/{n}" for n in short)


def test_reruns_as_long_as_the_others_are_averaged_with_them(kitchen):
    search = kitchen({1.0: BETTER}).configured(trials=6, rerun_top=1, rerun_seeds=3)
    search.repair()
    assert len({j.epoch_tokens for j in search.jobs}) == 1
    assert [len(adapters) for _, adapters in search.cooked] == [6]
