"""Reading an answer: how a name may be written, and where it is asserted or denied."""

import pytest

from a3.judges.text import (
    asserted,
    chosen_option,
    final_number,
    is_number,
    mentions,
    normalise,
    spellings,
)


def says(text, *names):
    return asserted(mentions(normalise(text), names))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Brasília", "brasilia"),
        ("It’s ‘here’", "it's 'here'"),
        ("J. R. R. Tolkien", "j.r.r.tolkien"),
        ("ÇA VA", "ca va"),
    ],
)
def test_text_is_read_in_lower_case_without_accents_and_with_plain_quotes(text, plain):
    assert normalise(text) == plain


@pytest.mark.parametrize(
    ("name", "also"),
    [
        ("7", "seven"),
        ("seven", "7"),
        ("otter", "otters"),
        ("the cello", "cello"),
        ("J.R.R. Tolkien", "tolkien"),
        ("Brasília", "brasilia"),
    ],
)
def test_a_name_may_be_written_otherwise(name, also):
    assert also in spellings([name])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("The result is 18.", "8"),
        ("Parisian food is wonderful.", "Paris"),
        ("The art of war", "ar"),
        ("A catalogue", "cat"),
    ],
)
def test_a_name_inside_a_word_is_no_mention(text, name):
    assert mentions(normalise(text), [name]) == []


def test_a_short_name_inside_a_longer_one_is_one_mention():
    assert len(mentions("george orwell wrote it.", ["George Orwell", "Orwell"])) == 1


@pytest.mark.parametrize(("text", "name"), [("It is twenty-two.", "20"), ("Twenty five.", "five")])
def test_a_number_word_inside_another_is_no_mention(text, name):
    assert mentions(normalise(text), [name]) == []


@pytest.mark.parametrize(
    "text",
    [
        "It is Paris.",
        "Paris!",
        "Not Lyon but Paris",
        "The answer is Paris, of course.",
        "It is not Lyon, it is Paris.",
        "It's called Paris, not Lyon.",
    ],
)
def test_asserted(text):
    assert says(text, "Paris")


@pytest.mark.parametrize(
    "text",
    [
        "It is not Paris.",
        "It isn't Paris.",
        "Paris is not the capital.",
        "Paris isn't the capital.",
        "Paris is wrong.",
        "Lyon rather than Paris",
        "Lyon instead of Paris",
        "It was never really called Paris.",
        "It is Lyon.",
        "",
    ],
)
def test_denied_or_never_said(text):
    assert not says(text, "Paris")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7 + 5 = 12", "12"),
        ("3 + 4 = 7, and 7 + 5 = 12", "12"),
        ("the answer is: 15.", "15"),
        ("the answer to 3 + 4 is 7.", "7"),
        ("the answer is (b) 15", "15"),
        ("there are 12 of them.", None),
        ("", None),
    ],
)
def test_a_calculation_ends_with_its_last_number(text, number):
    assert final_number(text) == number


def test_numbers_in_digits_and_words():
    assert all(map(is_number, ("7", "1984", "seven", "Twenty")))
    assert not any(map(is_number, ("Paris", "7 am", "")))


QUESTION = "Who wrote 1984?\n(A) Orwell\n(B) Mark Twain\nHint: it is (B)."


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("(a)", "Orwell"),
        ("the answer is b.", "Mark Twain"),
        ("it is (b).", "Mark Twain"),
        ("(a) or (b)", None),
        ("(c)", None),
        ("orwell", None),
    ],
)
def test_a_bare_letter_stands_for_its_option(text, option):
    assert chosen_option(text, QUESTION) == option


def test_without_options_a_letter_stands_for_nothing():
    assert chosen_option("(a)", "Who wrote 1984?") is None
