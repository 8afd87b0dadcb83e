"""Whole runs in which an agent behind HTTP explores, splits, answers and proposes."""

import json
import signal
from collections import Counter
from hashlib import sha256

import pytest

from a3.experiment_log import read_log
from a3.types.events import HypothesisMeasured, QueriesRejected, SplitMade, TrialFinished
from a3.types.results import RunResult
from tests.conftest import compose
from tests.llm.agent import Agent, task_of
from tests.llm.server import Says, serving
from tests.runs import Before, KillWhen, everywhere, fresh_cache, run

pytestmark = pytest.mark.slow


KEY = "sk-fake-91b7"
TOLD = f"I was told {KEY}"
SMALL = (
    "model=tiny",
    "budget=smoke",
    "budget.trials=2",
    "budget.queries_per_hypothesis=6",
    "agent.hypotheses_per_round=4",
)


def config(service, *overrides):
    return compose(
        *SMALL,
        "agent=endpoint",
        "agent.endpoint.model=loopback",
        f"agent.endpoint.base_url={service.url}/v1",
        "search=agent",
        *overrides,
    )


def outcome(folder):
    return RunResult.model_validate_json((folder / "result.json").read_text())


def test_an_agent_explores_splits_answers_and_proposes(tmp_path):
    with serving(Agent()) as service:
        folder = tmp_path / "run"
        caps = "budget.caps.calls=9999"
        one = config(service, "judge.final=rules", "respond.source=agent", caps)
        assert run(one, folder, fresh_cache(tmp_path / "cache")) == 0, output(tmp_path)
        asked = [(task_of(body), body) for body in service.asked]
    found, log = outcome(folder), read_log(folder / "log.jsonl")
    tasks = {"first", "hypotheses", "ideas", "chats", "twins", "split", "respond", "propose"}
    assert tasks <= {task for task, _ in asked}
    (split,) = [e for e in log if isinstance(e, SplitMade)]
    assert split.reason == "the newest forms" and split.ood
    trials = [e.trial for e in log if isinstance(e, TrialFinished)]
    assert [t.proposal.expected for t in trials] == ["", "SFR below 20 %"]
    assert trials[1].proposal.config.offsets == {"H0/harmful": 0.5}
    told = [body["messages"][-1]["content"] for task, body in asked if task == "propose"]
    assert told and all(
        '"trials left": 1, ' in t and '"left of the caps": {"calls": 9' in t for t in told
    )
    assert found.base.confirm.sfr.n and found.base.ood.sfr.n
    assert {"known", "evidence", "own"} >= set(found.base.ood.fpr_by_stratum)
    out_of_sight(asked, log, split)
    # The same rules rule again: the two judges agree, and people get a sheet to label.
    second = found.second_opinion
    assert second and second.accuracy.value == second.kappa.value == 1
    assert (second.n, second.unscored) == (second.accuracy.n, 0) and second.n >= 50
    assert "kappa 1.00 [" in (folder / "result.md").read_text()
    assert len((folder / "labelling.jsonl").read_text().splitlines()) == 50
    assert "expected SFR below 20 %" in (folder / "result.md").read_text()
    assert "expected SFR below 20 %" in (folder / "report.html").read_text()


def out_of_sight(asked, log, split):
    """Between split and evaluate no prompt names an OOD hypothesis or quotes it."""
    statements = {e.hypothesis.id: e.hypothesis for e in log if isinstance(e, HypothesisMeasured)}
    ood, training = ([statements[n] for n in names] for names in (split.ood, split.training))
    start = max(i for i, (task, _) in enumerate(asked) if task == "split") + 1
    end = max(i for i, (task, _) in enumerate(asked) if task == "propose") + 1
    for _, body in asked[start:end]:
        text = json.dumps(body)
        assert not [h.id for h in ood if f'"{h.id}\\' in text or h.statement in text]
    # The same search finds the others: an agent that proposes is shown every one that trains.
    proposal = json.dumps(asked[end - 1][1])
    assert all(f'"{h.id}\\' in proposal and h.statement in proposal for h in training)


def claude(service):
    """Agent and judge over the Messages API."""
    settings = [
        f"{who}.endpoint.{setting}"
        for who in ("agent", "judge")
        for setting in ("concurrency=8", f"base_url={service.url}")
    ]
    return compose(*SMALL, "agent=claude", "judge=claude", *settings)


