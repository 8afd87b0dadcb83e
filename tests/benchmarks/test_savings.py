"""The simulated searches are the run's own, and what is said of them is what was found."""

import json

import pytest

from a3.agents.respond import Responses
from a3.estimate import assumed
from a3.executor.context import Baseline, Context
from a3.executor.validate import remember, validate
from a3.methods import a3 as method
from a3.methods import soups, trial, tune
from a3.store import Artifacts, Store
from a3.types.queries import SearchView
from a3.types.trials import Trial, TrialResult, TrialState
from benchmarks import savings
from tests.conftest import compose
from tests.observers import Heard

ROWS = json.loads(savings.RECORD.read_text())["queries"]
FOUND = json.loads(savings.RESULT.read_text())
CONFIG = compose("model=qwen7b", "budget=paper", "agent=offline", "search=random")


class Recorded:
    """The method of a run, with a model of the record in the place of each training."""

    def __init__(self, seed, root, monkeypatch):
        self.queries, self.models = savings.drawn(ROWS, seed)
        self.run = savings.Run({q.id: ROWS[int(q.id)] for q in self.queries})
        self.start = savings.Search(self.run, self.queries, self.models)  # Knows the base's.
        self.context = Context(
            config=CONFIG,
            store=Store(root),
            artifacts=Artifacts(root / "unused"),
            target=None,
            judge=self.run,
            generator=None,
            observer=Heard(),
        )
        remember(self.context, "base", self.run.kept["verdicts", "base"])
        monkeypatch.setattr(trial, "run_trial", self.trial)
        monkeypatch.setattr(tune, "_record", lambda *_: None)
        monkeypatch.setattr(soups, "run_soup", self.soup)

    def trial(self, job, validation, baseline, context, rule):
        return self.measured(("trial", job.number), self.models[job.number], job.number, rule)

    def soup(self, key, adapters, scale, validation, context, rule):
        return self.measured(key, self.models[savings.TRIALS + key[2]], key[1], rule)

    def measured(self, key, model, number, rule):
        self.run.model = model
        verdicts, partial = validate(self.run, number, "", self.queries, rule, self.context)
        if key[0] == "trial":
            remember(self.context, number, verdicts)
        scores = None if partial else savings.scored(self.queries, verdicts)
        folder = self.context.store.folder(key, lambda to: (to / "w").touch())
        return TrialResult(
            scores=scores,
            losses=(),
            adapter=self.context.store.relative(folder),
            seconds={},
            partial=partial,
        )

    def repair(self):
        store = self.context.store
        store.once("respond", Responses, lambda: Responses(examples=(), uncovered=()))
        baseline = Baseline(
            validation=self.start.base, capability=savings.NO_CAPABILITY, train_rates={}, clean=()
        )
        view = SearchView(hypotheses=(), train=(), validation=tuple(self.queries))
        return method.repair(view, baseline, self.context)


@pytest.mark.parametrize("seed", [0, 3])
def test_a_simulated_search_is_the_one_that_a_run_makes(seed, tmp_path, monkeypatch):
    """Trainings, reruns and soups, what is dropped, what is asked, and what is chosen."""
    run = Recorded(seed, tmp_path / "run", monkeypatch)
    found = run.repair()
    queries, models = savings.drawn(ROWS, seed)
    mine = savings.Search(savings.Run(run.run.rows), queries, models)
    mine.tune()
    mine.cook()
    lines = (tmp_path / "run/trials.jsonl").read_text().splitlines()
    trials = [Trial.model_validate_json(line) for line in lines]
    assert [(t.state, t.rerun_of) for t in trials] == [(t.state, t.rerun_of) for t in mine.trials]
    assert {t.state for t in trials} == {TrialState.COMPLETE, TrialState.DROPPED}
    assert sum(t.rerun_of is not None for t in trials) == 2 and found.n_trials == savings.TRIALS
    chosen = ("trial", found.trial) if found.soup is None else ("soup", found.soup)
    assert chosen == mine.chosen
    assert (run.run.asked, run.run.tokens) == (mine.run.asked, mine.run.tokens)


def test_the_outcome_is_the_same_with_everything_measured_and_much_less_is_asked():
    for judge in ({}, {"free": True}, {"repeats": False}):
        found = savings.simulate(ROWS, 1, **judge)
        assert found.same and found.configurations == 28
        assert found.asked < 0.6 * (savings.TRIALS + savings.SOUPS) * savings.VALIDATION


def test_what_explore_ruled_on_is_not_asked_again():
    queries, models = savings.drawn(ROWS, 2)
    run = savings.Run({q.id: ROWS[int(q.id)] for q in queries})
    savings.Search(run, queries, models)
    assert run.asked == 0
    run.rule_all([(q, run.said(q.id)) for q in queries], "again")
    assert run.asked == 0


def test_the_kept_figures_are_of_today_s_prompts():
    """Within a few percent: prompts may change by a word."""
    ways = {"published": savings.published(0)}
    for kind, (n, used) in ways["published"].items():
        kept_n, kept = FOUND["published"][kind]
        if not kind.startswith("verdicts"):
            assert n == kept_n and used.total == pytest.approx(sum(kept.values()), rel=0.05), kind


def test_the_estimate_expects_what_the_simulation_found():
    asked = FOUND["verdicts asked, of all answers of trials and soups"]
    assert pytest.approx(asked["a judge that costs"], abs=0.02) == assumed.SEARCHED
    assert pytest.approx(asked["no answer repeats"], abs=0.02) == assumed.SEARCHED_SAMPLED
    assert pytest.approx(FOUND["answers not the base's"], abs=0.02) == assumed.FRESH


def test_what_is_claimed_was_found():
    assert FOUND["runs"] == 200 and FOUND["same choice"] >= 0.95
    assert FOUND["over HTTP"]["calls, choice and verdicts the same"]
    share = FOUND["share"]["as many"]
    assert share["tokens"] <= 0.25 and share["dollars"] <= 0.25
