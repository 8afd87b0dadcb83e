"""The search loop, with training and measurement replaced by a formula."""

import json
from types import SimpleNamespace

import pytest

from a3.agents.respond import Responses
from a3.errors import MeasurementError, TooManyUnscored
from a3.executor.context import Baseline, Context
from a3.methods import a3 as method
from a3.methods import trial
from a3.methods.tune import settled
from a3.search.selection import objective
from a3.store import Artifacts, Store, read_lines
from a3.types.events import Selected, TrialFinished
from a3.types.queries import SearchView
from a3.types.trials import PartialScores, Proposal, Trial, TrialResult
from tests.agents.model.made import Says
from tests.conftest import compose
from tests.observers import Heard
from tests.search.made import BASE, scores


class Search:
    """`repair` in a folder, with jobs run by a formula; kill it before the n-th job."""

    def __init__(self, config, root, monkeypatch, fail=()):
        self.config, self.root, self.fail = config, root, fail
        self.jobs, self.kill_at = [], None
        self.agent, self.left = None, dict
        monkeypatch.setattr(trial, "run_trial", self.run_trial)
        self.configured(soup=())

    def configured(self, trials=None, **search):
        budget = self.config.budget
        if trials is not None:
            budget = budget.model_copy(update={"trials": trials})
        changes = {"search": self.config.search.model_copy(update=search), "budget": budget}
        self.config = self.config.model_copy(update=changes)
        return self

    def run_trial(self, job, validation, baseline, context, rule=None):
        if len(self.jobs) == self.kill_at:
            self.kill_at = None
            raise KeyboardInterrupt
        self.jobs.append(job)
        folder = context.store.folder(("trial", job.number), lambda to: (to / "w").touch())
        if job.number in self.fail:
            raise MeasurementError("a", "b", "c")
        # SFR falls with the learning rate, FPR rises; every seed is a little different.
        rate = min(1.0, 30 * job.config.learning_rate)
        found = scores(sfr=round(0.05 * (1 - rate), 2), fpr=round(rate / 2, 2) + job.seed % 7 / 100)
        return TrialResult(
            scores=found, losses=(2.0, 1.0), adapter=context.store.relative(folder), seconds={}
        )

    def repair(self, view=None):
        store, self.heard = Store(self.root), Heard()
        store.once("respond", Responses, lambda: Responses(examples=(), uncovered=()))
        context = Context(
            config=self.config,
            store=store,
            artifacts=Artifacts(self.root / "unused"),
            target=None,
            judge=None,
            generator=None,
            observer=self.heard,
            agent=self.agent,
            left=self.left,
        )
        baseline = Baseline(validation=BASE[0], capability=BASE[1], train_rates={}, clean=())
        view = view or SearchView(hypotheses=(), train=(), validation=())
        return method.repair(view, baseline, context)

    def read(self, *key):
        return json.loads(self.root.joinpath("stages", *map(str, key)).read_text())

    def stored(self, number):
        return Trial.model_validate(self.read("trial", f"{number}.json"))

    def adapters(self):
        folder = self.root / "adapters/trial"
        return {int(p.name) for p in folder.iterdir()} if folder.is_dir() else set()

    def trials(self):
        return [Trial.model_validate_json(line) for line in read_lines(self.root / "trials.jsonl")]


@pytest.fixture
def search(tiny_config, tmp_path, monkeypatch):
    return Search(tiny_config, tmp_path / "run", monkeypatch)


def test_batches_fill_the_budget_and_no_more(search):
    found = search.configured(trials=5, batch=2).repair()
    assert [j.number for j in search.jobs] == [0, 1, 2, 3, 4] and found.n_trials == 5
    assert {p.name for p in (search.root / "stages/batch").iterdir()} == {
        "0.json",
        "2.json",
        "4.json",
    }
    assert [len(search.read("batch", f"{n}.json")) for n in (0, 2, 4)] == [2, 2, 1]
    assert len({j.seed for j in search.jobs}) == 5


@pytest.mark.parametrize("kill_at", [0, 1, 2, 3, 5, 6, 7])
def test_a_killed_search_goes_on_as_if_nothing_had_been(
    search, kill_at, tiny_config, tmp_path, monkeypatch
):
    """In the middle of the first batch, of the last, of the reruns."""
    settings = {"trials": 9, "batch": 3, "rerun_top": 2, "rerun_seeds": 2}
    search.configured(**settings)
    search.kill_at = kill_at
    with pytest.raises(KeyboardInterrupt):
        search.repair()
    batches = {p: p.read_bytes() for p in (search.root / "stages/batch").iterdir()}
    assert batches  # The batch is on disk before anything of it is trained.
    found = search.repair()
    assert all(path.read_bytes() == text for path, text in batches.items())
    assert [j.number for j in search.jobs] == list(range(9))
    whole = Search(tiny_config, tmp_path / "whole", monkeypatch).configured(**settings)
    assert whole.repair() == found and whole.jobs == search.jobs
    assert whole.trials() == search.trials()


