"""Explore, offline: find where the base fails, by a grammar of structures over sources.

Hypotheses (structure x topic) are tried in rounds. Each round looks at the rates so far and
balances what elicited failures against what has hardly been tried (a3/agents/bandit.py); on what
never elicits, nothing more is spent. Strata in which the user is right get hypotheses of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from random import Random

from a3.agents.account import describe_failure
from a3.agents.bandit import Arms, Cell, Tally, choosers
from a3.agents.hypotheses import cell_of, child, first, nearest
from a3.agents.measured import measured, shown
from a3.agents.sources import Sources, gather
from a3.config import Config
from a3.config.groups import ModelAgent
from a3.measure import answer_and_judge, hit
from a3.risks.grammar import Structure, content_id, draw, load_grammar
from a3.types.answers import Verdict
from a3.types.crew import Crew
from a3.types.events import RoundMeasured
from a3.types.explored import Explored, RoundTotals
from a3.types.judge import Judge
from a3.types.observer import Observer
from a3.types.queries import KNOWN, Hypothesis, Kind, Query
from a3.types.target import Target


@dataclass
class _State:
    """What explore knows so far."""

    config: Config
    grammar: dict[str, Structure]
    sources: Sources
    rng: Random
    hypotheses: list[Hypothesis] = field(default_factory=list[Hypothesis])
    cases: dict[Cell, list[tuple[Query, ...]]] = field(
        default_factory=dict[Cell, list[tuple[Query, ...]]]
    )
    """Every case of each cell in the order in which they are asked."""
    queries: list[Query] = field(default_factory=list[Query])
    verdicts: list[Verdict] = field(default_factory=list[Verdict])
    tallies: dict[Cell, Tally] = field(default_factory=dict[Cell, Tally])
    """Of harmful queries."""
    asked: Counter[Cell] = field(default_factory=Counter[Cell])
    """Cases used up, of any stratum."""
    rounds: list[RoundTotals] = field(default_factory=list[RoundTotals])


def explore(config: Config, crew: Crew) -> Explored:
    """Sort the sources, then try hypotheses in rounds; with an agent, all of it is the agent's."""
    if crew.agent is not None and isinstance(config.agent, ModelAgent):
        from a3.agents.model import explore as explorer

        return explorer.explore(config, config.agent, crew.agent, crew)
    rng = Random(f"{config.seed}/explore")
    target, judge, observer = crew.target, crew.judge, crew.observer
    describe_failure(config, target, observer)
    sources, clean = gather(config, target, observer, rng)
    state = _State(config, load_grammar(config.risk.grammar), sources, rng)
    state.tallies = {cell: Tally() for cell in _cells(state, KNOWN)}
    most = config.budget.queries_per_hypothesis
    start = _first_hypothesis(state)
    _measure(state, 0, {cell_of(start): most}, target, judge, observer)
    for number in range(1, config.budget.rounds + 1):
        pulls = dict(_next_pulls(state))
        if number == 1:  # Where the user is right there is nothing to be adaptive about.
            pulls |= _strata_pulls(state)
        _name(state, pulls, number)
        _measure(state, number, pulls, target, judge, observer)
    return Explored(
        clean=tuple(clean),
        sources=sources.all,
        hypotheses=tuple(state.hypotheses),
        queries=tuple(state.queries),
        verdicts=tuple(state.verdicts),
        rounds=tuple(state.rounds),
    )


def _cells(state: _State, stratum: str) -> list[Cell]:
    structures = [s.name for s in state.grammar.values() if s.stratum == stratum]
    return list(product(structures, state.sources.open[stratum]))


def _first_hypothesis(state: _State) -> Hypothesis:
    seed = state.config.risk.seed_example
    topics = state.sources.open[KNOWN]
    known = seed.topic in topics
    topic = seed.topic if known else next(iter(topics))
    why = (
        "Ex 0 is one of these."
        if known
        else f"Ex 0's structure; the target knows too little of {seed.topic}."
    )
    state.hypotheses.append(first(state.grammar[seed.structure], topic, why))
    return state.hypotheses[0]


def _next_pulls(state: _State) -> list[tuple[Cell, int]]:
    settings, budget = state.config.explore, state.config.budget
    arms = Arms(
        tallies=state.tallies,
        room={cell: budget.queries_per_hypothesis - state.asked[cell] for cell in state.tallies},
        found=frozenset(c for c, t in state.tallies.items() if is_found(t, state.config)),
    )
    return choosers()[settings.choice](arms, budget.queries_per_round, settings, state.rng)


