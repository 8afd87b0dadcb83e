"""Beliefs: many relations, apart from every fact; and twins in which only who is right differs."""

import re
from collections import Counter

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from a3.agents import beliefs as module
from a3.agents.beliefs import DATA, beliefs
from a3.agents.respond import _example
from a3.judges.text import normalise
from a3.risks.facts import FOLDER, load_table, load_topic
from a3.risks.grammar import load_grammar
from a3.types.answers import FinishReason, Generation
from a3.types.chat import ask
from a3.types.queries import Hypothesis
from tests.agents.test_respond import SETS, plain
from tests.conftest import ROOT

TABLE = yaml.safe_load(DATA.read_text())
THINGS = [(relation, thing) for relation, its in TABLE.items() for thing in its]
WORDS = {thing: f"the {i}th word" for i, thing in enumerate(dict.fromkeys(t for _, t in THINGS))}


class Holding:
    """A target that holds something different of everything, or answers as it is told to."""

    key = "holding"

    def __init__(self, answer=None):
        self.answer = answer or (lambda subject, thing: f"{subject} is {WORDS[thing]}, I think.")
        self.asked = []

    def generate(self, conversations, decoding, what):
        self.asked += conversations
        things = {f"What is {relation} {thing}?": (relation, thing) for relation, thing in THINGS}
        return [[said(self._of(*things[c.last.content]))] for c in conversations]

    def _of(self, relation, thing):
        subject = f"{relation} {thing}"
        return self.answer(subject[0].upper() + subject[1:], thing)


def said(text):
    return Generation(text=text, finish_reason=FinishReason.STOP, n_tokens=9)


def hypothesis(structure, stratum="known"):
    return Hypothesis(
        id=f"H {structure}",
        statement="-",
        rationale="-",
        parent_id=None,
        tags=(f"structure:{structure}", "topic:capitals"),
        round=1,
        stratum=stratum,
    )


def config_of(tiny_config, n=4, **more):
    respond = tiny_config.respond.model_copy(update={"beliefs": n})
    return tiny_config.model_copy(update={"respond": respond, **more})


def question(example):
    assert example.teacher is not None
    return example.teacher.last.content


@pytest.fixture
def config(tiny_config):
    return config_of(tiny_config)


def made(config, *structures, target=None):
    found = beliefs(config, [hypothesis(s) for s in structures], target or Holding())
    return [_example(query, draft) for query, draft in found]


def test_there_are_many_relations_of_some_things_each():
    assert len(TABLE) >= 30 and len(THINGS) >= 200
    assert all(len(set(its)) == len(its) >= 4 for its in TABLE.values())


def test_rule_2_no_belief_is_asked_for_elsewhere():
    questions = {plain(f"What is {relation} {thing}?") for relation, thing in THINGS}
    assert len(questions) == len(THINGS)
    for members in SETS.values():
        assert not questions & {plain(text) for text in members}


@pytest.mark.parametrize("folder", [FOLDER, ROOT / "benchmarks" / "lockbox" / "facts"])
def test_rule_1_no_relation_is_one_that_a_table_asks_for(folder):
    facts = [fact for path in folder.glob("*.yaml") for fact in load_table(path)]
    assert facts
    for relation in TABLE:
        asked = f"what is {normalise(relation)} "
        assert not [f.id for f in facts if normalise(f.question).startswith(asked)], relation


def test_rule_1_no_relation_tells_what_kind_of_thing_something_is_or_a_sum():
    asked = [fact for name in ("kinds", "animal_groups") for fact in load_topic(name)]
    for relation in TABLE:
        assert not {f.answer for f in asked if f" {f.answer} " in f" {relation} "}, relation
    assert not [thing for _, thing in THINGS if re.search("[0-9]", thing)]


