"""Training answers where clean ones do not suffice: an agent writes, or the target is steered."""

import json
from collections import Counter

import pytest

from a3.agents.respond import CLEAN, respond
from a3.judges.rules import RuleJudge
from a3.types.crew import Crew
from a3.types.events import ResponsesMade
from a3.types.llm import CallFailed, ChatReply, FailureKind, ReplyStop
from a3.types.trials import GENERAL
from tests.agents.test_respond import (
    FACTS,
    SMALL_TALK,
    Answering,
    clean,
    queries,
    said,
    with_respond,
)
from tests.conftest import compose
from tests.observers import Heard


@pytest.fixture
def config(tiny_config):
    budget = tiny_config.budget.model_copy(update={"general": 8})
    return tiny_config.model_copy(update={"budget": budget})


class Writer:
    """An agent that writes the right answer, or refuses."""

    key = "writer"

    def __init__(self, refuse=False):
        self.refuse, self.asked = refuse, []

    async def reply(self, requests, what):
        self.asked += requests
        return [self._one(request) for request in requests]

    def _one(self, request):
        if self.refuse:
            return CallFailed(kind=FailureKind.REFUSED, reason="no")
        known = json.loads(request.conversation.last.content)["right answer"]
        return ChatReply(text=json.dumps({"answer": f"It is {known}."}), stop=ReplyStop.END)


def with_agent(config, **respond):
    agent = compose("agent=claude").agent
    return with_respond(config, **respond).model_copy(update={"agent": agent})


def sources_of(config, crew, train, answers):
    found = respond(config, train, answers, crew)
    return Counter(e.source for e in found.examples if e.stratum not in {GENERAL, CLEAN})


def test_an_agent_writes_what_it_is_asked_to(config, risk, rng):
    writer = Writer()
    crew = Crew(Answering(), RuleJudge(risk), Heard(), writer)
    train = queries(risk, rng)
    assert sources_of(with_agent(config, source="agent"), crew, train, []) == {"agent": len(train)}
    assert len(writer.asked) == len(train)
    assert all(
        risk.desired_behaviour[q.kind] in r.system for q, r in zip(train, writer.asked, strict=True)
    )


def test_where_the_target_has_too_few_answers_the_agent_helps_out(config, risk, rng):
    writer = Writer()
    crew = Crew(Answering(), RuleJudge(risk), Heard(), writer)
    train = queries(risk, rng)
    wrong = {f.id: said("I do not know.") for f in FACTS[1:]}
    found = sources_of(with_agent(config, min_yield=0.3), crew, train, clean(wrong))
    assert found == {"self": 2, "agent": len(train) - 2} and len(writer.asked) == len(train) - 2
    # With enough of its own, nobody is asked.
    asked = len(writer.asked)
    few = {FACTS[0].id: said("I do not know.")}
    assert set(sources_of(with_agent(config), crew, train, clean(few))) == {"self"}
    assert len(writer.asked) == asked


def test_an_agent_that_will_not_write_leaves_the_hypothesis_uncovered(config, risk, rng):
    crew = Crew(Answering(), RuleJudge(risk), Heard(), Writer(refuse=True))
    train = queries(risk, rng)
    found = respond(with_agent(config, source="agent"), train, [], crew)
    assert found.uncovered == ("H1",)
    (event,) = (e for e in crew.observer.events if isinstance(e, ResponsesMade))
    assert event.unwritten == {"refused": len(train)}


class Steerable(Answering):
    """Gives the right answer only if a system turn asks for it, and not at its first try."""

    def generate(self, conversations, decoding, what):
        self.asked += conversations
        right = {f.question: f.state(f.answer) for f in FACTS}
        return [self._samples(c, right, decoding.samples) for c in conversations]

    def _samples(self, conversation, right, n):
        text = " ".join(m.content for m in conversation.messages)
        told = next((a for q, a in right.items() if q in text), SMALL_TALK)
        steered = conversation.messages[0].role == "system"
        return [said(told if steered and i == n - 1 else "Hmm.") for i in range(n)]


def test_where_no_clean_answer_is_accepted_the_target_is_steered(config, risk, rng):
    train = [q for q in queries(risk, rng) if q.kind == "harmful"]
    crew = Crew(Steerable(), RuleJudge(risk), Heard())
    found = respond(with_respond(config, steered=3), train, [], crew)
    learned = [e for e in found.examples if e.stratum not in {GENERAL, CLEAN}]
    assert {e.source for e in learned} == {"steered"} and len(learned) == len(train)
    for example in learned:
        # It learns to answer so without the help, as it answered with it.
        assert example.conversation.messages[0].role == "user"
        assert example.teacher.messages[0].role == "system"
        assert example.teacher.messages[1:] == example.conversation.messages[:-1]
    assert not [e for e in found.examples if e.stratum == CLEAN]
    none = respond(with_respond(config, steered=0), train, [], crew)
    assert none.uncovered == ("H1",)


class Paid(RuleJudge):
    """Rules like the rules, for money."""

    free = False

    def __init__(self, risk):
        super().__init__(risk)
        self.asked = 0

    def rule_all(self, answers, what):
        self.asked += len(answers)
        return super().rule_all(answers, what)


def test_a_paid_judge_is_asked_only_where_there_is_a_doubt(config, risk, rng):
    train, judge = queries(risk, rng), Paid(risk)
    sure = clean()
    doubtful = [c.model_copy(update={"known": False}) for c in sure]
    crew = Crew(Answering(), judge, Heard())
    assert sources_of(config, crew, train, sure) == {"self": len(train)} and judge.asked == 0
    assert sources_of(config, crew, train, doubtful) == {"self": len(train)}
    assert judge.asked == len(train)


def test_a_paid_judge_still_turns_wrong_doubtful_answers_away(config, risk, rng):
    wrong = {f.id: said(f.state(f.distractors[0])) for f in FACTS}
    doubtful = [c.model_copy(update={"known": False}) for c in clean(wrong)]
    crew = Crew(Answering(), Paid(risk), Heard())
    found = respond(config, queries(risk, rng), doubtful, crew)
    assert not [e for e in found.examples if e.source == "self" and e.stratum == "harmful"]
