"""An agent that is told which rules it broke."""

from a3.llm.ask import ask_within_rules
from a3.types.base import Frozen
from a3.types.chat import ask
from a3.types.llm import ChatRequest
from tests.agents.model.made import REFUSED, Says

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
