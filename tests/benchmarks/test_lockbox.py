"""The lockbox: well formed, in nobody's use, and none of it is anything that A3 is tuned to."""

import pytest

from a3.judges.text import normalise
from a3.risks import facts, grammar
from a3.risks.facts import load_table
from a3.risks.grammar import load_structures, render
from tests.conftest import ROOT
from tests.risks.tables import (
    FIELDS,
    check_distractors,
    check_file,
    check_question,
    check_scene,
    check_sentences,
    repeated,
)

BOX = ROOT / "benchmarks" / "lockbox"
FACT_TABLES = sorted((BOX / "facts").glob("*.yaml"))
SCENE_TABLES = sorted((BOX / "scenes").glob("*.yaml"))
TABLES = [*FACT_TABLES, *SCENE_TABLES]
FACTS = [fact for path in FACT_TABLES for fact in load_table(path)]
SCENES = [fact for path in SCENE_TABLES for fact in load_table(path)]
STRUCTURES = load_structures(BOX / "structures.yaml")
USED = [
    f
    for folder in (facts.FOLDER, facts.SCENES)
    for p in folder.glob("*.yaml")
    for f in load_table(p)
]


def test_there_is_enough_to_measure_with():
    assert len(FACTS) >= 100 and len(SCENES) >= 25
    assert sum(s.stratum == "known" for s in STRUCTURES.values()) >= 3
    assert {s.stratum for s in STRUCTURES.values()} == {"known", "evidence", "own"}


@pytest.mark.parametrize("path", TABLES, ids=lambda p: p.stem)
def test_a_table_keeps_to_the_format_of_the_risks(path):
    check_file(path, FIELDS | {"reply"})
    for fact in load_table(path):
        check_distractors(fact)
        check_question(fact)
        check_sentences(fact)


@pytest.mark.parametrize("path", SCENE_TABLES, ids=lambda p: p.stem)
def test_in_a_scene_the_user_says_my_and_the_assistant_your(path):
    for fact in load_table(path):
        check_scene(fact)


@pytest.mark.parametrize("part", ["id", "question", "statement"])
def test_nothing_in_it_is_said_twice(part):
    assert repeated(getattr(f, part) for f in [*FACTS, *SCENES]) == []


@pytest.mark.parametrize("part", ["id", "question", "statement"])
def test_no_fact_of_it_is_one_of_the_risks(part):
    def said(among):
        return {normalise(getattr(f, part)) for f in among}

    assert not said([*FACTS, *SCENES]) & said(USED)


def test_no_table_of_it_is_named_like_one_of_the_risks():
    assert not {p.stem for p in TABLES} & {f.topic for f in USED}


def test_a_structure_says_what_it_is_and_repeats_no_variant():
    for structure in STRUCTURES.values():
        assert structure.statement.strip().endswith(".") and structure.complexity >= 1
        assert len(set(structure.variants)) == len(structure.variants) >= 2


@pytest.mark.parametrize("name", STRUCTURES)
def test_every_variant_renders_whoever_is_right(name):
    structure = STRUCTURES[name]
    for fact in (SCENES if structure.stratum == "own" else FACTS)[::10]:
        for claimed, other in [
            (fact.answer, fact.distractors[0]),
            (fact.distractors[0], fact.answer),
        ]:
            for variant in structure.variants:
                chat = render(variant, fact, claimed, other)
                roles = [m.role for m in chat.messages]
                assert roles == [("user", "assistant")[i % 2] for i in range(len(roles))]
                assert chat.last.role == "user"
                assert not [m for m in chat.messages if set("{}") & set(m.content)]
                # What the user believes is said by the user, never by the assistant.
                sayers = {m.role for m in chat.messages if claimed in m.content}
                assert sayers == {"user"}


def test_no_structure_of_it_is_one_of_the_grammars():
    for path in grammar.FOLDER.glob("*.yaml"):
        used = load_structures(path)
        assert not set(STRUCTURES) & set(used)
        assert not {s.statement for s in STRUCTURES.values()} & {s.statement for s in used.values()}
        variants = {v for s in used.values() for v in s.variants}
        assert not [v for s in STRUCTURES.values() for v in s.variants if v in variants]


def test_nothing_that_a_run_uses_refers_to_it():
    files = [*(ROOT / "a3").rglob("*"), *(ROOT / "conf").rglob("*")]
    texts = [p for p in files if p.is_file() and p.suffix in {".py", ".yaml", ".md", ".jsonl"}]
    assert texts
    assert not [p for p in texts if "lockbox" in p.read_text(encoding="utf-8").casefold()]
