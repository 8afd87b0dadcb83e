"""Lessons without facts: the target keeps to what it says itself, whatever its user believes.

A repair that has met twenty topics withstands on those, and says the user's sentence again where a
topic is new to it (docs/log.md, 2026-11-30, "Beliefs"). So it also learns from many relations of a
few things each, in the structures that train: to a user who claims of swimming what the target says
of smoking, it should say what it says of swimming. Nobody needs to know whether that is true.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from random import Random

import yaml

from a3.agents.drafts import Draft, template, written
from a3.config import Config
from a3.risks.facts import Fact
from a3.risks.grammar import draw, load_grammar
from a3.types.answers import Decoding, FinishReason
from a3.types.base import Frozen
from a3.types.chat import Conversation, ask
from a3.types.queries import KNOWN, Hypothesis, Query
from a3.types.target import Target

DATA = Path(__file__).parent / "data" / "beliefs.yaml"
BELIEF = "belief"
SENTENCE = re.compile(r".*?[.!?](?=\s|$)")
FEW = re.compile(
    r'"?([^"]+?)(?:[";(]|,\s|[.!?](?=\s|$)| (?:that|which|where|when|who|because|used|with)\b)'
)
"""The words of an answer that somebody else might claim."""
MOST_WORDS, MOST_SAID = 6, 16
"""Of what is held, and of the sentence: who learns rambling answers rambles elsewhere, too."""
TOKENS = 32
"""Asked for: enough for so many words; most targets would go on and on."""
DISTRACTORS = 3
"""What a fact takes, so a relation is of use where the target holds something of one thing more."""


class Belief(Frozen):
    """What the target says of one thing."""

    relation: str
    subject: str
    """The relation and the thing."""
    said: str
    """Its first sentence, or all that it said."""
    held: str
    """The few words behind "is"."""

    @property
    def clean(self) -> Conversation:
        """The question alone."""
        return ask(f"What is {self.subject}?")


def beliefs(
    config: Config, hypotheses: Sequence[Hypothesis], target: Target
) -> list[tuple[Query, Draft]]:
    """Up to `respond.beliefs` cases in every structure of `hypotheses` with a harmful side.

    A case is two queries with their answers, in which the user is wrong and right by what the
    target says; of strata of their own, so that `train.strata` may weigh them. There are none where
    the risk has no grammar, hypotheses have no structure of it, or an agent writes the answers.
    """
    asked = config.respond.beliefs > 0 and config.respond.source != "agent"
    grammar = load_grammar(config.risk.grammar) if asked and config.risk.grammar else {}
    tags = {tag for h in hypotheses if h.stratum == KNOWN for tag in h.tags}
    structures = [s for name, s in sorted(grammar.items()) if f"structure:{name}" in tags]
    if not structures:
        return []
    held = _held(config, target)
    said = {belief.clean: belief.said for belief in held}
    facts = list(_facts(held, Random(f"{config.seed}/{BELIEF}")))
    found: list[tuple[Query, Draft]] = []
    for structure in structures:
        group = _group(structure.name)
        rng = Random(f"{config.seed}/{group.id}")
        for case in islice(draw(config.risk, group, structure, facts, rng), config.respond.beliefs):
            found += [(_apart(q), _draft(config, q, said)) for q in case]
    return found


def _apart(query: Query) -> Query:
    return query.model_copy(update={"stratum": f"{query.stratum}_{BELIEF}"})


def _draft(config: Config, query: Query, said: Mapping[Conversation, str]) -> Draft:
    clean = query.reference.clean
    if config.respond.source == "template" or clean is None:
        return template(query)
    # Of an answer of several sentences one is learned, so not where it ends.
    answer = written(said[clean]).model_copy(update={"finish_reason": FinishReason.LENGTH})
    return Draft(answer, "self", clean)


def _held(config: Config, target: Target) -> list[Belief]:
    """Asked of everything, what the target says of it in a sentence that begins with it."""
    table: Mapping[str, Sequence[str]] = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    asked = [(relation, f"{relation} {thing}") for relation, its in table.items() for thing in its]
    answers = target.generate(
        [ask(f"What is {subject}?") for _, subject in asked],
        Decoding(max_new_tokens=TOKENS),
        "what the target believes",
    )
    return [
        Belief(relation=relation, subject=subject, said=said, held=held)
        for (relation, subject), (answer, *_) in zip(asked, answers, strict=True)
        for said, held in _read(subject, answer.text)
    ]


def _read(subject: str, answer: str) -> Iterator[tuple[str, str]]:
    """The first sentence and its few words, where the answer begins "<subject> is"."""
    line, start = answer.partition("\n")[0], f"{subject} is "
    first = SENTENCE.match(line)
    said = first.group() if first else line
    few = FEW.match(said[len(start) :].rstrip(".!?") + ".")
    if few is None or not said.lower().startswith(start.lower()):
        return
    held = few[1].strip(" .,!?")
    if 0 < len(held.split()) <= MOST_WORDS and len(said.split()) <= MOST_SAID:
        yield said, held


def _facts(held: Sequence[Belief], rng: Random) -> Iterator[Fact]:
    """Beliefs in the form of facts; what is said of other things of the relation is wrong."""
    by_relation: dict[str, list[Belief]] = defaultdict(list)
    for belief in held:
        by_relation[belief.relation].append(belief)
    for belief in held:
        others = {b.held for b in by_relation[belief.relation]} - {belief.held}
        if len(others) >= DISTRACTORS:
            subject = belief.subject[0].upper() + belief.subject[1:]
            yield Fact(
                id=f"{BELIEF}/{belief.subject}",
                topic=BELIEF,
                subject=belief.subject,
                question=f"What is {belief.subject}?",
                statement=f"{subject} is {{answer}}.",
                reply=f"{subject} is {{answer}}.",
                answer=belief.held,
                aliases=(),
                distractors=tuple(rng.sample(sorted(others), DISTRACTORS)),
            )


def _group(structure: str) -> Hypothesis:
    return Hypothesis(
        id=f"{BELIEF} {structure}",
        statement=f"{structure}, about things that no fact is about",
        rationale="",
        parent_id=None,
        tags=(f"structure:{structure}", f"topic:{BELIEF}"),
        round=0,
    )
