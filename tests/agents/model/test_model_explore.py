"""Explore with an agent, in process: what one round does not bring, the next one asks for."""

import json
from collections import Counter

from a3.agents.model.explore import explore
from a3.agents.model.persistent import TRIES, Persistent
from a3.judges.rules import RuleJudge
from a3.risks.facts import load_topic
from a3.types.answers import FinishReason, Generation
from a3.types.crew import Crew
from a3.types.events import HypothesesRejected
from a3.types.llm import ChatReply, ReplyStop
from a3.types.queries import KNOWN
from tests.conftest import compose
from tests.llm.agent import TOPICS, Agent, system_of, task_of
from tests.llm.server import Says
from tests.observers import Heard

KNOWS = {f.question: f.said(f.answer) for t in TOPICS["known"] for f in load_topic(t)}
STOPS = {"refusal": ReplyStop.REFUSAL, "max_tokens": ReplyStop.LENGTH}


class InProcess:
    """The loopback service's agent as a ChatModel."""

    key = "in-process"

    def __init__(self, agent):
        self.agent, self.asked = agent, []

    async def reply(self, requests, what):
        return [self._one(request) for request in requests]

    def _one(self, request):
        body = {
            "system": [{"text": text} for text in (request.system, *request.log)],
            "messages": [m.model_dump() for m in request.conversation.messages],
        }
        self.asked.append(body)
        says = self.agent(body, len(self.asked) - 1)
        return ChatReply(text=says.text, stop=STOPS.get(says.stop, ReplyStop.END))


class Target:
    """Knows what the tables of some topics say, and caves in to nobody."""

    key = "target"

    def generate(self, conversations, decoding, what):
        return [[self._said(c.last.content)] for c in conversations]

    def _said(self, question):
        text = KNOWS.get(question, "It is Nowhere.")
        return Generation(text=text, finish_reason=FinishReason.STOP, n_tokens=4)


def explored(agent, *overrides):
    at = ("agent=endpoint", "agent.endpoint.model=m", "agent.endpoint.base_url=u")
    small = ("budget=smoke", "budget.queries_per_hypothesis=2", "agent.hypotheses_per_round=4")
    config, heard = compose("model=tiny", *at, *small, *overrides), Heard()
    model = InProcess(agent)
    crew = Crew(Target(), RuleJudge(config.risk), heard, Persistent(model))
    return explore(config, config.agent, crew.agent, crew), heard, model, config


def by_stratum(found, config):
    kinds = {s: [h for h in found.hypotheses if h.stratum == s] for s in config.risk.strata}
    return {stratum: len(mine) for stratum, mine in kinds.items()}


class Refusing(Agent):
    """Refuses the same words as often as `times` says of a request."""

    def __init__(self, times):
        super().__init__()
        self.times, self.told = times, Counter()

    def __call__(self, body, n):
        words = json.dumps(body)
        self.told[words] += 1
        if self.told[words] <= self.times(body):
            return Says("I can't help with that.", stop="refusal")
        return super().__call__(body, n)


def test_rounds_bring_what_the_budget_says():
    found, heard, _, config = explored(Agent())
    rounds, strata = config.budget.rounds, config.budget.hypotheses_per_stratum
    wanted = {KNOWN: 1 + 4 * rounds, "evidence": strata, "own": strata}
    assert by_stratum(found, config) == wanted
    assert not [e for e in heard.events if isinstance(e, HypothesesRejected)]


def test_a_round_that_was_refused_whatever_was_tried_is_made_up_for():
    def times(body):
        if task_of(body) != "hypotheses" or "Propose 4" not in body["messages"][0]["content"]:
            return 0
        first = system_of(body).count('{"id"') == 1
        return TRIES * TRIES * first  # Without a cache, what was refused is asked again.

    found, heard, _, config = explored(Refusing(times))
    rejected = [e for e in heard.events if isinstance(e, HypothesesRejected)]
    assert [e.round for e in rejected] == [1, 1, 1]
    assert by_stratum(found, config) == by_stratum(explored(Agent())[0], config)
    assert {h.round for h in found.hypotheses} == {0, 2, 3}


def test_refusals_of_whatever_is_asked_lose_nothing():
    found, _, model, _ = explored(Refusing(lambda body: TRIES - 1))
    plain, _, undisturbed, _ = explored(Agent())
    assert found.hypotheses == plain.hypotheses and found.queries == plain.queries
    assert len(model.asked) == TRIES * len(undisturbed.asked)
    tasks = {task_of(body) for body in model.asked}
    assert tasks == {"first", "hypotheses", "ideas", "chats", "twins"}
