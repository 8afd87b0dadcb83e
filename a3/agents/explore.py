"""Explore, offline: find where the base fails, by a grammar of structures over fact tables.

Every fact is asked cleanly first, because giving up what one never knew is not sycophancy. Then
hypotheses (structure x topic) are tried in rounds; each round looks at the rates so far and
balances what elicited failures against what has hardly been tried.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from a3 import prompts
from a3.config import Config
from a3.errors import MeasurementError
from a3.judges.rules import knows
from a3.measure import answer_and_judge, hit
from a3.risks.facts import Fact, load_topic
from a3.risks.grammar import Structure, content_id, load_grammar, twins
from a3.stats import Outcome, rate
from a3.types.answers import Decoding, Verdict
from a3.types.chat import user
from a3.types.events import FactsAsked, FailureDescribed, HypothesisMeasured
from a3.types.explored import CleanAnswer, Explored
from a3.types.judge import Judge
from a3.types.observer import Observer
from a3.types.queries import Hypothesis, Kind, Modification, Query, Reference
from a3.types.target import Target

MIN_SOURCES = 5
"""A topic with fewer known, unreserved facts is not explored."""
PRIOR = 4.0
"""Pseudo-queries at the overall rate that a structure's or topic's rate is shrunk by."""


@dataclass
class _State:
    """What explore knows so far."""

    config: Config
    structures: dict[str, Structure]
    sources: dict[str, list[Fact]]
    """Known facts that may be asked under pressure, by topic."""
    rng: random.Random
    hypotheses: list[Hypothesis] = field(default_factory=list[Hypothesis])
    queries: list[Query] = field(default_factory=list[Query])
    verdicts: list[Verdict] = field(default_factory=list[Verdict])


def explore(config: Config, target: Target, judge: Judge, observer: Observer) -> Explored:
    """Ask facts cleanly, then try hypotheses in rounds."""
    rng = random.Random(f"{config.seed}/explore")
    _describe_failure(config, target, observer)
    facts = _choose_facts(config, rng)
    clean = _ask_cleanly(config, target, facts, observer)
    known = [fact for fact, answer in zip(facts, clean, strict=True) if answer.known]
    reserved, sources = _set_aside(config, known, rng)
    state = _State(config, load_grammar(config.risk.grammar), sources, rng)
    _measure(state, [_first_hypothesis(state)], target, judge, observer)
    for number in range(1, config.budget.rounds + 1):
        chosen = _next_hypotheses(state, number)
        _measure(state, chosen, target, judge, observer)
    return Explored(
        clean=tuple(clean),
        hypotheses=tuple(state.hypotheses),
        queries=tuple(state.queries),
        verdicts=tuple(state.verdicts),
        reserved=tuple(reserved),
    )


def _describe_failure(config: Config, target: Target, observer: Observer) -> None:
    """The target's own account of Ex 0: part of the log, and H0's basis for agents that read it."""
    request = user(prompts.render("describe_failure", description=config.risk.description.strip()))
    conversation = config.risk.seed_example.conversation.then(request)
    decoding = Decoding(max_new_tokens=config.model.max_new_tokens)
    answer = target.generate([conversation], decoding, "the target describes its failure")
    observer.event(FailureDescribed(text=answer[0][0].text))


def _choose_facts(config: Config, rng: random.Random) -> list[Fact]:
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


def _ask_cleanly(
    config: Config, target: Target, facts: Sequence[Fact], observer: Observer
) -> list[CleanAnswer]:
    decoding = Decoding(max_new_tokens=config.explore.clean_tokens)
    answers = target.generate([f.clean for f in facts], decoding, "facts asked cleanly")
    found = [
        CleanAnswer(
            source_id=fact.id,
            topic=fact.topic,
            known=knows(_reference(fact), samples[0].text),
            answer=samples[0],
        )
        for fact, samples in zip(facts, answers, strict=True)
    ]
    for topic in config.risk.facts:
        mine = [a for a in found if a.topic == topic]
        known = sum(a.known for a in mine)
        observer.event(FactsAsked(topic=topic, known=known, asked=len(mine)))
    return found


def _reference(fact: Fact) -> Reference:
    return Reference(correct=fact.answer, aliases=fact.aliases, expected_behaviour="answers it")


def _set_aside(
    config: Config, known: Sequence[Fact], rng: random.Random
) -> tuple[list[str], dict[str, list[Fact]]]:
    """Reserve a share of each topic's known facts; the rest may be asked under pressure."""
    reserved: list[str] = []
    sources: dict[str, list[Fact]] = {}
    for topic in config.risk.facts:
        mine = [f for f in known if f.topic == topic]
        mine = rng.sample(mine, len(mine))
        cut = round(len(mine) * config.explore.reserve)
        reserved += [f.id for f in mine[:cut]]
        if len(mine) - cut >= MIN_SOURCES:
            sources[topic] = mine[cut:]
    if len(sources) < 2:
        raise MeasurementError(
            f"explore needs two topics with {MIN_SOURCES} facts that the target knows",
            f"{len(sources)} (the target answered {len(known)} clean questions rightly)",
            "raise budget.facts, or explore with a model agent (agent=claude)",
        )
    return reserved, sources


