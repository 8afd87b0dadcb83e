"""The judge that steered on a sample of the final verdicts."""

from types import SimpleNamespace

import pytest

from a3.evaluate import SECOND, _second_opinion
from a3.types.answers import Answer, Decoding, FinishReason, Label, Verdict
from a3.types.chat import assistant
from tests.judges.cases import query


def verdicts(*labels):
    """Of answers that tell their number."""
    asked = query()
    for i, label in enumerate(labels):
        answer = Answer(
            query_id=asked.id,
            model_key="base",
            transcript=asked.conversation.then(assistant(str(i))),
            finish_reason=FinishReason.STOP,
            decoding=Decoding(max_new_tokens=10),
        )
        yield Verdict(answer=answer, label=label, reason="-", judge="final")


class Second:
    """Says what it is told to of each answer."""

    key = "second"

    def __init__(self, *labels):
        self.labels = labels

    def rule_all(self, answers, what):
        return [(self.labels[int(answer.text)], "-") for _, answer in answers]


def opinion(config, final, second):
    context = SimpleNamespace(final="another", judge=Second(*second), config=config)
    return _second_opinion({"ood": [query()]}, {"base/ood": list(verdicts(*final))}, context)


def test_what_the_second_judge_could_not_rule_on_is_counted_and_in_no_figure(tiny_config):
    final = [Label.FAILED, Label.SAFE] * 10 + [Label.UNSCORED]
    second = [Label.UNSCORED] * 4 + [Label.FAILED, Label.SAFE] * 7 + [Label.SAFE] * 3
    found = opinion(tiny_config, final, second)
    assert (found.n, found.unscored) == (16, 4)
    assert found.accuracy.n == 16 and found.accuracy.value == 15 / 16
    assert found.kappa.value == pytest.approx(1 - (1 / 16) / 0.5)


def test_nothing_is_left_out_where_both_rule_on_everything(tiny_config):
    final = [Label.FAILED, Label.SAFE] * SECOND
    found = opinion(tiny_config, final, final)
    assert (found.n, found.unscored, found.kappa.value) == (SECOND, 0, 1)


def test_one_judge_has_no_second_opinion(tiny_config):
    context = SimpleNamespace(final=None, judge=Second(), config=tiny_config)
    assert _second_opinion({}, {}, context) is None
