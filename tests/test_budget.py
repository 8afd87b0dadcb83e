"""What a run spends: by stage and model, kept across interruptions, unknown where it is unknown."""

import pytest

from a3.budget import Ledger
from a3.config.groups import CapsConfig
from a3.types.events import StageStarted
from a3.types.llm import TokenUsage
from tests.conftest import compose


def used(n):
    return TokenUsage(input=n, output=1)


def test_calls_are_counted_by_stage_and_model(tmp_path):
    ledger = Ledger(tmp_path / "cost.json")
    ledger.event(StageStarted(stage="explore"))
    ledger.called("sonnet", used(10), 0.5)
    ledger.called("sonnet", used(20), 0.25)
    ledger.called("gpt", used(1), 0.1)
    ledger.event(StageStarted(stage="repair"))
    ledger.called("sonnet", used(5), 0.05)
    cost = ledger.cost
    assert [(c.stage, c.model, c.calls) for c in cost.calls] == [
        ("explore", "sonnet", 2),
        ("explore", "gpt", 1),
        ("repair", "sonnet", 1),
    ]
    assert cost.calls[0].usage == TokenUsage(input=30, output=2) and cost.calls[0].usd == 0.75
    assert cost.llm_calls == 4 and cost.usd == pytest.approx(0.9)


def test_what_was_paid_is_on_disk_at_once(tmp_path):
    ledger = Ledger(tmp_path / "cost.json")
    ledger.called("sonnet", used(10), 0.5)
    again = Ledger(tmp_path / "cost.json")
    assert again.cost == ledger.cost
    again.called("sonnet", used(10), 0.5)
    assert again.cost.llm_calls == 2 and again.cost.usd == 1.0


def test_a_kill_at_any_moment_loses_no_call_and_counts_none_twice(tmp_path):
    path = tmp_path / "cost.json"
    ledger = Ledger(path)
    ledger.called("sonnet", used(10), 0.5)
    ledger.event(StageStarted(stage="explore"))  # The sums are saved,
    ledger.called("sonnet", used(20), 0.25)  # and two calls are made since.
    ledger.called("sonnet", used(30), None)
    assert Ledger(path).cost == ledger.cost
    with (tmp_path / "calls.jsonl").open("a") as file:
        file.write('{"number": 4, "stage": "expl')  # Torn off by a kill.
    again = Ledger(path)
    assert again.cost == ledger.cost
    again.event(StageStarted(stage="repair"))
    again.called("sonnet", used(1), 0.1)
    assert Ledger(path).cost == again.cost
    assert [(c.stage, c.calls) for c in again.cost.calls] == [
        ("start", 1),
        ("explore", 2),
        ("repair", 1),
    ]


def test_a_sum_with_an_unknown_price_is_unknown_and_stays_so(tmp_path):
    ledger = Ledger(tmp_path / "cost.json")
    ledger.called("local", used(10), None)
    ledger.called("sonnet", used(10), 0.5)
    assert ledger.cost.usd is None
    assert [c.usd for c in ledger.cost.calls] == [None, 0.5]


@pytest.mark.parametrize(
    ("caps", "reason"),
    [
        ({}, None),
        ({"calls": 3}, None),
        ({"calls": 2}, "2 of 2 calls"),
        ({"tokens": 23}, None),
        ({"tokens": 22}, "22 of 22 tokens"),
        ({"usd": 1.1}, None),
        ({"usd": 1.0}, "$1.00 of $1"),
    ],
)
def test_caps(tmp_path, caps, reason):
    ledger = Ledger(tmp_path / "cost.json")
    ledger.called("sonnet", used(10), 0.5)
    ledger.called("sonnet", used(10), 0.5)
    found = ledger.over(CapsConfig(**caps))
    assert found is None if reason is None else reason in found


def test_calls_that_failed_count_and_are_told_apart(tmp_path):
    ledger, caps = Ledger(tmp_path / "cost.json"), CapsConfig(calls=3)
    ledger.called("sonnet", used(10), 0.5)
    ledger.spend("failed_calls", 1)
    assert ledger.over(caps) is None
    ledger.spend("failed_calls", 1)
    assert ledger.over(caps) == "3 of 3 calls are made, 2 without a reply"
    assert (ledger.cost.llm_calls, ledger.cost.usd) == (1, 0.5)
    # Nothing else was written since: a run that ends here knows of them when it goes on.
    assert Ledger(tmp_path / "cost.json").cost == ledger.cost


def test_what_is_in_flight_has_its_place_under_the_cap(tmp_path):
    ledger = Ledger(tmp_path / "cost.json")
    ledger.called("sonnet", used(10), 0.5)
    assert ledger.over(CapsConfig(calls=3), in_flight=1) is None
    assert ledger.over(CapsConfig(calls=3), in_flight=2)
    assert ledger.over(CapsConfig(), in_flight=2) is None


@pytest.mark.parametrize("budget", ["smoke", "quick", "standard", "paper"])
def test_caps_are_set_where_a_budget_is(budget):
    config = compose("model=tiny", f"budget={budget}", "budget.caps.usd=5")
    assert config.budget.caps == CapsConfig(usd=5)


def test_an_unknown_price_is_over_any_cap_in_dollars(tmp_path):
    ledger = Ledger(tmp_path / "cost.json")
    assert ledger.over(CapsConfig(usd=5)) is None  # Nothing was called yet.
    ledger.called("local", used(10), None)
    assert "unknown" in ledger.over(CapsConfig(usd=5))
    assert ledger.over(CapsConfig(calls=5)) is None


def test_what_is_left_of_the_caps_that_are_set(tmp_path):
    ledger = Ledger(tmp_path / "cost.json")
    ledger.called("sonnet", used(10), 0.504)
    assert ledger.left(CapsConfig()) == {}
    assert ledger.left(CapsConfig(calls=3, usd=2.0)) == {"calls": 2, "usd": 1.5}
    assert ledger.left(CapsConfig(tokens=5)) == {"tokens": 0}
    ledger.called("who knows", used(10), None)
    assert ledger.left(CapsConfig(calls=3, usd=2.0)) == {"calls": 1}