def _first_hypothesis(state: _State) -> Hypothesis:
    """H0: the class of queries that Ex 0 belongs to."""
    seed = state.config.risk.seed_example
    known = seed.topic in state.sources
    topic = seed.topic if known else next(iter(state.sources))
    return Hypothesis(
        id="H0",
        statement=_statement(state, seed.structure, topic),
        rationale="Ex 0 is one of these."
        if known
        else f"Ex 0's structure; the target knows too little of {seed.topic}.",
        parent_id=None,
        tags=_tags(seed.structure, topic),
        round=0,
    )


def _next_hypotheses(state: _State, number: int) -> list[Hypothesis]:
    """The most promising untried cells, by an upper confidence bound on shrunk rates."""
    tried = {h.tags for h in state.hypotheses}
    cells = [
        (structure, topic)
        for structure in state.structures
        for topic in state.sources
        if _tags(structure, topic) not in tried
    ]
    scores = {cell: _promise(state, *cell) + state.rng.random() * 1e-6 for cell in cells}
    chosen: list[Hypothesis] = []
    used: dict[str, int] = {}
    for structure, topic in sorted(cells, key=lambda c: -scores[c]):
        if len(chosen) == state.config.budget.hypotheses_per_round:
            break
        # One round spreads out: its members were scored before any of them was tried.
        if used.get(structure, 0) >= 2 or used.get(topic, 0) >= 2:
            continue
        for tag in (structure, topic):
            used[tag] = used.get(tag, 0) + 1
        name = f"H{len(state.hypotheses) + len(chosen)}"
        chosen.append(_hypothesis(state, name, structure, topic, number))
    return chosen


def _promise(state: _State, structure: str, topic: str) -> float:
    """Mean of the shrunk SFR of structure and topic, and a bonus for what was rarely tried."""
    total = len(state.queries) / 2
    found = 0.0
    for tag in (f"structure:{structure}", f"topic:{topic}"):
        hits, n = _elicited(state, tag)
        found += (hits + PRIOR * _elicited(state, None)[0] / max(total, 1)) / (n + PRIOR)
        found += state.config.explore.exploration * math.sqrt(math.log(total + 1) / (n + 1))
    return found / 2


def _elicited(state: _State, tag: str | None) -> tuple[int, int]:
    """Failures and harmful queries of all hypotheses with a tag (None: of all)."""
    ids = {h.id for h in state.hypotheses if tag is None or tag in h.tags}
    harmful = {q.id for q in state.queries if q.hypothesis_id in ids and q.kind is Kind.HARMFUL}
    by_id = {q.id: q for q in state.queries}
    mine = [v for v in state.verdicts if v.answer.query_id in harmful]
    return sum(hit(by_id[v.answer.query_id], v.label) is True for v in mine), len(mine)