def is_found(tally: Tally, config: Config) -> bool:
    """Whether the failure is shown: the lower bound of the cell's SFR, queries taken as alone."""
    return shown(int(tally.hits), int(tally.n), config.goal.confidence)


def _strata_pulls(state: _State) -> dict[Cell, int]:
    """Cells of the other strata, asked alike: structures and topics take turns."""
    budget = state.config.budget
    chosen: dict[Cell, int] = {}
    for stratum in sorted({s.stratum for s in state.grammar.values()} - {KNOWN}):
        cells = _cells(state, stratum)
        used: Counter[str] = Counter()
        n = min(budget.hypotheses_per_stratum, len(cells), budget.queries_per_stratum)
        for _ in range(n):
            order = {cell: state.rng.random() for cell in cells}
            cell = min(cells, key=lambda c: (used[c[0]] + used[c[1]], order[c]))
            cells.remove(cell)
            used.update(cell)
            chosen[cell] = round(budget.queries_per_stratum / n)
    return chosen


def _name(state: _State, pulls: Iterable[Cell], number: int) -> None:
    """Make hypotheses of the cells that are new."""
    tried = {cell_of(h) for h in state.hypotheses}
    for cell in pulls:
        if cell in tried:
            continue
        structure = state.grammar[cell[0]]
        parent = nearest(cell, structure.stratum, state.hypotheses, state.tallies)
        state.hypotheses.append(
            child(
                f"H{len(state.hypotheses)}", structure, cell[1], number, parent, _why(state, cell)
            )
        )


def _why(state: _State, cell: Cell) -> str:
    if state.grammar[cell[0]].stratum != KNOWN:
        return "the user is right here, and must be served"
    parts: list[str] = []
    for axis in (0, 1):
        mine = [t for c, t in state.tallies.items() if c[axis] == cell[axis]]
        parts.append(f"{cell[axis]} {sum(t.hits for t in mine)} of {sum(t.n for t in mine)}")
    return f"so far {parts[0]}, {parts[1]} elicited"


def _measure(
    state: _State,
    number: int,
    pulls: Mapping[Cell, int],
    target: Target,
    judge: Judge,
    observer: Observer,
) -> None:
    """Draw each cell's next cases, let the base answer them all in one go, and log the rates."""
    config = state.config
    by_cell = {cell_of(h): h for h in state.hypotheses}
    fresh = {cell: _draw(state, by_cell[cell], n) for cell, n in pulls.items()}
    queries = [q for cases in fresh.values() for case in cases for q in case]
    what = f"round {number} of explore"
    verdicts = answer_and_judge(
        target, judge, queries, config.decoding, what, config.evals.max_unscored
    )
    state.queries += queries
    state.verdicts += verdicts
    _count(state, queries, verdicts)
    for event in measured(config, map(by_cell.__getitem__, pulls), state.queries, state.verdicts):
        observer.event(event)
    state.rounds.append(_totals(state, number))
    observer.event(RoundMeasured(totals=state.rounds[-1]))


def _draw(state: _State, hypothesis: Hypothesis, n: int) -> list[tuple[Query, ...]]:
    cell, config = cell_of(hypothesis), state.config
    if cell not in state.cases:
        structure = state.grammar[cell[0]]
        facts = state.sources.open[structure.stratum][cell[1]]
        rng = Random(content_id(str(config.seed), "explore", *hypothesis.tags))
        state.cases[cell] = list(draw(config.risk, hypothesis, structure, facts, rng))
    start = state.asked[cell]
    state.asked[cell] += n
    return state.cases[cell][start : start + n]


def _count(state: _State, queries: Iterable[Query], verdicts: Iterable[Verdict]) -> None:
    by_id = {q.id: q for q in queries}
    cells = {h.id: cell_of(h) for h in state.hypotheses}
    for verdict in verdicts:
        query = by_id[verdict.answer.query_id]
        failed = hit(query, verdict.label)
        if query.kind is Kind.HARMFUL and failed is not None:
            cell = cells[query.hypothesis_id]
            state.tallies[cell] = state.tallies[cell].plus(failed, 1)


def _totals(state: _State, number: int) -> RoundTotals:
    tallies = list(state.tallies.values())
    return RoundTotals(
        round=number,
        hypotheses=len(state.hypotheses),
        queries=int(sum(t.n for t in tallies)),
        failures=int(sum(t.hits for t in tallies)),
        found=sum(is_found(t, state.config) for t in tallies),
    )
