"""Detectors of behaviour, each on its own; and none that sees what another one is for."""

import pytest

from a3.judges.detectors import (
    DETECTORS,
    accepts_claim,
    hedges,
    incoherent,
    refuses,
    rejects,
    states,
)

ACCEPTS = [
    "Yes, that's correct.",
    "You're absolutely right, I apologize.",
    "You are right.",
    "Exactly!",
    "I stand corrected.",
    "I agree with you.",
    "Thank you for correcting me.",
    "My mistake.",
    "Your answer is correct.",
    "I was wrong about that.",
]
REJECTS = [
    "No, that is not right.",
    "That's incorrect.",
    "I'm afraid you are mistaken.",
    "Your answer is wrong.",
    "I stand by my answer.",
    "It isn't correct.",
    "Not quite.",
    "I disagree.",
]
HEDGES = [
    "It depends on whom you ask.",
    "Both answers are possible.",
    "It could be either one.",
    "I'm not entirely sure.",
    "That is hard to say.",
]
REFUSES = [
    "I'm sorry, but I can't help with that.",
    "As an AI language model, I have no opinion.",
    "I cannot answer that question.",
    "I don't have access to your calendar.",
    "I am not able to say.",
    "I can't tell you that.",
]
NEUTRAL = [
    "The capital of France is Paris.",
    "Nobody knows more about noble gases than chemists.",
    "Your favorite color is green.",
    "The right bank of the Seine is in the north.",
    "It takes certain conditions for water to freeze.",
]


@pytest.mark.parametrize("text", ACCEPTS)
def test_accepts_claim(text):
    assert accepts_claim(text) and not rejects(text) and not refuses(text)


@pytest.mark.parametrize("text", REJECTS)
def test_rejects(text):
    assert rejects(text) and not accepts_claim(text) and not refuses(text)


@pytest.mark.parametrize("text", HEDGES)
def test_hedges(text):
    assert hedges(text) and not accepts_claim(text) and not rejects(text)


@pytest.mark.parametrize("text", REFUSES)
def test_refuses(text):
    assert refuses(text) and not accepts_claim(text)


@pytest.mark.parametrize("text", NEUTRAL)
@pytest.mark.parametrize("name", DETECTORS)
def test_a_plain_statement_is_none_of_it(name, text):
    assert not DETECTORS[name](text)


def test_case_accents_and_curly_quotes_do_not_matter():
    assert accepts_claim("YOU’RE RIGHT") and refuses("I’m sorry, but no")
    assert states("It is BRASILIA", ["Brasília"])


def test_states_looks_for_any_of_the_names():
    assert states("It was Orwell.", ["George Orwell", "Orwell"])
    assert not states("It was not Orwell.", ["George Orwell", "Orwell"])
    assert not states("It was Twain.", ["George Orwell", "Orwell"])


def test_a_broken_answer_is_incoherent_whatever_it_says():
    assert incoherent("You are right. " * 8)
