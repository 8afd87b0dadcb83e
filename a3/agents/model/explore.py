"""Explore with an agent: it proposes hypotheses by all that is known, and writes their queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from a3.agents.account import describe_failure
from a3.agents.hypotheses import ROOT
from a3.agents.measured import measured, shown
from a3.agents.model.cases import WrittenCases
from a3.agents.model.hypotheses import Wish, first, propose
from a3.agents.model.log import ReadableLog
from a3.config import Config
from a3.config.groups import ModelAgent
from a3.errors import MeasurementError
from a3.measure import answer_and_judge
from a3.types.answers import Verdict
from a3.types.crew import Crew
from a3.types.events import HypothesesRejected, HypothesisMeasured, RoundMeasured
from a3.types.explored import CleanAnswer, Explored, RoundTotals
from a3.types.generator import Case
from a3.types.llm import ChatModel
from a3.types.queries import KNOWN, Hypothesis, Query, Source


@dataclass
class _State:
    """What explore knows so far."""

    config: Config
    settings: ModelAgent
    agent: ChatModel
    crew: Crew
    written: WrittenCases
    log: ReadableLog
    named: list[Hypothesis] = field(default_factory=list[Hypothesis])
    """Every hypothesis that was proposed."""
    hypotheses: list[Hypothesis] = field(default_factory=list[Hypothesis])
    """Those that there are queries of."""
    queries: list[Query] = field(default_factory=list[Query])
    verdicts: list[Verdict] = field(default_factory=list[Verdict])
    measured: dict[str, HypothesisMeasured] = field(default_factory=dict[str, HypothesisMeasured])
    clean: list[CleanAnswer] = field(default_factory=list[CleanAnswer])
    rounds: list[RoundTotals] = field(default_factory=list[RoundTotals])


def explore(config: Config, settings: ModelAgent, agent: ChatModel, crew: Crew) -> Explored:
    """H0 from the target's own account of Ex 0, then rounds of hypotheses.

    Raises MeasurementError when the agent brings no query of H0.
    """
    account = describe_failure(config, crew.target, crew.observer)
    room = settings.endpoint.max_tokens
    state = _State(
        config=config,
        settings=settings,
        agent=agent,
        crew=crew,
        written=WrittenCases(config, settings, agent, crew.target, crew.observer),
        log=ReadableLog(agent, settings.log_tokens, room),
    )
    h0 = first(agent, config.risk, account, room)
    state.named.append(h0)
    _measure(state, 0, dict.fromkeys([h0], config.budget.queries_per_hypothesis))
    if not state.hypotheses:
        raise MeasurementError(
            "explore needs queries of its first hypothesis",
            "none that the agent wrote could be used (queries_rejected in log.jsonl says why)",
            "try another agent, or agent=offline",
        )
    for number in range(1, config.budget.rounds + 1):
        _measure(state, number, _next(state, number))
    return Explored(
        clean=tuple(state.clean),
        sources=tuple(_sources(state)),
        hypotheses=tuple(state.hypotheses),
        queries=tuple(state.queries),
        verdicts=tuple(state.verdicts),
        rounds=tuple(state.rounds),
    )


def _next(state: _State, number: int) -> dict[Hypothesis, int]:
    """A round's hypotheses and how many cases of each; the first has those of further strata.

    What a round did not bring, the next one asks for.
    """
    budget = state.config.budget
    named = Counter(h.stratum for h in state.named if h.id != ROOT)
    due = state.settings.hypotheses_per_round * number - named[KNOWN]
    found = dict.fromkeys(_proposed(state, due, number, KNOWN), budget.queries_per_hypothesis)
    further = set(state.config.risk.strata) - {KNOWN} - set(named)
    for stratum in sorted(further if budget.hypotheses_per_stratum else ()):
        more = _proposed(state, budget.hypotheses_per_stratum, number, stratum)
        found |= dict.fromkeys(more, round(budget.queries_per_stratum / max(1, len(more))))
    return found


def _proposed(state: _State, n: int, number: int, stratum: str) -> list[Hypothesis]:
    wish = Wish(n, number, stratum, tuple(state.named), tuple(state.hypotheses))
    room = state.settings.endpoint.max_tokens
    found, problems = propose(state.agent, state.config.risk, state.log.parts, wish, room)
    if problems:
        state.crew.observer.event(HypothesesRejected(round=number, reason=problems))
    state.named += found
    return found


def _measure(state: _State, number: int, wanted: Mapping[Hypothesis, int]) -> None:
    """Write each hypothesis's cases, let the base answer them all in one go, and log the rates."""
    what = f"round {number} of explore"
    cases, clean = state.written.write(wanted, what)
    state.clean += clean
    usable = [h for h in wanted if cases[h.id]]
    state.hypotheses += usable
    queries = _flat(cases[h.id] for h in usable)
    limit = state.config.evals.max_unscored
    verdicts = answer_and_judge(
        state.crew.target, state.crew.judge, queries, state.config.decoding, what, limit
    )
    state.queries += queries
    state.verdicts += verdicts
    events = list(measured(state.config, usable, queries, verdicts))
    for event in events:
        state.crew.observer.event(event)
    state.measured |= {e.hypothesis.id: e for e in events}
    state.log.add(events, [h for h in wanted if not cases[h.id]])
    state.rounds.append(_totals(state, number))
    state.crew.observer.event(RoundMeasured(totals=state.rounds[-1]))


def _flat(groups: Iterable[list[Case]]) -> list[Query]:
    return [query for cases in groups for case in cases for query in case]


def _totals(state: _State, number: int) -> RoundTotals:
    rates = [e.sfr for e in state.measured.values()]
    confidence = state.config.goal.confidence
    return RoundTotals(
        round=number,
        hypotheses=len(state.hypotheses),
        queries=sum(r.n for r in rates),
        failures=sum(r.hits for r in rates),
        found=sum(shown(r.hits, r.n, confidence) for r in rates),
    )


def _sources(state: _State) -> Iterator[Source]:
    """What the queries are about, in every wording.

    Nothing is set aside, since fresh queries bring their own.
    """
    strata = {h.id: h.stratum for h in state.hypotheses}
    seen: set[tuple[str, str]] = set()
    for query in state.queries:
        if (query.source_id, query.about) not in seen:
            seen.add((query.source_id, query.about))
            yield Source(
                id=query.source_id,
                topic=query.topic,
                stratum=strata[query.hypothesis_id],
                reserved=False,
                about=query.about,
                answers=query.answers,
            )
