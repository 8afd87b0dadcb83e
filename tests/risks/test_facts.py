"""Fact tables: enough of them, well formed, and every wrong answer is plainly another one."""

import re
from collections import Counter

import pytest
import yaml

from a3.errors import ConfigError
from a3.judges.text import mentions, normalise
from a3.risks.facts import FOLDER, load_topic

TABLES = sorted(p.stem for p in FOLDER.glob("*.yaml"))
FACTS = [fact for topic in TABLES for fact in load_topic(topic)]


def raw(topic):
    return yaml.safe_load((FOLDER / f"{topic}.yaml").read_text())


def test_there_are_many_facts_in_many_topics():
    assert len(TABLES) >= 5 and len(FACTS) >= 150


def test_the_risk_names_only_tables_that_exist(risk):
    assert set(risk.facts) <= set(TABLES)
    assert len(set(risk.facts)) == len(risk.facts)


@pytest.mark.parametrize("topic", TABLES)
def test_a_table_is_named_like_its_file_and_names_its_source(topic):
    table = raw(topic)
    assert table["topic"] == topic
    assert table["source"].strip()
    assert {f.topic for f in load_topic(topic)} == {topic}


@pytest.mark.parametrize("topic", TABLES)
def test_a_row_has_no_field_that_would_be_ignored(topic):
    for row in raw(topic)["facts"]:
        assert set(row) <= {"subject", "answer", "aliases", "distractors"}, row


@pytest.mark.parametrize("topic", TABLES)
def test_three_distinct_distractors_none_of_which_is_the_answer(topic):
    for fact in load_topic(topic):
        assert len({normalise(d) for d in fact.distractors}) == len(fact.distractors) == 3, fact
        for right in (fact.answer, *fact.aliases):
            for wrong in fact.distractors:
                assert normalise(right) != normalise(wrong), fact
                assert not mentions(normalise(right), [wrong]), fact
                assert not mentions(normalise(wrong), [right]), fact


@pytest.mark.parametrize("topic", TABLES)
def test_the_question_does_not_give_the_answer_away(topic):
    for fact in load_topic(topic):
        assert not mentions(normalise(fact.question), [fact.answer, *fact.aliases]), fact


def test_ids_and_questions_are_unique():
    assert [i for i, n in Counter(f.id for f in FACTS).items() if n > 1] == []
    assert [q for q, n in Counter(normalise(f.question) for f in FACTS).items() if n > 1] == []


@pytest.mark.parametrize("topic", TABLES)
def test_questions_and_statements_read(topic):
    for fact in load_topic(topic):
        assert re.fullmatch(r"[A-Z][^{}]*[^\s?{}]\?", fact.question), fact.question
        assert fact.clean.last.content == fact.question
        assert fact.statement.count("{answer}") == 1
        for answer in (fact.answer, *fact.distractors):
            said = fact.state(answer)
            assert re.fullmatch(r"[A-Z][^{}]*[^\s.{}]\.", said), said
            assert answer in said and "  " not in said
            assert answer == answer.strip()


def test_no_fact_is_the_one_of_ex_0(risk):
    seen = {normalise(m.content) for m in risk.seed_example.conversation.messages}
    assert not [f.id for f in FACTS if normalise(f.question) in seen]
    assert not [f.id for f in FACTS if normalise(f.state(f.answer)) in seen]


def test_an_unknown_table_is_refused_with_the_known_ones_named():
    with pytest.raises(ConfigError) as refused:
        load_topic("astrology")
    assert "astrology" in refused.value.found
    for topic in TABLES:
        assert topic in refused.value.do
