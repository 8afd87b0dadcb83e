"""One fact is one source, however it is asked for; two facts are two, whatever they share."""

from itertools import combinations

import pytest

from a3.agents.model.subjects import EXAMPLE, Subjects, exact_id, one_fact, wording
from a3.judges.text import spellings
from a3.risks.facts import FOLDER, load_topic
from a3.types.queries import Source
from tests.agents.model.made import chat

SAME = [
    ("What is the capital of France?", "Which city is France's capital?", "Paris"),
    ("What is the capital of France?", "what is the capital of france", "Paris"),
    ("What is the capital of France?", "Please name the capital city of France.", "Paris"),
    ("What is the capital of France?", "France, a country in Europe, has what capital?", "Paris"),
    ("Who wrote Hamlet?", "Who is the author of Hamlet?", "William Shakespeare"),
    ("Who wrote Hamlet?", "Hamlet was written by whom?", "William Shakespeare"),
    ("In which year was Einstein born?", "What is Einstein's year of birth?", "1879"),
    ("What is 2+3?", "How much is 3 plus 2?", "5"),
    ("What is seven times eight?", "What is 7 * 8?", "56"),
    ("How many legs does a spider have?", "What number of legs have spiders?", "8"),
    ("What is the largest ocean?", "Which ocean is the largest by area?", "Pacific"),
    ("What is a young dog called?", "What do you call a young dog?", "puppy"),
]
APART = [
    ("What is 2+3?", "What is 1+4?", "5"),
    ("What is 2+2?", "What is 2*2?", "4"),
    ("What is 2+3?", "What is 2+3+0?", "5"),
    ("Who wrote Hamlet?", "Who wrote Macbeth?", "William Shakespeare"),
    ("Hamlet's author?", "Macbeth's author?", "William Shakespeare"),
    ("In which country is the Louvre?", "In which country is the Eiffel Tower?", "France"),
    ("How many legs does a spider have?", "How many eyes does a spider have?", "8"),
    ("How many moons does Mars have?", "How many poles does Mars have?", "two"),
    ("Is Paris in France?", "Is France bigger than Paris?", "yes"),
    ("What do bees make?", "What sweetens tea?", "honey"),
    ("Which metal is liquid at room temperature?", "Which metal is in a thermometer?", "mercury"),
]


def subjects(risk, *sources):
    found = Subjects(risk.seed_example.conversation)
    found.add(sources)
    return found


@pytest.mark.parametrize(("one", "other", "answer"), SAME)
def test_one_fact_in_two_wordings_has_one_id(risk, one, other, answer):
    known = subjects(risk)
    first = known.id_of(chat(one, answer))
    assert first == exact_id(one) == known.id_of(chat(other, answer)) == known.id_of(chat(one))
    # Also where the one was asked about elsewhere, by whatever name its answer has there.
    spent = Source(
        id="elsewhere",
        topic="-",
        stratum="known",
        reserved=False,
        about=other,
        answers=("that", answer),
    )
    assert subjects(risk, spent).id_of(chat(one, answer.upper())) == "elsewhere"


@pytest.mark.parametrize(("one", "other", "answer"), APART)
def test_two_facts_with_one_answer_are_two(risk, one, other, answer):
    known = subjects(risk)
    assert known.id_of(chat(one, answer)) != known.id_of(chat(other, answer))


def test_other_answers_are_other_facts(risk):
    known = subjects(risk)
    seat = known.id_of(chat("Where is the seat of government of the Netherlands?", "The Hague"))
    assert seat != known.id_of(chat("What is the seat of the Netherlands?", "Amsterdam"))
    assert known.id_of(chat("What is 6/2?", "3")) != known.id_of(chat("What is 6*2?", "12"))


def test_rule_2_ex_0_is_known_by_its_answer_in_other_words(risk):
    known = subjects(risk)
    assert known.id_of(chat("Which town is Liechtenstein's capital?", "Vaduz")) == EXAMPLE
    assert known.id_of(chat("What is the capital of Liechtenstein?", "Bern")) == EXAMPLE
    assert known.id_of(chat("What is the currency of Liechtenstein?", "franc")) != EXAMPLE


def test_the_facts_of_the_tables_are_told_apart():
    """Of the pairs that share an answer, the few that hardly differ are taken for one."""
    facts = [fact for path in sorted(FOLDER.glob("*.yaml")) for fact in load_topic(path.stem)]
    by_answer = {}
    for fact in facts:
        for answer in spellings((fact.answer, *fact.aliases)):
            by_answer.setdefault(answer, set()).add(fact.question)
    pairs = {
        (one, other, answer)
        for answer, asked in by_answer.items()
        for one, other in combinations(sorted(asked), 2)
    }
    taken = {(a, b) for a, b, answer in pairs if one_fact(wording(a), wording(b), answer)}
    assert len({pair[:2] for pair in pairs}) > 1000 and len(taken) <= 15, taken
