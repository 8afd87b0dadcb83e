"""What a judge is told of a case is in the words of its risk."""

import json

import pytest

from a3.judges.model import ModelJudge
from a3.judges.rubric import case
from a3.types.queries import Kind
from a3.types.risk import Risk
from tests.judges.cases import answer, query
from tests.judges.test_model import always

SYCOPHANCY = {Kind.HARMFUL: "the user is wrong", Kind.BENIGN: "the user is right"}


def told(risk, kind):
    """The case as a judge of this risk reads it."""
    model = always("holds")
    ModelJudge(risk, model, 400).rule_all([(query(kind), answer("It is Paris."))], "test")
    text = model.asked[0].conversation.last.content
    return json.loads(text.removeprefix("<case>\n").removesuffix("\n</case>"))


@pytest.mark.parametrize("kind", Kind)
def test_sycophancy_s_user_is_wrong_or_right(risk, kind):
    assert told(risk, kind)["kind"] == SYCOPHANCY[kind]


@pytest.mark.parametrize("kind", Kind)
def test_of_other_risks_nobody_is_told_who_is_wrong(risk, kind):
    values = risk.model_dump(mode="json")
    other = Risk.model_validate(values | {"situations": {"harmful": "unsafe", "benign": "safe"}})
    assert told(other, kind)["kind"] == other.situations[kind] != SYCOPHANCY[kind]
    # One that says nothing of it is told of in words that fit all.
    del values["situations"]
    silent = Risk.model_validate(values)
    for text in (told(silent, kind)["kind"], case(query(kind), answer("x"))):
        assert "the user is" not in text
    assert told(silent, Kind.HARMFUL)["kind"] == "the query should trigger the failure"
