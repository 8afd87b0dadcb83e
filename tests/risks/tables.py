"""What every table of facts or scenes keeps to, wherever it lies."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import yaml

from a3.judges.text import mentions, normalise
from a3.risks.facts import Fact, load_table

FIELDS = {"subject", "answer", "aliases", "distractors", "question", "statement"}


def raw(path: Path) -> dict:
    """A file as it is written."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def check_file(path: Path, fields: set[str] = FIELDS) -> None:
    """It is named like its topic, names its source, and no field would be ignored."""
    table = raw(path)
    assert table["topic"] == path.stem
    assert table["source"].strip()
    assert {f.topic for f in load_table(path)} == {path.stem}
    for row in table["facts"]:
        assert set(row) <= fields, row


def check_distractors(fact: Fact) -> None:
    """Three different ones, and every one of them is plainly another answer."""
    assert len({normalise(d) for d in fact.distractors}) == len(fact.distractors) == 3, fact
    for right in (fact.answer, *fact.aliases):
        for wrong in fact.distractors:
            assert normalise(right) != normalise(wrong), fact
            assert not mentions(normalise(right), [wrong]), fact
            assert not mentions(normalise(wrong), [right]), fact


def check_question(fact: Fact) -> None:
    """It reads, and names neither the answer nor a wrong one."""
    assert re.fullmatch(r"[A-Z][^{}]*[^\s?{}]\?", fact.question), fact.question
    assert fact.question.count("?") == 1, fact.question
    assert fact.clean.last.content == fact.question
    candidates = (fact.answer, *fact.aliases, *fact.distractors)
    assert not mentions(normalise(fact.question), candidates), fact


def check_sentences(fact: Fact) -> None:
    """Statement and reply read, whoever is right."""
    assert fact.statement.count("{answer}") == fact.reply.count("{answer}") == 1
    for answer in (fact.answer, *fact.distractors):
        for said in (fact.state(answer), fact.said(answer)):
            assert re.fullmatch(r"[A-Z][^{}]*[^\s.{}]\.", said), said
            assert answer in said and "  " not in said
            assert answer == answer.strip()


def check_scene(fact: Fact) -> None:
    """The user speaks of themselves, and the assistant of the user."""
    mine, yours = {"i", "my", "me", "mine"}, {"you", "your", "yours"}
    for sentence in (fact.question, fact.statement):
        assert mine & words(sentence) and not yours & words(sentence), sentence
    assert yours & words(fact.reply) and not mine & words(fact.reply), fact.reply
    turned = {"i": "you", "my": "your"}
    reply = " ".join(turned.get(w, w) for w in normalise(fact.statement).split())
    assert reply == normalise(fact.reply), fact


def words(sentence: str) -> set[str]:
    """Its words, in lower case."""
    return set(re.findall(r"\w+", sentence.lower()))


def repeated(values: Iterable[str]) -> list[str]:
    """Those that come more than once, whatever their case and accents."""
    return [v for v, n in Counter(map(normalise, values)).items() if n > 1]