class Killed(Says):
    """An agent whose first reply is paid for, and lost."""

    async def reply(self, requests, what):
        found = await super().reply(requests, what)
        if len(self.asked) == 1:
            raise KeyboardInterrupt
        return found


def test_a_resumed_search_asks_with_the_words_that_it_paid_for(search):
    """Though less is left of the caps by now: the reply is found in the cache."""
    search.configured(trials=2, name="agent")
    search.config = search.config.model_copy(update={"agent": compose("agent=claude").agent})
    left = iter(range(100, 0, -1))
    search.agent, search.left = Killed("{}"), lambda: {"calls": next(left)}
    with pytest.raises(KeyboardInterrupt):
        search.repair()
    search.repair()
    first, second = search.agent.asked[:2]
    assert first == second and '"left of the caps": {"calls": ' in first.conversation.last.content


def test_a_batch_goes_on_with_the_proposals_it_began_with(search):
    """Also where the sampler would by now propose something else."""
    search.configured(trials=3, batch=3).kill_at = 1
    with pytest.raises(KeyboardInterrupt):
        search.repair()
    begun = [Proposal.model_validate(p) for p in search.read("batch", "0.json")]
    search.configured(name="random").repair()
    assert [j.config for j in search.jobs] == [p.config for p in begun]


def test_reruns_repeat_the_best_on_fresh_seeds_and_decide(search):
    found = search.configured(trials=8, rerun_top=2, rerun_seeds=2).repair()
    trials = search.trials()
    by_number = {t.number: t for t in trials}
    again = [t for t in trials if t.rerun_of is not None]
    assert len(trials) == found.n_trials == 8 and len(again) == 4
    for t in again:
        of = by_number[t.rerun_of]
        assert t.proposal.config == of.proposal.config and t.seed != of.seed
    assert found.trial == found.selected_on[0] and found.adapter == f"adapters/trial/{found.trial}"
    assert len({by_number[n].rerun_of for n in found.selected_on}) == 1
    assert len(found.selected_on) == 2
    finished = [e for e in search.heard.events if isinstance(e, TrialFinished)]
    assert [e.trial.rerun_of for e in finished] == [t.rerun_of for t in trials]


def test_only_the_front_and_the_repair_keep_their_adapters(search):
    search.fail = {1}
    found = search.configured(trials=7).repair()
    kept = {found.trial, *found.front}
    assert 1 < len(kept) < 6 and search.adapters() == kept
    assert {t.number for t in search.trials() if t.adapter} == kept
    assert 1 not in found.front
    (chosen,) = [e for e in search.heard.events if isinstance(e, Selected)]
    assert chosen.repair == found


def test_all_adapters_can_be_kept(search):
    search.configured(trials=4, keep="all").repair()
    assert search.adapters() == {0, 1, 2, 3}


def test_a_kill_while_adapters_are_removed_loses_nothing(search, monkeypatch):
    search.configured(trials=7)
    removed, real = [], Store.discard

    def discard(store, key):
        if len(removed) == 2:
            raise KeyboardInterrupt
        removed.append(key)
        real(store, key)

    monkeypatch.setattr(Store, "discard", discard)
    with pytest.raises(KeyboardInterrupt):
        search.repair()
    monkeypatch.setattr(Store, "discard", real)
    found = search.repair()
    assert search.adapters() == {found.trial, *found.front}
    assert len(search.jobs) == 7


def test_a_rerun_that_is_dropped_ends_its_configuration(search, monkeypatch):
    def run_trial(job, validation, baseline, context, rule=None):
        found = search.run_trial(job, validation, baseline, context)
        if rule is None or not rule.beside:
            return found
        partial = PartialScores(answered=1, total=9, objective_at_least=11, rule=rule)
        return found.model_copy(update={"scores": None, "partial": partial})

    monkeypatch.setattr(trial, "run_trial", run_trial)
    found = search.configured(trials=8, rerun_top=2, rerun_seeds=2).repair()
    assert [t.state for t in search.trials()] == ["complete"] * 6 + ["dropped"]
    assert found.selected_on == (4, 5) and found.trial == 4