def test_the_user_is_wrong_and_right_by_what_the_target_says(config):
    found = made(config, "memory", "pushback")
    assert Counter(e.weight_group for e in found) == {
        f"belief {name}/{kind}": 4
        for name in ("memory", "pushback")
        for kind in ("harmful", "benign")
    }
    for wrong, right in zip(found[::2], found[1::2], strict=True):
        assert (wrong.stratum, right.stratum) == ("harmful_belief", "known_belief")
        (held,) = {w for w in WORDS.values() if f"is {w}," in wrong.conversation.last.content}
        *earlier, last = (m.content for m in wrong.conversation.messages[:-1])
        assert held not in last and all(held in e for e in earlier[1::2])
        assert held in right.conversation.messages[-2].content
        for example in (wrong, right):
            assert example.conversation.last == wrong.conversation.last
            assert example.teacher == ask(question(wrong))
            assert example.loss_spans == (len(example.conversation.messages) - 1,)
            assert example.source == "self" and not example.complete


def test_what_the_user_claims_is_said_of_another_thing_of_the_relation(config):
    for example in made(config_of(config, 40), "memory")[::2]:
        subject = question(example).removeprefix("What is ").removesuffix("?")
        (relation,) = [r for r in TABLE if subject.startswith(f"{r} ")]
        claimed = [
            t
            for t in TABLE[relation]
            if f" {WORDS[t]}." in example.conversation.messages[0].content
        ]
        assert len(claimed) == 1 and not subject.endswith(claimed[0])


def test_only_structures_that_train_are_used_and_none_of_other_strata(config):
    names = {e.weight_group.split("/")[0] for e in made(config, "memory")}
    assert names == {"belief memory"}
    other = next(n for n, s in load_grammar("sycophancy").items() if s.stratum == "own")
    target = Holding()
    assert beliefs(config, [hypothesis(other, "own")], target) == []
    assert made(config, "no such structure", target=target) == []
    assert made(config_of(config, 0), "memory", target=target) == [] == target.asked


def test_a_risk_without_a_grammar_has_none(config):
    bare = config.model_copy(update={"risk": config.risk.model_copy(update={"grammar": ""})})
    target = Holding()
    assert beliefs(bare, [hypothesis("memory")], target) == [] and not target.asked


def test_where_an_agent_writes_the_answers_there_are_none(config):
    respond = config.respond.model_copy(update={"source": "agent"})
    target = Holding()
    assert made(config.model_copy(update={"respond": respond}), "memory", target=target) == []
    assert not target.asked


def test_what_is_held_of_too_few_things_of_a_relation_is_no_belief(config):
    many = [f"The SI unit of {thing}" for thing in TABLE["the SI unit of"][:4]]
    few = [f"The height of {thing}" for thing in TABLE["the height of"][:3]]

    def of_some(subject, thing):
        return f"{subject} is {WORDS[thing]}." if subject in (*many, *few) else "I do not know."

    found = made(config_of(config, 99), "memory", target=Holding(of_some))
    assert {question(e) for e in found} == {f"What is t{subject[1:]}?" for subject in many}
    assert made(config, "memory", target=Holding(lambda *_: "")) == []


def test_where_answers_are_templates_beliefs_are_too(config):
    respond = config.respond.model_copy(update={"source": "template"})
    for example in made(config.model_copy(update={"respond": respond}), "memory"):
        assert example.conversation.last.content.startswith("The answer is the ")
        assert (example.source, example.teacher, example.complete) == ("template", None, True)


def test_a_seed_decides(config):
    one, two = config, config.model_copy(update={"seed": config.seed + 1})
    assert made(one, "memory") == made(one, "memory") != made(two, "memory")


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (
            "The size of x is about 2.5 m. Or more.",
            ("The size of x is about 2.5 m.", "about 2.5 m"),
        ),
        ('The size of x is "huge" (very).', ('The size of x is "huge" (very).', "huge")),
        ("The size of x is what that", ("The size of x is what that", "what")),
        ("An x is large.", None),
        ("The size of x is", None),
        ("The size of x is 1 2 3 4 5 6 7 8 9 10.", None),
    ],
)
def test_an_answer_is_read_up_to_its_first_sentence_and_its_first_few_words(answer, found):
    assert list(module._read("the size of x", answer)) == ([found] if found else [])


@given(st.text(max_size=60))
def test_whatever_an_answer_says_what_is_held_is_in_it(text):
    for first, held in module._read("the size of x", f"The size of x is {text}"):
        assert held in first and first in f"The size of x is {text}"
        assert 0 < len(held.split()) <= module.MOST_WORDS
