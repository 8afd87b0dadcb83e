"""Who listens to a run: the log, the metrics file, the ledger."""

import json

import pytest

from a3.budget import Ledger
from a3.experiment_log import ExperimentLog, Metrics, read_log
from a3.store import read_lines
from a3.types.events import (
    FactsAsked,
    FailureDescribed,
    HypothesisMeasured,
    ResponsesMade,
    RoundMeasured,
    RunFinished,
    RunStarted,
    Selected,
    SplitMade,
    StageFinished,
    StageStarted,
)
from a3.types.explored import RoundTotals
from a3.types.observer import Observers
from a3.types.queries import Hypothesis
from a3.types.rates import Rate
from a3.types.results import Cost, Repair, VerdictKind

RATE = Rate(hits=1, n=4, unscored=1, clusters=4, value=0.25, low=0.01, high=0.8)


def measured(name: str) -> HypothesisMeasured:
    hypothesis = Hypothesis(
        id=name,
        statement=f"The statement of {name}.",
        rationale="-",
        parent_id=None,
        tags=("structure:certain", "topic:capitals"),
        round=1,
    )
    return HypothesisMeasured(hypothesis=hypothesis, example="Ça va?\nOui.", sfr=RATE, fpr=RATE)


ROUND = RoundMeasured(totals=RoundTotals(round=1, hypotheses=3, queries=12, failures=5, found=1))
SPLIT = SplitMade(training=("H0", "H2"), ood=("H1",), reason="-")
EVENTS = [
    RunStarted(
        run_id="r", risk="sycophancy", model="tiny", method="a3", seed=3, resumed=False, cost="$1"
    ),
    StageStarted(stage="explore"),
    FailureDescribed(text='"Schon gut" \u2028 she said, and {left}.\n'),
    FactsAsked(topic="capitals", known=3, asked=4),
    measured("H0"),
    measured("H1"),
    measured("H2"),
    ROUND,
    StageFinished(stage="explore", seconds=1.5),
    SPLIT,
    ResponsesMade(yields={"H0": 0.5}, uncovered=("H2",), n_general=7),
    Selected(repair=Repair()),
    RunFinished(verdict=VerdictKind.MET, provisional="uncalibrated judge"),
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / "log.jsonl"


def written(path, events):
    log = ExperimentLog(path)
    for event in events:
        log.event(event)
    return path


def test_what_is_logged_is_read_back_in_order(path):
    assert read_log(written(path, EVENTS)) == EVENTS
    assert len(path.read_text(encoding="utf-8").split("\n")) == len(EVENTS) + 1


def test_every_entry_has_a_time(path):
    times = [json.loads(line)["time"] for line in read_lines(written(path, EVENTS))]
    assert times == sorted(times) and all(t.endswith("+00:00") for t in times)


def test_a_log_that_was_never_written_is_empty(path):
    assert read_log(path) == []


@pytest.mark.parametrize("torn", ['{"time": "2', '{"time": "x", "event": {"type": "sta', "\u00e9"])
def test_a_torn_last_line_is_dropped(path, torn):
    written(path, EVENTS[:4])
    with path.open("ab") as file:
        file.write(torn.encode()[:-1])
    assert read_log(path) == EVENTS[:4]


def test_a_log_goes_on_after_a_torn_line(path):
    written(path, EVENTS[:4])
    with path.open("a") as file:
        file.write('{"time": "2026')
    assert read_log(written(path, EVENTS[4:])) == EVENTS


def test_metrics_are_rows_with_or_without_a_trial(tmp_path):
    metrics = Metrics(tmp_path / "metrics.jsonl")
    metrics.metrics({"validation/sfr": 0.5, "objective": 1.25}, trial=0)
    metrics.metrics({"ood/sfr": 0.125})
    metrics.event(EVENTS[0])
    rows = [json.loads(line) for line in read_lines(tmp_path / "metrics.jsonl")]
    assert all(row.pop("time") for row in rows)
    assert rows == [
        {"trial": 0, "validation/sfr": 0.5, "objective": 1.25},
        {"ood/sfr": 0.125},
    ]


def test_a_ledger_goes_on_where_an_earlier_one_was_saved(tmp_path):
    path = tmp_path / "cost.json"
    first = Ledger(path)
    assert first.cost == Cost()
    first.spend("generated_tokens", 10)
    first.spend("generated_tokens", 5)
    first.spend("trained_tokens", 7)
    first.event(EVENTS[0])
    second = Ledger(path)
    assert second.cost == first.cost == Cost(generated_tokens=15, trained_tokens=7)
    second.spend("generated_tokens", 1)
    second.spend("cached_answers", 2)
    second.event(EVENTS[1])
    assert Ledger(path).cost == Cost(generated_tokens=16, trained_tokens=7, cached_answers=2)


def test_a_ledger_knows_only_the_counters_of_cost(tmp_path):
    with pytest.raises(AttributeError):
        Ledger(tmp_path / "cost.json").spend("coffee", 1)


def test_every_listener_hears_everything(tmp_path):
    ledger = Ledger(tmp_path / "cost.json")
    everyone = Observers(
        ExperimentLog(tmp_path / "log.jsonl"), Metrics(tmp_path / "metrics.jsonl"), ledger
    )
    everyone.spend("llm_calls", 3)
    everyone.progress("answers", 1, 2)
    everyone.metrics({"objective": 1.0})
    everyone.event(EVENTS[0])
    assert read_log(tmp_path / "log.jsonl") == EVENTS[:1]
    assert len(read_lines(tmp_path / "metrics.jsonl")) == 1
    assert Ledger(tmp_path / "cost.json").cost.llm_calls == ledger.cost.llm_calls == 3
