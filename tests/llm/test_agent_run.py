"""Whole runs in which an agent behind HTTP explores, splits, answers and proposes."""

import json
import signal
from collections import Counter

import pytest

from a3.experiment_log import read_log
from a3.types.events import HypothesisMeasured, QueriesRejected, SplitMade, TrialFinished
from a3.types.results import RunResult
from tests.conftest import compose
from tests.llm.agent import Agent, task_of
from tests.llm.server import Says, serving
from tests.runs import Before, KillWhen, fresh_cache, run

pytestmark = pytest.mark.slow


KEY = "sk-fake-91b7"
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
        one = config(service, "judge.final=rules", "respond.source=agent")
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
    assert found.base.confirm.sfr.n and found.base.ood.sfr.n
    assert {"known", "evidence", "own"} >= set(found.base.ood.fpr_by_stratum)
    out_of_sight(asked, log, split)
    # The same rules rule again: the two judges agree, and people get a sheet to label.
    assert found.second_opinion and found.second_opinion.accuracy.value == 1
    assert len((folder / "labelling.jsonl").read_text().splitlines()) == 50
    assert "expected SFR below 20 %" in (folder / "result.md").read_text()
    assert "expected SFR below 20 %" in (folder / "report.html").read_text()


def out_of_sight(asked, log, split):
    """Between split and evaluate no prompt names an OOD hypothesis or quotes it."""
    statements = {e.hypothesis.id: e.hypothesis for e in log if isinstance(e, HypothesisMeasured)}
    ood, training = ([statements[n] for n in names] for names in (split.ood, split.training))
    start = [task for task, _ in asked].index("split") + 1
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


def test_claude_agent_and_judge_though_it_refuses_two_in_five_and_the_run_is_broken_off(tmp_path):
    def spoil(task, n):
        if task == "chats" and n % 5 in (0, 1):
            return Says("I can't help with creating that.", stop="refusal")
        return None

    folder, cache, key = (
        tmp_path / "run",
        fresh_cache(tmp_path / "cache"),
        {"ANTHROPIC_API_KEY": KEY},
    )
    with serving(Agent(spoil)) as service:
        kill = Before(key, then=KillWhen("a3.budget", "Ledger.called", 60))
        assert run(claude(service), folder, cache, hook=kill) == -9
        ctrl_c = KillWhen("a3.budget", "Ledger.called", 60, signal.SIGINT)
        again = Before(key, then=ctrl_c)
        assert run(claude(service), folder, cache, resumed=True, hook=again) == 1
        assert "interrupted; go on with" in output(tmp_path)
        assert run(claude(service), folder, cache, resumed=True, hook=Before(key)) == 0, output(
            tmp_path
        )
        asked = [(task_of(body), body) for body in service.asked]
    found, log = outcome(folder), read_log(folder / "log.jsonl")
    # What it may cost is said before it does, and once.
    said = (tmp_path / "output.txt").read_text()
    assert said.count("claude-sonnet-5-5 as agent: at most") == 1 and ", $" in said
    # What was in flight, at most eight calls each time, is paid for again, and nothing else.
    times = Counter(json.dumps(body, sort_keys=True) for _, body in asked)
    assert sum(times.values()) - len(times) <= 2 * 8
    rejected = [e for e in log if isinstance(e, QueriesRejected)]
    assert sum(e.reasons.get("not written (refused)", 0) for e in rejected) > 0
    queries = (folder / "stages" / "explore.json").read_text()
    assert "can't help" not in queries and found.base.confirm.sfr.n
    judged = [body for task, body in asked if task == "judge"]
    assert judged and all(body["thinking"] == {"type": "between_tools"} for body in judged)
    assert {c.stage for c in found.cost.calls} >= {"explore", "split", "repair", "evaluate"}
    assert found.cost.usd and found.provenance.judge.startswith("model-claude-sonnet-5-5-")
    (split,) = [e for e in log if isinstance(e, SplitMade)]
    out_of_sight(asked, log, split)


def output(folder):
    return (folder / "output.txt").read_text()[-3000:]
