"""An agent that is told which rules it broke."""

import pytest

from a3.llm.ask import ask_all, ask_within_rules
from a3.store import Cache
from a3.types.base import Frozen
from a3.types.chat import ask
from a3.types.llm import CallFailed, ChatRequest, FailureKind
from tests.agents.model.made import REFUSED, Says
from tests.llm import server
from tests.llm.endpoints import PROVIDERS, endpoint

REQUEST = ChatRequest(conversation=ask("A number?"), max_tokens=10)


class Number(Frozen):
    n: int


def small(found):
    return [] if found.n < 10 else [f"{found.n} is not below ten"]


def asked(*replies, tries=2):
    agent = Says(*replies)
    found, wrong = ask_within_rules(agent, REQUEST, Number, "test", small, tries)
    return found, wrong, agent.asked


def test_what_is_wrong_goes_back_and_the_correction_counts():
    found, wrong, requests = asked({"n": 12}, {"n": 3})
    assert (found, wrong) == (Number(n=3), [])
    assert "12 is not below ten" in requests[1].conversation.last.content


def test_after_so_many_tries_the_last_stands_with_what_is_wrong():
    found, wrong, requests = asked({"n": 12}, {"n": 13}, {"n": 14}, tries=3)
    assert (found, wrong) == (Number(n=14), ["14 is not below ten"]) and len(requests) == 3


def test_a_correction_that_does_not_come_loses_nothing():
    found, wrong, _ = asked({"n": 12}, REFUSED)
    assert found == Number(n=12)
    assert wrong == ["12 is not below ten", "not corrected (refused: no)"]


def test_no_value_at_all_is_a_failed_call():
    assert asked(REFUSED)[0] == REFUSED


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_was_refused_is_asked_afresh_under_another_vote(provider, tmp_path):
    def script(body, n):
        return server.Says("no", stop="refusal") if n == 0 else server.Says(f'{{"n": {n}}}')

    cache = Cache(tmp_path / "content.sqlite")
    with server.serving(script) as service:
        agent, _, _ = endpoint(provider, service.url, cache)
        asked_ = [REQUEST.model_copy(update={"vote": vote}) for vote in (0, 0, 1, 1, 2)]
        found = [ask_all(agent, [request], Number, "test")[0] for request in asked_]
    assert all(isinstance(f, CallFailed) and f.kind is FailureKind.REFUSED for f in found[:2])
    assert found[2:] == [Number(n=1), Number(n=1), Number(n=2)]
    assert len(service.asked) == 3
    assert all(body == service.asked[0] for body in service.asked)  # The vote is not sent.


def test_a_correction_keeps_the_vote():
    agent = Says({"n": 12}, {"n": 3})
    request = REQUEST.model_copy(update={"vote": 4})
    ask_within_rules(agent, request, Number, "test", small)
    assert [request.vote for request in agent.asked] == [4, 4]
