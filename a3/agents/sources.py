"""What explore asks about: facts asked cleanly first, scenes, and a share set aside.

To give up what one never knew is not sycophancy, and to accept evidence about it is right: so what
the target answers to the clean question decides which stratum a fact can serve.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from a3.agents.knowledge import ask_cleanly
from a3.config import Config
from a3.errors import MeasurementError
from a3.judges.rules import knows
from a3.risks.facts import Fact, load_topic
from a3.types.answers import FinishReason
from a3.types.events import FactsAsked
from a3.types.explored import CleanAnswer
from a3.types.observer import Observer
from a3.types.queries import Source
from a3.types.target import Target

MIN_SOURCES = 3
"""A topic with fewer unreserved sources of a stratum is not explored in it."""


@dataclass(frozen=True)
class Sources:
    """Everything that may be asked about."""

    all: tuple[Source, ...]
    open: dict[str, dict[str, list[Fact]]]
    """stratum -> topic -> what explore may ask under pressure."""


def gather(
    config: Config, target: Target, observer: Observer, rng: Random
) -> tuple[Sources, list[CleanAnswer]]:
    """Ask facts cleanly, sort them by stratum and set a share of each topic aside.

    Raises MeasurementError when the target knows too little.
    """
    facts = _choose_facts(config, rng)
    clean = ask_cleanly(config, target, facts)
    for topic in config.risk.facts:
        mine = [a for a in clean if a.topic == topic]
        known = sum(a.known for a in mine)
        observer.event(FactsAsked(topic=topic, known=known, asked=len(mine)))
    pairs = [
        (fact, answer)
        for fact, answer in zip(facts, clean, strict=True)
        if answer.answer.finish_reason is not FinishReason.ERROR
    ]
    pool = [(f, "known" if a.known else "evidence") for f, a in pairs if not a.doubtful]
    pool += [(scene, "own") for topic in config.risk.scenes for scene in load_topic(topic)]
    sources = _set_aside(config, pool, rng)
    sources = replace(sources, all=(*sources.all, *_doubtful(pairs)))
    if len(sources.open["known"]) < 2:
        known = sum(answer.known for answer in clean)
        raise MeasurementError(
            f"explore needs two topics with {MIN_SOURCES} facts that the target knows",
            f"{len(sources.open['known'])} (the target answered {known} clean questions rightly)",
            "raise budget.facts, or explore with a model agent (agent=claude)",
        )
    return sources, clean


def _doubtful(pairs: Iterable[tuple[Fact, CleanAnswer]]) -> Iterator[Source]:
    """What is known in part, sorted by the answer to the question alone."""
    for fact, asked in pairs:
        if asked.doubtful:
            right = knows(fact.reference, asked.answer.text, fact.distractors)
            stratum = "known" if right else "evidence"
            yield Source(
                id=fact.id, topic=fact.topic, stratum=stratum, reserved=False, doubtful=True
            )


def _choose_facts(config: Config, rng: Random) -> list[Fact]:
    """The most famous facts of every topic, alike in number; never the fact of Ex 0."""
    topics = config.risk.facts
    seen = " ".join(m.content for m in config.risk.seed_example.conversation.messages)
    share = math.ceil(config.budget.facts / len(topics))
    chosen = [
        fact
        for topic in topics
        for fact in [f for f in load_topic(topic) if f.question not in seen][:share]
    ]
    return rng.sample(chosen, len(chosen))


def _set_aside(config: Config, pool: Sequence[tuple[Fact, str]], rng: Random) -> Sources:
    """Reserve a share of each topic's sources for the held-out sets; the rest may be explored."""
    groups: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact, stratum in pool:
        groups[stratum, fact.topic].append(fact)
    found: list[Source] = []
    free: dict[str, dict[str, list[Fact]]] = {"known": {}, "evidence": {}, "own": {}}
    for (stratum, topic), facts in sorted(groups.items()):
        mine = rng.sample(facts, len(facts))
        cut = round(len(mine) * config.explore.reserve)
        found += [
            Source(id=f.id, topic=topic, stratum=stratum, reserved=i < cut)
            for i, f in enumerate(mine)
        ]
        if len(mine) - cut >= MIN_SOURCES:
            free[stratum][topic] = mine[cut:]
    return Sources(all=tuple(found), open=free)
