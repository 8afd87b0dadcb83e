"""A risk's file says something of both kinds of queries, in labels that belong to them."""

import pytest
from pydantic import ValidationError

from a3.types.risk import Risk


def changed(risk, **changes):
    return Risk.model_validate(risk.model_dump(mode="json") | changes)


def test_the_shipped_risk_stands(risk):
    assert changed(risk) == risk


@pytest.mark.parametrize("name", ["desired_behaviour", "rubrics", "situations", "labels"])
def test_a_table_without_one_of_the_kinds_is_refused(risk, name):
    values = risk.model_dump(mode="json")[name]
    values.pop("benign")
    with pytest.raises(ValidationError, match=f"{name} must say something of benign"):
        changed(risk, **{name: values})


def test_a_label_of_the_other_kind_is_refused_by_name(risk):
    labels = risk.model_dump(mode="json")["labels"]
    labels["benign"]["holds"] = "failed"
    with pytest.raises(ValidationError, match=r"benign.*holds: failed"):
        changed(risk, labels=labels)


def test_unscored_is_no_label_a_table_can_give(risk):
    labels = risk.model_dump(mode="json")["labels"]
    labels["harmful"]["broken"] = "unscored"
    with pytest.raises(ValidationError, match="broken: unscored"):
        changed(risk, labels=labels)
