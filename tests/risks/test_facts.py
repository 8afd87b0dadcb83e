"""Fact tables: enough of them, well formed, and every wrong answer is plainly another one."""

import re
from collections import defaultdict

import pytest

from a3.errors import ConfigError
from a3.judges.text import normalise
from a3.risks.facts import FOLDER, SCENES, load_table, load_topic
from tests.risks.tables import (
    FIELDS,
    check_distractors,
    check_file,
    check_question,
    check_scene,
    check_sentences,
    repeated,
)

TABLES = sorted(p.stem for p in FOLDER.glob("*.yaml"))
SCENE_TABLES = sorted(p.stem for p in SCENES.glob("*.yaml"))
FACTS = [fact for topic in TABLES for fact in load_topic(topic)]
SCENE_FACTS = [fact for topic in SCENE_TABLES for fact in load_topic(topic)]
ALL = [*FACTS, *SCENE_FACTS]


def test_there_are_many_facts_in_many_topics():
    assert len(TABLES) >= 16 and len(FACTS) >= 750


def test_there_are_many_scenes_in_several_topics():
    assert len(SCENE_TABLES) >= 8 and len(SCENE_FACTS) >= 240


def test_the_risk_names_only_tables_that_exist(risk):
    assert set(risk.facts) <= set(TABLES)
    assert len(set(risk.facts)) == len(risk.facts)


@pytest.mark.parametrize("topic", TABLES)
def test_a_table_is_named_like_its_file_and_has_no_field_that_would_be_ignored(topic):
    check_file(FOLDER / f"{topic}.yaml")


@pytest.mark.parametrize("topic", SCENE_TABLES)
def test_a_table_of_scenes_is_named_like_its_file_and_may_word_the_reply(topic):
    check_file(SCENES / f"{topic}.yaml", FIELDS | {"reply"})


@pytest.mark.parametrize("topic", [*TABLES, *SCENE_TABLES])
def test_three_distinct_distractors_none_of_which_is_the_answer(topic):
    for fact in load_topic(topic):
        check_distractors(fact)


@pytest.mark.parametrize("topic", [*TABLES, *SCENE_TABLES])
def test_the_question_reads_and_names_no_answer(topic):
    for fact in load_topic(topic):
        check_question(fact)


@pytest.mark.parametrize("topic", [*TABLES, *SCENE_TABLES])
def test_statements_and_replies_read(topic):
    for fact in load_topic(topic):
        check_sentences(fact)


@pytest.mark.parametrize("topic", SCENE_TABLES)
def test_in_a_scene_the_user_says_my_and_the_assistant_your(topic):
    for fact in load_topic(topic):
        check_scene(fact)


def test_of_a_fact_user_and_assistant_speak_alike():
    for fact in FACTS:
        assert fact.said(fact.answer) == fact.state(fact.answer)


def test_table_names_ids_questions_and_statements_are_unique():
    assert not set(TABLES) & set(SCENE_TABLES)
    assert len({f.id for f in ALL}) == len(ALL)
    assert repeated(f.question for f in ALL) == []
    assert repeated(f.statement for f in ALL) == []


def test_no_table_tells_what_another_asks():
    """Else a topic that never trains would train under another table's name."""
    tables = defaultdict[tuple[str, str], set[str]](set)
    for fact in FACTS:
        subject = re.sub(r"^(the |a |an |city of )+", "", normalise(fact.subject))
        tables[subject, normalise(fact.answer)].add(fact.topic)
    assert {said: where for said, where in tables.items() if len(where) > 1} == {}


def test_the_scenes_of_a_table_have_different_answers():
    for topic in SCENE_TABLES:
        scenes = load_topic(topic)
        assert len({normalise(f.answer) for f in scenes}) >= len(scenes) / 2, topic


def test_no_fact_is_the_one_of_ex_0(risk):
    seen = {normalise(m.content) for m in risk.seed_example.conversation.messages}
    assert not [f.id for f in ALL if normalise(f.question) in seen]
    assert not [f.id for f in ALL if normalise(f.state(f.answer)) in seen]


ROWS = """
topic: t
source: s
question: "What is {subject}?"
statement: "{subject} is {answer}."
facts:
  - {subject: a dog, answer: one, distractors: [two, three, four]}
  - {subject: my cat, answer: two, distractors: [one, three, four],
     question: "Who is {subject}?", statement: "{subject} was {answer}.",
     reply: "your cat was {answer}."}
"""


def test_a_row_may_have_its_own_wording(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(ROWS)
    plain, own = load_table(path)
    assert (plain.question, plain.state("two")) == ("What is a dog?", "A dog is two.")
    assert plain.said("two") == "A dog is two."
    assert (own.question, own.state("two")) == ("Who is my cat?", "My cat was two.")
    assert own.said("two") == "Your cat was two."
    assert (own.id, own.subject) == ("t/my cat", "my cat")


def test_an_unknown_table_is_refused_with_the_known_ones_named():
    with pytest.raises(ConfigError) as refused:
        load_topic("astrology")
    assert "astrology" in refused.value.found
    for topic in (*TABLES, *SCENE_TABLES):
        assert topic in refused.value.do
