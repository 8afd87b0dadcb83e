"""Split, offline: whole hypotheses to OOD, the rest by connected components; then fresh queries."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

from a3.config import Config
from a3.errors import MeasurementError
from a3.risks.facts import load_topic
from a3.risks.grammar import content_id, load_grammar, twins
from a3.types.explored import Explored
from a3.types.queries import Hypothesis, Query, Splits

ENOUGH_SOURCES = 10
"""A topic that never trains is asked about with at least this many facts, if one has them."""
SOURCE_WEIGHT, COMPLEXITY_WEIGHT = 0.03, 0.05
"""What one missing fact, and one more pressure at work, count against shares of hypotheses."""


def split(config: Config, explored: Explored) -> Splits:
    """Who trains, who validates, and what waits out of sight."""
    rng = random.Random(f"{config.seed}/split")
    ood, reason = _choose_ood(config, explored, rng)
    # A rationale speaks of the rates so far, those of hypotheses that are now OOD among them.
    training = tuple(
        h.model_copy(update={"rationale": ""}) for h in explored.hypotheses if h.id not in ood
    )
    queries = [q for q in explored.queries if q.hypothesis_id not in ood]
    train, validation = _by_components(queries, config.explore.validation, rng)
    confirm_sources, ood_sources = _share_reserved(explored, training, rng)
    splits = Splits(
        training=training,
        ood=tuple(h for h in explored.hypotheses if h.id in ood),
        reason=reason,
        train=tuple(train),
        validation=tuple(validation),
        confirm_sources=tuple(confirm_sources),
        ood_sources=tuple(ood_sources),
    )
    check(splits)
    return splits


def check(splits: Splits) -> None:
    """Raise MeasurementError unless a split keeps the rules of evidence, whoever proposed it."""
    problems = list(_problems(splits))
    if problems:
        raise MeasurementError(
            "a split must keep OOD out of sight and sources apart (docs/evidence rules 1 and 2)",
            "; ".join(problems),
            "explore more hypotheses (budget.rounds), or mend the splitter",
        )


def _problems(splits: Splits) -> Iterator[str]:
    if not splits.ood:
        yield "no OOD hypothesis"
    if not splits.train or not splits.validation:
        yield f"{len(splits.train)} train and {len(splits.validation)} validation queries"
    yield from _seen_ood(splits)
    yield from _straddling(splits)


def _seen_ood(splits: Splits) -> Iterator[str]:
    """Rule 1: whole subtrees below H0, no shared tags, something new on each axis."""
    ood_ids = {h.id for h in splits.ood}
    if "H0" in ood_ids:
        yield "H0 must train"
    for hypothesis in splits.training:
        if hypothesis.parent_id in ood_ids:
            yield f"{hypothesis.id} trains below the OOD hypothesis {hypothesis.parent_id}"
    if shared := {h.tags for h in splits.ood} & {h.tags for h in splits.training}:
        yield f"OOD and training share the tags {sorted(shared)}"
    for axis in ("structure", "topic"):
        if not {h.tag(axis) for h in splits.ood} - {h.tag(axis) for h in splits.training}:
            yield f"no {axis} of OOD is new to training"
    if stray := {q.hypothesis_id for q in (*splits.train, *splits.validation)} & ood_ids:
        yield f"queries of OOD hypotheses {sorted(stray)} train or validate"


def _straddling(splits: Splits) -> Iterator[str]:
    """Rule 2: no source on two sides."""
    sources = {
        "train": {q.source_id for q in splits.train},
        "validation": {q.source_id for q in splits.validation},
        "confirm": set(splits.confirm_sources),
        "ood": set(splits.ood_sources),
    }
    for one, other in combinations(sources, 2):
        if shared := sources[one] & sources[other]:
            yield f"{one} and {other} share sources, e.g. {min(shared)}"


def held_out(config: Config, splits: Splits, which: str) -> list[Query]:
    """Fresh queries of `confirm` or `ood`, drawn from the generators and from nothing else.

    No answer of any model has a part in the choice (DESIGN §4.3).
    """
    confirm = which == "confirm"
    hypotheses = splits.training if confirm else splits.ood
    allowed = set(splits.confirm_sources if confirm else splits.ood_sources)
    wanted = config.budget.confirm if confirm else config.budget.ood
    drawn: list[list[Query]] = []
    for hypothesis in hypotheses:
        facts = [f for f in load_topic(hypothesis.tag("topic")) if f.id in allowed]
        seed = content_id(str(config.seed), which, *hypothesis.tags)
        drawn.append(twins(config.risk, hypothesis, facts, wanted, random.Random(seed)))
    return _in_turn(drawn, wanted)


def _in_turn(drawn: Sequence[list[Query]], wanted: int) -> list[Query]:
    """`wanted` pairs, one hypothesis after another, so that all count alike."""
    chosen: list[Query] = []
    for turn in range(wanted):
        for queries in drawn:
            chosen += queries[2 * turn : 2 * turn + 2]
            if len(chosen) >= 2 * wanted:
                return chosen[: 2 * wanted]
    return chosen


def _choose_ood(config: Config, explored: Explored, rng: random.Random) -> tuple[set[str], str]:
    """One structure and one topic that never train, and everything below them in the tree.

    Among all pairs: near the wanted share, with enough sources to ask about, and the more
    complicated structure first. How the base did on any of them has no part in the choice.
    """
    hypotheses = explored.hypotheses
    first = hypotheses[0]
    structures = sorted({h.tag("structure") for h in hypotheses} - {first.tag("structure")})
    topics = sorted({h.tag("topic") for h in hypotheses} - {first.tag("topic")})
    if not structures or not topics:
        raise MeasurementError(
            "a split needs hypotheses of at least two structures and two topics",
            f"{len(hypotheses)} hypotheses",
            "raise budget.rounds or budget.hypotheses_per_round",
        )
    grammar = load_grammar(config.risk.grammar)
    sources = Counter(c.topic for c in explored.clean if c.source_id in explored.reserved)
    best = min(
        ((s, t) for s in structures for t in topics),
        key=lambda pair: (
            abs(len(_subtrees(hypotheses, *pair)) / len(hypotheses) - config.explore.ood_share)
            + SOURCE_WEIGHT * max(0, ENOUGH_SOURCES - sources[pair[1]])
            - COMPLEXITY_WEIGHT * grammar[pair[0]].complexity,
            rng.random(),
        ),
    )
    reason = f"the structure {best[0]} and the topic {best[1]} never train"
    return _subtrees(hypotheses, *best), reason


def _subtrees(hypotheses: Sequence[Hypothesis], structure: str, topic: str) -> set[str]:
    """Hypotheses with either tag, and all their descendants; parents come before children."""
    ood: set[str] = set()
    for h in hypotheses:
        if h.parent_id in ood or structure == h.tag("structure") or topic == h.tag("topic"):
            ood.add(h.id)
    return ood


def _by_components(
    queries: Sequence[Query], share: float, rng: random.Random
) -> tuple[list[Query], list[Query]]:
    """Train and validation; whole connected components over pair_id and source_id move together."""
    component = _components(queries)
    names = sorted(set(component.values()))
    size = {n: sum(1 for c in component.values() if c == n) for n in names}
    validation: set[str] = set()
    filled = 0
    for name in rng.sample(names, len(names)):
        if filled >= share * len(queries):
            break
        validation.add(name)
        filled += size[name]
    train = [q for q in queries if component[q.id] not in validation]
    return train, [q for q in queries if component[q.id] in validation]


def _components(queries: Sequence[Query]) -> dict[str, str]:
    """Query id -> name of its connected component."""
    parent: dict[str, str] = {}

    def find(node: str) -> str:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for query in queries:
        parent[find(f"pair/{query.pair_id}")] = find(f"source/{query.source_id}")
    return {q.id: find(f"pair/{q.pair_id}") for q in queries}


def _share_reserved(
    explored: Explored, training: Sequence[Hypothesis], rng: random.Random
) -> tuple[list[str], list[str]]:
    """Reserved sources: of topics that train half to confirm, half to OOD; of others all to OOD."""
    topics = {h.tag("topic") for h in training}
    topic_of = {c.source_id: c.topic for c in explored.clean}
    confirm: list[str] = []
    ood: list[str] = []
    for topic in dict.fromkeys(topic_of.values()):
        mine = [s for s in explored.reserved if topic_of[s] == topic]
        mine = rng.sample(mine, len(mine))
        cut = (len(mine) + 1) // 2 if topic in topics else 0
        confirm += mine[:cut]
        ood += mine[cut:]
    return confirm, ood
