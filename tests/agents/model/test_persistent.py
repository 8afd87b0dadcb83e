"""What an agent refuses is drawn again, a few times, and each draw is paid for once."""

import asyncio
from collections import Counter

from a3.agents.model.persistent import TRIES, Persistent
from a3.llm.endpoint import Endpoint
from a3.llm.line import Line
from a3.llm.openai_compatible import OpenAICompatible
from a3.store import Cache
from a3.types.chat import ask
from a3.types.llm import ChatRequest, ReplyStop
from tests.agents.model.made import REFUSED, Says
from tests.llm import server
from tests.llm.endpoints import spec


def request(text):
    return ChatRequest(conversation=ask(text), max_tokens=50)


def said(model, *texts):
    return asyncio.run(model.reply([request(t) for t in texts], "test"))


def test_what_was_refused_is_drawn_again_and_the_rest_stands():
    agent = Says("one", REFUSED, "three", "two")
    found = said(Persistent(agent), "1", "2", "3")
    assert [reply.text for reply in found] == ["one", "two", "three"]
    assert [(r.conversation.last.content, r.vote) for r in agent.asked] == [
        ("1", 0),
        ("2", 0),
        ("3", 0),
        ("2", 1),
    ]


def test_after_so_many_draws_a_refusal_stands():
    agent = Says(REFUSED)
    assert said(Persistent(agent), "1") == [REFUSED]
    assert [r.vote for r in agent.asked] == list(range(TRIES))


def test_refusals_that_were_paid_for_are_found_again_and_what_followed_them(tmp_path):
    asked = Counter()

    def script(body, n):
        text = body["messages"][-1]["content"]
        asked[text] += 1
        refuses = text == "never" or asked[text] < TRIES
        return server.Says("No." if refuses else "Yes.", stop="refusal" if refuses else "end_turn")

    cache = Cache(tmp_path / "content.sqlite")
    with server.serving(script) as service:
        made = spec("openai_compatible", service.url)
        for _ in range(2):  # The second time as after a resume.
            endpoint = Endpoint(made, OpenAICompatible(made, None), Line(cache))
            found = said(Persistent(endpoint), "at last", "never")
            assert [r.stop for r in found] == [ReplyStop.END, ReplyStop.REFUSAL]
    assert asked == {"at last": TRIES, "never": TRIES}