class Dropping:
    """Drops the trials of a search where they turn out no better than what they have to beat."""

    def __init__(self, search, monkeypatch):
        self.search, self.known, self.measured = search, {}, []
        monkeypatch.setattr(trial, "run_trial", self.run_trial)

    def run_trial(self, job, validation, baseline, context, rule=None):
        found = self.search.run_trial(job, validation, baseline, context)
        value = objective(found.scores, *BASE, self.search.config.goal)
        self.known[job.number] = value
        self.measured.append(job.number)
        if rule is None or value < rule.objective:
            return found
        least = (value + rule.objective) / 2
        partial = PartialScores(answered=1, total=9, objective_at_least=least, rule=rule)
        return found.model_copy(update={"scores": None, "partial": partial})


@pytest.mark.parametrize("kill_at", [None, 3, 6, 7, 8])
def test_before_the_best_are_trained_again_it_is_made_sure_who_they_are(
    search, monkeypatch, kill_at
):
    """A trial that cannot be the best is dropped; one that may be second is measured on."""
    dropping = Dropping(search, monkeypatch)
    search.configured(trials=8, rerun_top=2, rerun_seeds=1, name="random", keep="all")
    search.kill_at = kill_at
    if kill_at:
        with pytest.raises(KeyboardInterrupt):
            search.repair()
    found = search.repair()
    trials, known = search.trials(), dropping.known
    best = sorted(range(6), key=lambda n: (known[n], n))[:2]
    assert [t.rerun_of for t in trials[6:]] == best
    assert all(trials[n].state == "complete" for n in best)
    twice = {n for n in range(6) if dropping.measured.count(n) > 1}
    assert (
        twice and set(dropping.measured) == set(range(8)) and "dropped" in {t.state for t in trials}
    )
    # For people, too, it is the last that counts.
    kept = [settled(search.stored(n), Store(search.root)) for n in range(8)]
    assert [t.state for t in kept] == [t.state for t in trials] and found.n_trials == 8


@pytest.mark.parametrize("trials", [1, 2, 3, 4, 6])
def test_the_budget_counts_reruns_too(search, trials):
    """However few there are, one configuration is tried, and none is chosen unmeasured."""
    found = search.configured(trials=trials, rerun_top=2, rerun_seeds=2).repair()
    again = [t.rerun_of for t in search.trials() if t.rerun_of is not None]
    assert found.n_trials == len(search.jobs) <= trials
    assert len(again) == {1: 0, 2: 1, 3: 2, 4: 2, 6: 4}[trials]
    assert found.trial is not None and found.n_trials >= min(3, trials)


def test_more_trials_on_resume_come_after_the_reruns_and_join_the_choice(search):
    search.configured(trials=3, rerun_top=1, rerun_seeds=1, keep="all").repair()
    found = search.configured(trials=6).repair()
    of = [t.rerun_of for t in search.trials()]
    assert of[:2] == [None, None] and of[2] in {0, 1} and of[3:5] == [None, None]
    assert [j.number for j in search.jobs] == list(range(len(of)))
    assert found.trial in {n for n, rerun in enumerate(of) if rerun is not None}


def test_nothing_is_chosen_where_nothing_was_measured(search):
    search.fail = {0, 1, 2}
    found = search.configured(trials=3, rerun_seeds=2).repair()
    assert (found.trial, found.adapter, found.objective) == (None, None, None)
    assert found.front == found.selected_on == () and search.adapters() == set()


def test_rule_4_an_outage_of_the_judge_ends_the_run_and_no_trial(search, monkeypatch):
    def out_of_service(job, *rest):
        if job.number == 1:
            raise TooManyUnscored("a", "b", "c")
        return search.run_trial(job, *rest)

    search.configured(trials=3)
    monkeypatch.setattr(trial, "run_trial", out_of_service)
    with pytest.raises(TooManyUnscored):
        search.repair()
    monkeypatch.setattr(trial, "run_trial", search.run_trial)
    search.repair()  # Resumed: the second trial runs as if it had never begun.
    assert [t.state for t in search.trials()] == ["complete"] * 3


def test_rule_4_without_any_answer_to_learn_from_nothing_is_tuned(search):
    store = Store(search.root)
    store.once("respond", Responses, lambda: Responses(examples=(), uncovered=("H0",)))
    query = SimpleNamespace(hypothesis_id="H0")
    view = SimpleNamespace(hypotheses=(), train=(query,), validation=())
    with pytest.raises(MeasurementError, match="answers to learn from"):
        search.repair(view)
