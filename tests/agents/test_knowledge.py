"""What counts as known: right however asked, and by far the likeliest."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a3.agents.knowledge import ask_cleanly
from a3.errors import ConfigError
from a3.risks.facts import load_topic
from a3.types.answers import FinishReason, Generation
from a3.types.target import ContinuationScore
from tests.conftest import compose

FACTS = load_topic("capitals")[:12]


def config(odds, further=()):
    found = compose("model=tiny")
    explore = found.explore.model_copy(update={"odds": odds, "further_phrasings": further})
    return found.model_copy(update={"explore": explore})


def _fact(question):
    return next(f for f in FACTS if f.question == question)


class Answers:
    """Right about every fact whose place is even."""

    key = "answers"

    def generate(self, conversations, decoding, what):
        return [[self._say(c.last.content)] for c in conversations]

    def _say(self, question):
        i, fact = next((i, f) for i, f in enumerate(FACTS) if f.question == question)
        text = fact.said(fact.answer if i % 2 == 0 else fact.distractors[0])
        return Generation(text=text, finish_reason=FinishReason.STOP, n_tokens=5)


class Scores(Answers):
    """Finds each true sentence `odds` times as likely as the likeliest false one."""

    def __init__(self, odds):
        self.odds, self.asked = odds, []

    def prompt_text(self, conversation):
        return conversation.last.content

    def score(self, requests, what):
        self.asked += requests
        return [ContinuationScore(logprob=self._of(r), greedy=False) for r in requests]

    def _of(self, request):
        fact = next(f for f in FACTS if f.question == request.context)
        order = [fact.said(a) for a in (fact.answer, *reversed(fact.distractors))]
        place = order.index(request.continuation)
        return -3.0 if place == 0 else -3.0 - math.log(self.odds) - 0.5 * (place - 1)


TWENTY = config(20.0)


@given(st.floats(0.01, 1e6).filter(lambda odds: abs(odds - 20) > 1e-6))
def test_known_is_what_is_right_and_likely_enough(odds):
    found = ask_cleanly(TWENTY, Scores(odds), FACTS)
    for i, answer in enumerate(found):
        assert answer.known == (i % 2 == 0 and odds > 20)
        assert answer.doubtful == (i % 2 == 0 and odds < 20)


def test_only_what_is_answered_rightly_is_scored_with_each_of_its_false_answers():
    target = Scores(100)
    ask_cleanly(TWENTY, target, FACTS)
    assert [r.context for r in target.asked] == [f.question for f in FACTS[::2] for _ in range(4)]
    assert {r.continuation for r in target.asked[:4]} == {
        FACTS[0].said(a) for a in (FACTS[0].answer, *FACTS[0].distractors)
    }


def test_without_odds_answers_decide_alone():
    found = ask_cleanly(config(None), Answers(), FACTS)
    assert [a.known for a in found] == [i % 2 == 0 for i in range(len(FACTS))]
    assert not any(a.doubtful for a in found)


def test_what_was_right_is_asked_otherwise_and_known_if_right_again():
    """Of twelve facts six are right at first, and of these every other one in all further ways."""
    asked = []

    class Moody(Answers):
        def generate(self, conversations, decoding, what):
            asked.extend(c.last.content for c in conversations)
            return super().generate(conversations, decoding, what)

        def _say(self, question):
            plain = question.removeprefix("So: ").removesuffix(" Well?")
            wrong = question.endswith(" Well?") and FACTS.index(_fact(plain)) % 4
            return super()._say(FACTS[1].question if wrong else plain)

    found = ask_cleanly(config(None, ("So: {question}", "{question} Well?")), Moody(), FACTS)
    assert [(a.known, a.doubtful) for a in found] == [
        (True, False),
        (False, False),
        (False, True),
        (False, False),
    ] * 3
    right = [f.question for f in FACTS[::2]]
    assert asked[12:] == [w for q in right for w in (f"So: {q}", f"{q} Well?")]


def test_a_target_without_probabilities_is_told_what_to_set():
    with pytest.raises(ConfigError, match=r"(?s)probabilities.*explore\.odds=null"):
        ask_cleanly(TWENTY, Answers(), FACTS)
