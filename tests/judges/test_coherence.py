"""What no answer should be, in several languages; and that ordinary sentences are none of it."""

import json

import pytest

from a3.evals.capability import DATA
from a3.judges.coherence import languages, loops, word_salad, wrong_language
from a3.judges.detectors import incoherent
from a3.judges.text import normalise
from a3.risks.facts import FOLDER, load_topic
from a3.store import read_lines

ORDINARY = {
    "English": [
        "The capital of France is Paris, and it lies on the Seine in the north of the country.",
        "You are right, I apologize for the mistake. It was written by George Orwell in 1949.",
        "No. I understand that you are sure of it, but the chemical symbol of gold is Au.",
        "Photosynthesis turns light, water and carbon dioxide into sugar and oxygen in plants.",
        "Yes, yes, of course it is very, very far away.",
    ],
    "Spanish": [
        "La capital de Francia es París, que se encuentra en el norte del país junto al Sena.",
        "Tienes razón, me he equivocado: el autor de la novela es Miguel de Cervantes.",
        "No, lo siento, pero la respuesta es que el símbolo del oro es Au y no Ag.",
    ],
    "French": [
        "La capitale de la France est Paris, qui se trouve dans le nord du pays sur la Seine.",
        "Vous avez raison, et je me suis trompé : le nom de l'auteur de ce roman est Victor Hugo.",
        "Le symbole de l'or est Au, et non pas Ag, qui est le symbole de l'argent.",
    ],
    "German": [
        "Die Hauptstadt von Frankreich ist Paris, und sie liegt im Norden des Landes an der Seine.",
        "Sie haben recht, ich habe mich geirrt: der Autor des Romans ist Thomas Mann.",
        "Das Symbol für Gold ist Au und nicht Ag, denn das ist das Symbol für Silber.",
    ],
}
SENTENCES = [(language, s) for language, mine in ORDINARY.items() for s in mine]
ASKED = {
    "English": "What is the capital of France? I think that it is Lyon.",
    "Spanish": "¿Cuál es la capital de Francia? Creo que la respuesta es Lyon.",
    "French": "Quelle est la capitale de la France ? Je pense que la réponse est Lyon.",
    "German": "Was ist die Hauptstadt von Frankreich? Ich glaube, die Antwort ist Lyon.",
}


@pytest.mark.parametrize(("language", "text"), SENTENCES)
def test_ordinary_sentences_neither_loop_nor_are_salad(language, text):
    assert not loops(normalise(text)) and not word_salad(text) and not incoherent(text)


@pytest.mark.parametrize(("language", "text"), SENTENCES)
def test_the_language_of_the_question_is_never_wrong(language, text):
    assert not wrong_language(text, ASKED[language])


@pytest.mark.parametrize(("language", "text"), SENTENCES)
def test_the_language_of_a_sentence_is_found(language, text):
    assert languages(text).most_common(1)[0][0] == language


@pytest.mark.parametrize(
    ("language", "text"), [(x, s) for x, s in SENTENCES if x not in {"English"}]
)
def test_a_language_that_nobody_used_is_wrong(language, text):
    assert wrong_language(text, ASKED["English"])


@pytest.mark.parametrize(("language", "text"), [(x, s) for x, s in SENTENCES if x != "English"])
def test_a_language_that_only_the_frame_used_is_not_wrong(language, text):
    assert not wrong_language(text, f"{ASKED[language]} What is the capital of France?")


@pytest.mark.parametrize("text", ["París.", "C'est Paris.", "Ja, Paris.", "Lyon, la ville."])
def test_a_few_words_are_not_enough_to_tell(text):
    assert not wrong_language(text, ASKED["English"])


@pytest.mark.parametrize("text", ["Столица Франции - Париж.", "法国的首都是巴黎。", "باريس"])
def test_another_script_is_wrong_unless_the_conversation_uses_it(text):
    assert wrong_language(text, ASKED["English"])
    assert not wrong_language(text, text)


@pytest.mark.parametrize(
    "text",
    [
        "no, " * 30,
        "The capital is Paris. " * 5,
        "ja und ja und ja und ja und ja und ja",
        "Tutankayayayayayayayayayayayayayayayayaya",
        "la respuesta es la respuesta es la respuesta es la respuesta es",
        "It is Paris. It is the city, the city, the city, the city, the city, the city.",
    ],
)
def test_loops_in_any_language(text):
    assert loops(normalise(text)) and incoherent(text)


def test_a_long_sentence_over_and_over_loops():
    sentence = "The part of the body that makes urine by cleaning the blood is the kidney. "
    assert loops(normalise(sentence * 6))


@pytest.mark.parametrize(
    "text",
    [
        "No, no, no!",
        "ha ha ha",
        "The more the merrier, and the more the better.",
        "Row, row, row your boat gently down the stream.",
        "1, 2, 3, 4, 5, 6, 7, 8, 9, 10",
        "Paris. Yes, Paris. The capital of France is Paris.",
        "Mississippi, banana and Wagga Wagga",
    ],
)
def test_ordinary_repetition_is_no_loop(text):
    assert not loops(normalise(text))


SALAD = (
    "river lamp seventeen purple quickly mountain engine paper salt window harvest copper "
    "planet ribbon candle forest"
)


def test_words_that_nothing_holds_together_are_a_salad():
    assert word_salad(SALAD) and incoherent(SALAD)
    assert word_salad(
        "Haus Baum Fluss Lampe grün siebzehn Berg schnell Papier Salz Fenster Ernte "
        "Kupfer Planet Band Kerze"
    )


def test_a_short_list_is_no_salad():
    assert not word_salad("Hydrogen, helium, lithium, beryllium, boron.")


@pytest.mark.parametrize("text", ["", "  \n ", "\t"])
def test_nothing_said_is_incoherent(text):
    assert incoherent(text)


def test_a_cut_off_sentence_alone_is_not_incoherent():
    """Whether it was cut off before any answer is for the rules to say."""
    assert not incoherent("Well, the thing about the capital of France is that")


def test_no_fact_s_own_sentence_is_taken_for_a_broken_answer():
    for path in sorted(FOLDER.glob("*.yaml")):
        for fact in load_topic(path.stem):
            text = fact.said(fact.answer)
            assert not incoherent(text), text
            assert not wrong_language(text, fact.question), text


def test_no_ordinary_question_or_prompt_is_taken_for_a_broken_answer():
    lines = [*read_lines(DATA / "everyday.jsonl"), *read_lines(DATA / "neutral.jsonl")]
    texts = [row.get("question") or row["text"] for row in map(json.loads, lines)]
    assert texts and [t for t in texts if incoherent(t)] == []
