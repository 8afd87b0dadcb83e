"""What a run would cost, told beforehand: counts follow from the configuration."""

import pytest

from a3.estimate import calls, counts, told
from tests.conftest import compose

KEYED = ("agent=claude", "judge=claude")


def by_kind(*overrides):
    return {c.kind: c for c in calls(compose(*overrides))}


def test_offline_nobody_is_called():
    assert calls(compose()) == [] and told(compose()) == "no calls to any API, $0"


def test_every_kind_of_call_of_the_published_system():
    found = by_kind("model=qwen7b")
    agent = {"hypotheses", "ideas", "chats", "twins", "split", "proposals"}
    assert set(found) == {*agent, "verdicts"}
    assert all(c.n > 0 and c.tokens_in > 0 and c.tokens_out > 0 for c in found.values())
    assert set(by_kind("model=qwen7b", "respond=agent")) == {*agent, "answers", "verdicts"}
    assert "proposals" not in by_kind("model=qwen7b", "search=tpe")


def test_votes_multiply_verdicts_and_nothing_else():
    one, three = by_kind("model=qwen7b"), by_kind("model=qwen7b", "judge.votes=3")
    assert three["verdicts"].n == 3 * one["verdicts"].n
    assert {k: c for k, c in one.items() if k != "verdicts"} == {
        k: c for k, c in three.items() if k != "verdicts"
    }


def test_method_none_judges_no_trial():
    many, none = by_kind("model=qwen7b"), by_kind("model=qwen7b", "method=none")
    nothing = counts(compose("model=qwen7b", "method=none"))
    assert (nothing.trials, nothing.measured) == (0, 0)
    assert none["verdicts"].n < many["verdicts"].n


def test_soups_are_judged_like_trials():
    with_soups, without = by_kind("model=qwen7b"), by_kind("model=qwen7b", "search.soup=[]")
    validation = counts(compose("model=qwen7b")).validation
    assert with_soups["verdicts"].n - without["verdicts"].n == 2 * validation


@pytest.mark.parametrize("who", ["agent", "judge"])
def test_an_unknown_price_is_unknown(who):
    assert "dollars unknown" in told(compose("model=qwen7b", f"{who}.endpoint.price=null"))


def test_dollars_are_tokens_times_price():
    free = "{input: 0, output: 0}"
    text = told(compose(*KEYED, f"agent.endpoint.price={free}", "judge.endpoint.price.output=0"))
    (judge,) = (c for c in calls(compose(*KEYED)) if c.who == "judge")
    assert "$0.00" in text and f"${2 * judge.tokens_in / 1e6:,.2f}" in text


def test_the_price_of_one_model_is_not_another_s():
    assert "dollars unknown" in told(compose("model=qwen7b", "agent.endpoint.model=other"))
    free = "{input: 0, output: 0}"
    named = ("model=qwen7b", "agent.endpoint.model=other", f"agent.endpoint.price={free}")
    assert "dollars unknown" not in told(compose(*named, "agent.endpoint.price.model=other"))


def test_a_target_behind_an_endpoint_is_called_too():
    at = "model.source.endpoint"
    served = ("model=endpoint", "method=none", f"{at}.model=m", f"{at}.base_url=u")
    offline = (*served, "agent=offline", "judge=rules", "budget=smoke")
    (target,) = calls(compose(*offline))
    assert (target.who, target.n > 0, target.tokens_out > 0) == ("target", True, True)
    assert "of m as target" in told(compose(*offline)) and "dollars unknown" in told(
        compose(*offline)
    )