class Reluctant(Agent):
    """Refuses two in five of whatever an agent is asked, and each task at least once.

    It sends the key back with whatever it says.
    """

    def __init__(self):
        super().__init__()
        self.refused, self.told, self.tasks = Counter(), Counter(), set()

    def __call__(self, body, n):
        words, task = json.dumps(body, sort_keys=True), task_of(body)
        if task == "judge" and n % 100 in (3, 7):
            return Says(f"no, {TOLD}", status=529 if n % 100 == 3 else 400)
        drawn = sha256(f"{self.refused[words]} {words}".encode()).digest()
        unwilling = int.from_bytes(drawn) % 5 < 2
        if task != "judge" and (unwilling or task not in self.tasks):
            self.tasks.add(task)
            self.refused[words] += 1
            return Says(f"I can't help with creating that: {TOLD}", stop="refusal")
        self.told[words] += 1
        return super().__call__(body, n)

    def hypotheses(self, body):
        found = super().hypotheses(body)
        return {"hypotheses": [h | {"rationale": TOLD} for h in found["hypotheses"]]}

    def propose(self, body):
        return super().propose(body) | {"rationale": TOLD}

    def judge(self, body):
        return super().judge(body) | {"reason": TOLD}


def test_claude_agent_and_judge_though_it_refuses_two_in_five_and_the_run_is_broken_off(tmp_path):
    folder, cache, key = (
        tmp_path / "run",
        fresh_cache(tmp_path / "cache"),
        {"ANTHROPIC_API_KEY": KEY},
    )
    agent = Reluctant()
    with serving(agent) as service:
        kill = Before(key, then=KillWhen("a3.budget", "Ledger.called", 60))
        assert run(claude(service), folder, cache, hook=kill) == -9
        ctrl_c = KillWhen("a3.budget", "Ledger.called", 60, signal.SIGINT)
        again = Before(key, then=ctrl_c)
        assert run(claude(service), folder, cache, resumed=True, hook=again) == 1
        assert "interrupted; go on with" in output(tmp_path)
        assert run(claude(service), folder, cache, resumed=True, hook=Before(key)) == 0, output(
            tmp_path
        )
        asked = [(task_of(body), body) for body in service.answered]
        assert all(KEY in json.dumps(headers) for headers in service.headers)
    found, log = outcome(folder), read_log(folder / "log.jsonl")
    # What it may cost is said before it does, and once.
    said = (tmp_path / "output.txt").read_text()
    assert said.count("claude-sonnet-5-5 as agent: at most") == 1 and ", $" in said
    # What was in flight, at most eight calls each time, is paid for again, and nothing else.
    assert sum(agent.told.values()) - len(agent.told) <= 2 * 8
    assert agent.tasks >= {"first", "hypotheses", "ideas", "chats", "twins", "split", "propose"}
    whole(log, claude(service))
    queries = (folder / "stages" / "explore.json").read_text()
    assert "can't help" not in queries and found.base.confirm.sfr.n
    judged = [body for task, body in asked if task == "judge"]
    assert judged and all(body["thinking"] == {"type": "between_tools"} for body in judged)
    assert {c.stage for c in found.cost.calls} >= {"explore", "split", "repair", "evaluate"}
    assert found.cost.usd and found.provenance.judge.startswith("model-claude-sonnet-5-5-")
    (split,) = [e for e in log if isinstance(e, SplitMade)]
    out_of_sight(asked, log, split)
    # What came with the key is kept, in the log and in the cache; the key is nowhere.
    for words in ("I was told", "no, I was", "can't help with creating that: I was"):
        assert everywhere(words, tmp_path)
    assert everywhere(KEY, tmp_path) == []


def whole(log, configured):
    """Explore brought every hypothesis that the budget says; each trial was proposed."""
    measured = {e.hypothesis.id for e in log if isinstance(e, HypothesisMeasured)}
    # What the target knows nothing of cannot be measured.
    unknown = {e.hypothesis_id for e in log if isinstance(e, QueriesRejected) and not e.written}
    budget, strata = configured.budget, 2 * configured.budget.hypotheses_per_stratum
    proposed = configured.agent.hypotheses_per_round * budget.rounds + strata
    assert measured | unknown == {f"H{i}" for i in range(1 + proposed)}
    assert len(measured) >= proposed - 2
    trials = [e for e in log if isinstance(e, TrialFinished)]
    assert len(trials) >= budget.trials


def output(folder):
    return (folder / "output.txt").read_text()[-3000:]
