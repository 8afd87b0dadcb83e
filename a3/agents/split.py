"""Split: whole hypotheses to OOD, the rest by connected components."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations
from random import Random

from a3.agents.hypotheses import crossings, subtrees
from a3.config import Config
from a3.config.groups import ModelAgent
from a3.errors import MeasurementError
from a3.types.explored import Explored
from a3.types.llm import ChatModel
from a3.types.queries import KNOWN, Hypothesis, Kind, Query, Source, Splits

ENOUGH_SOURCES = 7
"""A topic that never trains is asked about with at least this many facts, if one has them. Ten are
held by few tables, and three were most of what was chosen then (docs/log.md, 2026-11-30)."""
TOPICS = 2
"""So many topics of the failure itself never train, but no more than a quarter of them."""
CHOICES = 300
"""So many of a structure with its topics are looked at."""
SHARE_WEIGHT, LEAN_WEIGHT, SOURCE_WEIGHT, COMPLEXITY_WEIGHT = 3.0, 1.0, 0.05, 0.05
"""What counts against a choice of OOD: how far its share of hypotheses is off, how it leans, one
missing fact; and what counts for it: one more pressure at work."""


def split(config: Config, explored: Explored, agent: ChatModel | None = None) -> Splits:
    """Who trains, who validates, and what waits out of sight; code enforces the rules."""
    rng = Random(f"{config.seed}/split")
    ood, reason = _choice(config, explored, agent, rng)
    # A rationale speaks of the rates so far, those of hypotheses that are now OOD among them.
    training = tuple(
        h.model_copy(update={"rationale": ""}) for h in explored.hypotheses if h.id not in ood
    )
    queries = [q for q in explored.queries if q.hypothesis_id not in ood]
    train, validation = _by_components(queries, config.explore.validation, rng)
    waiting = tuple(h for h in explored.hypotheses if h.id in ood)
    confirm_sources, ood_sources = _share_reserved(explored, training, rng)
    splits = Splits(
        training=training,
        ood=waiting,
        reason=reason,
        train=tuple(train),
        validation=tuple(validation),
        confirm_sources=tuple(confirm_sources),
        ood_sources=tuple(ood_sources),
        spare=_spare(explored, training),
        spent=tuple(s for s in explored.sources if s.about),
        untouched=_untouched(explored, training),
        crossings=tuple(crossings(training, waiting, config.respond.cross)),
    )
    check(splits)
    return splits


def _choice(
    config: Config, explored: Explored, agent: ChatModel | None, rng: Random
) -> tuple[set[str], str]:
    """The agent's; where there is none, or it made none within the rules, that of the code."""
    if agent is None or not isinstance(config.agent, ModelAgent):
        return _choose_ood(config, explored, rng)
    from a3.agents.model.split import choose_ood

    ood, reason = choose_ood(config, config.agent, agent, explored)
    if ood:
        return ood, reason
    ood, instead = _choose_ood(config, explored, rng)
    return ood, f"{instead} (chosen by rule, as the agent's choice could not stand: {reason})"


def _spare(explored: Explored, training: Sequence[Hypothesis]) -> tuple[Source, ...]:
    topics = {h.tag("topic") for h in training}
    asked = {q.source_id for q in explored.queries}
    return tuple(
        s for s in explored.sources if not s.reserved and s.topic in topics and s.id not in asked
    )


def _untouched(explored: Explored, training: Sequence[Hypothesis]) -> tuple[Source, ...]:
    topics = {h.tag("topic") for h in training}
    return tuple(
        s
        for s in explored.sources
        if s.stratum == KNOWN and s.topic not in topics and not s.doubtful and not s.about
    )


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
    if shared := {h.tags for h in splits.ood} & {
        h.tags for h in (*splits.training, *splits.crossings)
    }:
        yield f"OOD and training share the tags {sorted(shared)}"
    for axis in ("structure", "topic"):
        if not {h.tag(axis) for h in splits.ood} - {h.tag(axis) for h in splits.training}:
            yield f"no {axis} of OOD is new to training"
    if stray := {q.hypothesis_id for q in (*splits.train, *splits.validation)} & ood_ids:
        yield f"queries of OOD hypotheses {sorted(stray)} train or validate"


def _straddling(splits: Splits) -> Iterator[str]:
    """Rule 2: no source on two sides."""
    sources = {
        "train": {q.source_id for q in splits.train} | {s.id for s in splits.spare},
        "validation": {q.source_id for q in splits.validation},
        "confirm": {s.id for s in splits.confirm_sources},
        "ood": {s.id for s in splits.ood_sources},
    }
    for one, other in combinations(sources, 2):
        if shared := sources[one] & sources[other]:
            yield f"{one} and {other} share sources, e.g. {min(shared)}"


def _choose_ood(config: Config, explored: Explored, rng: Random) -> tuple[set[str], str]:
    """Structures and topics that never train, and everything below them in the tree.

    One structure of the failure itself and two topics of about one size (one where topics are few),
    as what a single topic shows is that topic's; of each further stratum one structure, and one
    topic where its topics are its own; more structures where these hold less than the share.
    How the base did on any of them has no part in it.
    """
    groups: dict[str, list[Hypothesis]] = defaultdict(list)
    for h in explored.hypotheses:
        groups[h.stratum].append(h)
    reserved = Counter((s.stratum, s.topic) for s in explored.sources if s.reserved)
    banned: set[str] = set()
    for stratum in sorted(groups, key=lambda s: s != KNOWN):
        banned |= _never_trains(config, stratum, groups, banned, reserved, rng)
    reason = f"{', '.join(sorted(banned))} never train"
    return _tagged(explored.hypotheses, banned), reason


