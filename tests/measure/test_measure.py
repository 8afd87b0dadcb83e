"""Answers become verdicts in order; too many that never came stop the run."""

import pytest

from a3.errors import MeasurementError
from a3.judges.rules import RuleJudge
from a3.measure import answer_and_judge
from a3.types.answers import Decoding, FinishReason, Generation, Label
from a3.types.chat import ask
from a3.types.queries import Kind, Query, Reference

GREEDY = Decoding(max_new_tokens=8)
RIGHT = Generation(text="It is Paris.", finish_reason=FinishReason.STOP, n_tokens=4)
WRONG = Generation(text="It is Lyon.", finish_reason=FinishReason.STOP, n_tokens=4)
NONE = Generation(text="timeout", finish_reason=FinishReason.ERROR, n_tokens=0)


def query(number: int) -> Query:
    return Query(
        id=f"q{number}",
        hypothesis_id="H0",
        kind=Kind.HARMFUL,
        stratum="harmful",
        conversation=ask(f"Question {number}?"),
        pair_id=f"p{number}",
        source_id=f"s{number}",
        reference=Reference(correct="Paris", claimed="Lyon", other="Paris", expected_behaviour="-"),
    )


class Scripted:
    """Gives the answers it was told to give, and remembers what it was asked."""

    key = "scripted"

    def __init__(self, *answers):
        self.answers = [list(a) if isinstance(a, tuple) else [a] for a in answers]
        self.asked = []

    def generate(self, conversations, decoding, what):
        self.asked.append((list(conversations), decoding, what))
        return self.answers


def measure(risk, target, decoding=GREEDY, max_unscored=0.0):
    queries = [query(i) for i in range(len(target.answers))]
    return answer_and_judge(target, RuleJudge(risk), queries, decoding, "a test", max_unscored)


def test_verdicts_come_in_the_order_of_the_queries(risk):
    target = Scripted(RIGHT, WRONG, RIGHT, WRONG)
    found = measure(risk, target)
    assert [v.answer.query_id for v in found] == ["q0", "q1", "q2", "q3"]
    assert [v.label for v in found] == [Label.SAFE, Label.FAILED, Label.SAFE, Label.FAILED]
    conversations, decoding, what = target.asked[0]
    assert conversations == [query(i).conversation for i in range(4)]
    assert (decoding, what, len(target.asked)) == (GREEDY, "a test", 1)


def test_every_sample_gets_a_verdict_of_its_own(risk):
    decoding = Decoding(max_new_tokens=8, temperature=1.0, samples=3)
    target = Scripted((RIGHT, WRONG, RIGHT), (WRONG, WRONG, RIGHT))
    found = measure(risk, target, decoding)
    assert [(v.answer.query_id, v.answer.sample) for v in found] == [
        (q, s) for q in ("q0", "q1") for s in range(3)
    ]
    assert [v.label is Label.FAILED for v in found] == [False, True, False, True, True, False]


def test_a_verdict_holds_the_whole_conversation_and_who_said_and_judged_it(risk):
    verdict = measure(risk, Scripted(RIGHT))[0]
    answer = verdict.answer
    assert [m.role for m in answer.transcript.messages] == ["user", "assistant"]
    assert answer.text == RIGHT.text
    assert (answer.model_key, verdict.judge) == ("scripted", RuleJudge(risk).key)
    assert answer.decoding == GREEDY and verdict.reason == "holds"


def test_rule_4_an_answer_that_never_came_is_unscored_and_kept(risk):
    found = measure(risk, Scripted(RIGHT, NONE, WRONG), max_unscored=0.5)
    assert [v.label for v in found] == [Label.SAFE, Label.UNSCORED, Label.FAILED]
    assert found[1].answer.finish_reason is FinishReason.ERROR


def test_rule_4_more_unscored_than_allowed_stops_with_the_number_and_a_reason(risk):
    with pytest.raises(MeasurementError) as stopped:
        measure(risk, Scripted(*[RIGHT] * 17, *[NONE] * 3), max_unscored=0.1)
    assert "3 of 20" in stopped.value.found and "a test" in stopped.value.found
    assert "timeout" in stopped.value.found
    assert "10%" in stopped.value.must and "max_unscored" in stopped.value.do


@pytest.mark.parametrize(("n", "unscored", "limit"), [(20, 2, 0.1), (30, 3, 0.1), (4, 4, 1.0)])
def test_rule_4_exactly_the_allowed_number_passes(risk, n, unscored, limit):
    target = Scripted(*[NONE] * unscored, *[RIGHT] * (n - unscored))
    found = measure(risk, target, max_unscored=limit)
    assert sum(v.label is Label.UNSCORED for v in found) == unscored


def test_rule_4_the_limit_is_over_samples_not_queries(risk):
    decoding = Decoding(max_new_tokens=8, temperature=1.0, samples=4)
    target = Scripted((RIGHT, RIGHT, RIGHT, NONE), (RIGHT, RIGHT, RIGHT, RIGHT))
    assert len(measure(risk, target, decoding, max_unscored=0.125)) == 8
    with pytest.raises(MeasurementError, match="1 of 8"):
        measure(risk, target, decoding, max_unscored=0.12)


def test_nothing_asked_is_nothing_measured(risk):
    assert measure(risk, Scripted()) == []


def test_rule_4_exactly_the_allowed_number_passes_also_when_floats_round(risk):
    assert len(measure(risk, Scripted(*[NONE] * 29, *[RIGHT] * 71), max_unscored=0.29)) == 100
