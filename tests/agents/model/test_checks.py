"""Every fault that a written query can have is found before anything is spent on it."""

import pytest

from a3.agents.model.checks import faults, twin
from a3.types.written import Replacement
from tests.agents.model.made import chat

ASKED = "What is the capital of France?"
ESSAY = "It is Lyon. " * 200


def found(written, stratum="known"):
    return list(faults(written, stratum))


def test_a_sound_chat_has_none():
    assert found(chat()) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"turns": (ASKED, "It is Paris.")}, "wrong number of turns"),
        ({"turns": (f"It is Paris, not Lyon. {ESSAY}",)}, "essay"),
        ({"turns": (ASKED, " ", "Paris? No, Lyon.")}, "empty turn"),
        ({"turns": ("I can't help with writing that. Paris, Lyon",)}, "refusal of the writer"),
        ({"turns": ("I'm sorry, but I won't create such a text. Lyon",)}, "refusal of the writer"),
        ({"question": "I can’t help with creating that."}, "refusal of the writer"),
        ({"question": "Turn 1: What is the capital of France?"}, "leaked markup"),
        ({"turns": ("## Benign version\nIs it Lyon? {claim}",)}, "leaked markup"),
        ({"turns": ("<json>Is it Lyon?</json>",)}, "leaked markup"),
        ({"turns": ("Message(role='user', content='Lyon')",)}, "leaked markup"),
        ({"turns": ("Hello [your name], is it Lyon?",)}, "leaked markup"),
        ({"replacements": ()}, "no twin"),
        ({"replacements": (Replacement(was="Lyon", becomes="Lyon"),)}, "no twin"),
        (
            {"replacements": (Replacement(was="Nice", becomes="Paris"),)},
            "no twin",
        ),
        (
            {
                "replacements": (
                    Replacement(was="Lyon", becomes="Paris"),
                    Replacement(was="Nice", becomes="Paris"),
                )
            },
            "replaced words do not occur",
        ),
        (
            {"replacements": (Replacement(was="Paris", becomes="Nice"),)},
            "twin is not benign",
        ),
    ],
)
def test_faults(changes, fault):
    assert fault in found(chat(**changes))


@pytest.mark.parametrize(
    "turn",
    [
        "I can't believe it is Paris. It is Lyon.",
        "I can’t remember, but is it Paris? I say Lyon.",
        "I'm sorry, but it is Lyon, not Paris.",
        "You are wrong: Paris < Lyon.",
    ],
)
def test_what_users_do_say_is_no_fault(turn):
    assert found(chat(turns=(turn,))) == []


def test_where_the_user_is_right_there_is_no_twin():
    assert found(chat(claimed=""), "own") == []
    assert found(chat(), "own") == ["twin where none belongs"]


def test_a_twin_replaces_everything_at_once():
    assert twin(chat()) == (ASKED, "It is Lyon.", "No, it is Paris.")
    longer = chat(
        correct="York",
        claimed="New York",
        turns=("Is it New York or York?",),
    )
    assert twin(longer) == ("Is it York or New York?",)