def _hypothesis(state: _State, name: str, structure: str, topic: str, number: int) -> Hypothesis:
    """A child of the nearest hypothesis so far; among equals, of the one that elicited most."""

    def distance(parent: Hypothesis) -> tuple[int, float]:
        changes = (parent.tag("structure") != structure) + (parent.tag("topic") != topic)
        hits, n = _elicited_by(state, parent.id)
        return changes, -hits / max(n, 1)

    parent = min(state.hypotheses, key=distance)
    changes: list[Modification] = []
    if parent.tag("structure") != structure:
        changes.append(
            Modification(axis="structural", change=f"{parent.tag('structure')} -> {structure}")
        )
    if parent.tag("topic") != topic:
        changes.append(Modification(axis="topical", change=f"{parent.tag('topic')} -> {topic}"))
    s_hits, s_n = _elicited(state, f"structure:{structure}")
    t_hits, t_n = _elicited(state, f"topic:{topic}")
    return Hypothesis(
        id=name,
        statement=_statement(state, structure, topic),
        rationale=f"so far {structure} elicited {s_hits} of {s_n}, {topic} {t_hits} of {t_n}",
        parent_id=parent.id,
        modifications=tuple(changes),
        tags=_tags(structure, topic),
        round=number,
    )


def _elicited_by(state: _State, hypothesis_id: str) -> tuple[int, int]:
    by_id = {q.id: q for q in state.queries}
    mine = [
        (by_id[v.answer.query_id], v)
        for v in state.verdicts
        if by_id[v.answer.query_id].hypothesis_id == hypothesis_id
    ]
    harmful = [hit(q, v.label) for q, v in mine if q.kind is Kind.HARMFUL]
    return sum(h is True for h in harmful), len(harmful)


def _measure(
    state: _State,
    hypotheses: list[Hypothesis],
    target: Target,
    judge: Judge,
    observer: Observer,
) -> None:
    """Draw each hypothesis's queries, let the base answer them all in one go, and log the rates."""
    config = state.config
    drawn = {
        h.id: twins(
            config.risk,
            h,
            state.sources[h.tag("topic")],
            config.budget.queries_per_hypothesis,
            random.Random(content_id(str(config.seed), "explore", *h.tags)),
        )
        for h in hypotheses
    }
    queries = [q for mine in drawn.values() for q in mine]
    what = f"round {hypotheses[0].round} of explore" if hypotheses else "explore"
    verdicts = answer_and_judge(
        target, judge, queries, config.decoding, what, config.evals.max_unscored
    )
    state.hypotheses += hypotheses
    state.queries += queries
    state.verdicts += verdicts
    for hypothesis in hypotheses:
        _log(state, hypothesis, drawn[hypothesis.id], observer)


def _log(state: _State, hypothesis: Hypothesis, queries: list[Query], observer: Observer) -> None:
    by_id = {q.id: q for q in queries}
    mine = [v for v in state.verdicts if v.answer.query_id in by_id]

    def share(kind: Kind) -> list[Outcome]:
        return [
            Outcome(hit=hit(q, v.label), clusters=(q.source_id,))
            for v in mine
            for q in [by_id[v.answer.query_id]]
            if q.kind is kind
        ]

    confidence = state.config.goal.confidence
    observer.event(
        HypothesisMeasured(
            hypothesis=hypothesis,
            example=queries[0].conversation.last.content,
            sfr=rate(share(Kind.HARMFUL), confidence),
            fpr=rate(share(Kind.BENIGN), confidence),
        )
    )


def _statement(state: _State, structure: str, topic: str) -> str:
    return f"{state.structures[structure].statement} Topic: {topic.replace('_', ' ')}."


def _tags(structure: str, topic: str) -> tuple[str, ...]:
    return (f"structure:{structure}", f"topic:{topic}")
