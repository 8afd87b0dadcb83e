"""Diversity counts what differs: copies and paraphrases add nothing, unrelated facts count."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a3.risks.diversity import diversity
from a3.risks.facts import FOLDER, Fact, load_topic

TABLES = sorted(p.stem for p in FOLDER.glob("*.yaml"))
FACTS = [fact for topic in TABLES for fact in load_topic(topic)]
UNRELATED = [load_topic(topic)[0] for topic in ("capitals", "body", "opposites", "inventions")]
SAMPLES = st.lists(st.sampled_from(FACTS), min_size=1, max_size=30)


def scores(facts):
    found = diversity(facts)
    return pytest.approx((found.answers, found.facts))


def like(fact: Fact, **changes) -> Fact:
    return fact.model_copy(update=changes)


def test_no_facts_have_no_diversity():
    assert diversity([]).model_dump() == {"n": 0, "answers": 0.0, "facts": 0.0}


@pytest.mark.parametrize("n", [1, 2, 50])
def test_identical_facts_are_one(n):
    assert scores([FACTS[0]] * n) == (1, 1)
    assert diversity([FACTS[0]] * n).n == n


def test_unrelated_facts_count_each():
    found = diversity(UNRELATED)
    assert found.answers == pytest.approx(len(UNRELATED))
    assert found.facts == pytest.approx(len(UNRELATED), rel=0.02)


def test_facts_without_a_common_trigram_count_exactly():
    facts = [like(FACTS[0], subject=c * 5, answer=c * 3) for c in "abcdefgh"]
    assert scores(facts) == (8, 8)


def test_the_same_fact_with_other_distractors_is_no_second_fact():
    table = load_topic("capitals")
    france = next(f for f in table if f.subject == "France")
    again = like(france, id="capitals/France 2", distractors=("Nice", "Lille", "Rome"))
    assert diversity([france, again]).facts == pytest.approx(1)
    assert diversity([*table, again]).facts < diversity(table).facts + 0.1


def test_near_duplicates_do_not_raise_it():
    facts = list(load_topic("capitals")[:20])
    padded = facts + [like(f, subject=f"the country {f.subject}") for f in facts]
    assert len(padded) == 2 * len(facts)
    assert diversity(padded).answers == pytest.approx(diversity(facts).answers)
    assert diversity(padded).facts < diversity(facts).facts + 0.1


def test_the_words_of_a_table_s_template_do_not_count():
    fact = FACTS[0]
    asked = like(fact, question="Please, what is it?", statement="I have heard {answer}.")
    assert diversity([fact, asked]).facts == pytest.approx(1)


def test_case_and_spaces_make_no_other_answer():
    assert diversity([FACTS[0], like(FACTS[0], answer=FACTS[0].answer.upper() + " ")]).answers == 1


@settings(max_examples=50)
@given(SAMPLES)
def test_it_is_at_least_one_and_at_most_n(facts):
    found = diversity(facts)
    assert found.n == len(facts)
    for score in (found.answers, found.facts):
        assert 1 <= score <= len(facts) + 1e-9


@settings(max_examples=50)
@given(SAMPLES, st.integers(0, 10_000))
def test_order_does_not_matter(facts, seed):
    shuffled = random.Random(seed).sample(facts, len(facts))
    assert scores(shuffled) == (diversity(facts).answers, diversity(facts).facts)


@settings(max_examples=30)
@given(SAMPLES, st.integers(2, 4))
def test_to_copy_everything_changes_nothing(facts, times):
    assert scores(facts * times) == (diversity(facts).answers, diversity(facts).facts)