def _never_trains(
    config: Config,
    stratum: str,
    groups: Mapping[str, Sequence[Hypothesis]],
    banned: set[str],
    reserved: Mapping[tuple[str, str], int],
    rng: Random,
) -> set[str]:
    """The tags (structures and, if there are any to take, topics) of one stratum to set aside.

    Among many choices: near the wanted share, no new topic or structure much larger than the
    others, with enough sources to ask about, and the more complicated structure first. Then
    further structures at random that make it better.
    """
    hypotheses = groups[stratum]
    structures, topics = _choosable(stratum, groups, banned)
    if stratum != KNOWN and (len(hypotheses) < 2 or not structures):
        return set()
    if stratum == KNOWN and (not structures or not topics):
        raise MeasurementError(
            "a split needs hypotheses of at least two structures and two topics",
            f"{len(hypotheses)} hypotheses",
            "raise budget.rounds or budget.queries_per_round",
        )
    complexity = {f"structure:{h.tag('structure')}": h.complexity for h in hypotheses}

    def off(tags: Collection[str]) -> float:
        ood = _tagged(hypotheses, {*tags, *banned})
        sources = (reserved.get((stratum, t.split(":", 1)[1]), 0) for t in tags if t in topics)
        return (
            SHARE_WEIGHT * abs(len(ood) / len(hypotheses) - config.explore.ood_share)
            + LEAN_WEIGHT * _lean(hypotheses, ood)
            + SOURCE_WEIGHT * sum(max(0, ENOUGH_SOURCES - n) for n in sources)
        )

    def cost(tags: tuple[str, ...]) -> tuple[float, float]:
        return off(tags) - COMPLEXITY_WEIGHT * complexity[tags[0]], rng.random()

    most = TOPICS if stratum == KNOWN else 1
    n = min(most, max(1, len(topics) // 4), len(topics))
    choices = [(s, *theirs) for s in structures for theirs in combinations(topics, n)]
    chosen = min(rng.sample(choices, min(len(choices), CHOICES)), key=cost)
    for tag in rng.sample(structures, len(structures)):
        # Where there are nearly as many structures as hypotheses one choice holds few of them.
        chosen = min(chosen, (*chosen, tag), key=off)
    return set(chosen)


def _choosable(
    stratum: str, groups: Mapping[str, Sequence[Hypothesis]], banned: set[str]
) -> tuple[list[str], list[str]]:
    """Tags of the structures and the topics of a stratum that may never train; H0's train.

    A topic that never trains does so in no stratum, and one that trains goes on training.
    """
    hypotheses, spared = groups[stratum], set(groups[KNOWN][0].tags)
    structures = sorted({h.tags[0] for h in hypotheses} - spared)
    topics = sorted({h.tags[1] for h in hypotheses} - spared)
    if stratum == KNOWN:
        return structures, topics
    others = {h.tags[1] for s, mine in groups.items() if s != stratum for h in mine}
    return structures, [t for t in topics if t in banned] or [t for t in topics if t not in others]


def _lean(hypotheses: Sequence[Hypothesis], ood: Collection[str]) -> float:
    """The share of OOD that its largest new topic or structure holds, and that with nothing new."""
    trained = {t for h in hypotheses if h.id not in ood for t in h.tags}
    new = [set(h.tags) - trained for h in hypotheses if h.id in ood]
    largest = max(Counter(t for mine in new for t in mine).values(), default=0)
    return (largest + sum(not mine for mine in new)) / max(len(new), 1)


def _tagged(hypotheses: Sequence[Hypothesis], banned: set[str]) -> set[str]:
    return subtrees(hypotheses, lambda h: bool(banned & set(h.tags)))


def _by_components(
    queries: Sequence[Query], share: float, rng: Random
) -> tuple[list[Query], list[Query]]:
    """Train and validation; whole connected components over pair_id and source_id move together.

    Each stratum gives its share (a harmful query goes with its twin).
    """
    component = _components(queries)
    stratum = {component[q.id]: q.stratum for q in queries if q.kind is Kind.BENIGN}
    size = Counter(component.values())
    validation: set[str] = set()
    for kind in sorted(set(stratum.values())):
        names = sorted(n for n in size if stratum.get(n) == kind)
        wanted, filled = share * sum(size[n] for n in names), 0
        for name in rng.sample(names, len(names)):
            if filled >= wanted:
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
    explored: Explored, training: Sequence[Hypothesis], rng: Random
) -> tuple[list[Source], list[Source]]:
    """Reserved sources: of topics that train half to confirm, half to OOD; of others all to OOD."""
    topics = {h.tag("topic") for h in training}
    groups: dict[tuple[str, str], list[Source]] = defaultdict(list)
    for source in explored.sources:
        if source.reserved:
            groups[source.stratum, source.topic].append(source)
    confirm: list[Source] = []
    ood: list[Source] = []
    for (_, topic), sources in groups.items():
        mine = rng.sample(sources, len(sources))
        cut = (len(mine) + 1) // 2 if topic in topics else 0
        confirm += mine[:cut]
        ood += mine[cut:]
    return confirm, ood
