"""Every kind of call that a run makes: how many, and of how many tokens."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from a3.config import Config
from a3.config.groups import EndpointJudgeConfig, ModelAgent
from a3.estimate.assumed import (
    CASE,
    CHAT,
    CORRECTED,
    CORRECTED_TRIAL,
    DOUBTS,
    FRESH,
    HYPOTHESIS,
    IDEA,
    LINE,
    PROPOSAL,
    REWRITTEN,
    RULING,
    SEARCHED,
    SEARCHED_SAMPLED,
    SECOND,
    TOLD,
    TWIN,
)
from a3.estimate.sizes import instructions
from a3.estimate.volume import Counts, counts
from a3.search.selection import room
from a3.types.model import EndpointSource
from a3.types.trials import FINER


@dataclass(frozen=True)
class Calls:
    """Calls of one kind."""

    who: str
    kind: str
    n: int
    tokens_in: int
    """Of all of them."""
    tokens_out: int
    at_once: int
    """How many there are at a time, where the endpoint's limit allows them."""


def calls(config: Config, expected: bool = False) -> list[Calls]:
    """Every kind of call, agent's first: as many as there can be, or as are expected."""
    found, sent = counts(config), instructions(config)
    made = [*_agent(config, found, expected), *_judges(config, found, expected)]
    made += _target(config, found)
    return [
        Calls(who, kind, n, n * sent[kind] + shown, out, at_once)
        for who, kind, n, shown, out, at_once in made
    ]


Made = tuple[str, str, int, int, int, int]
"""Who, kind, calls, tokens of all that they show, tokens of all replies, calls at a time."""
FREE = 10**6
"""At a time: as many as the endpoint's own limit allows."""


def _agent(config: Config, found: Counts, expected: bool) -> Iterator[Made]:
    agent = config.agent
    if not isinstance(agent, ModelAgent):
        return
    again = 1 if expected else CORRECTED
    every = found.hypotheses + found.of_strata
    n, log = config.budget.rounds + found.strata + 1, min(agent.log_tokens, HYPOTHESIS * every)
    yield "agent", "hypotheses", n * again, n * again * log // 2, HYPOTHESIS * every * again, 1
    yield from _writing(config, agent, found, expected)
    yield "agent", "split", again, again * log, again * HYPOTHESIS, 1
    if config.respond.source == "agent":
        n = found.explored - (found.validation if expected else 0)
        yield "agent", "answers", n, n * CHAT, n * CHAT, FREE
    if config.search.name in {"agent", "hybrid"} and config.searches:
        search = config.search
        new = room([], config.trials, search.rerun_top, search.rerun_seeds)
        n = max(0, new - max(1, len(search.first))) * (1 if expected else CORRECTED_TRIAL)
        yield "agent", "proposals", n, n * (LINE * every + TOLD * new // 2), n * PROPOSAL, 1


def _writing(config: Config, agent: ModelAgent, found: Counts, expected: bool) -> Iterator[Made]:
    """Ideas, chats and checks of their twins, order by order: one hypothesis's cases are one."""
    ideas, chats, cases = 0.0, 0.0, 0.0
    for orders, each in _orders(config, found):
        rounds = [each] * (1 + agent.rewrites)
        if expected:
            rounds = [each, (REWRITTEN - 1) * each]
        for wanted in rounds:
            ideas += orders * min(1.0, wanted)
            chats += orders * min(wanted, math.ceil(wanted / agent.chats_per_call))
            cases += orders * wanted
    n, parts, written_ = math.ceil(ideas), math.ceil(chats), round(cases)
    yield "agent", "ideas", n, IDEA * written_, IDEA * written_, FREE
    yield "agent", "chats", parts, IDEA * written_, CHAT * written_, FREE
    yield "agent", "twins", n, TWIN * written_, DOUBTS * n, FREE


def _orders(config: Config, found: Counts) -> Sequence[tuple[int, float]]:
    """How many hypotheses cases are written of at a time, and how many of each."""
    budget, ood = config.budget, config.explore.ood_share
    groups: list[tuple[float, float]] = [
        (found.hypotheses, found.hypotheses * budget.queries_per_hypothesis),
        (found.of_strata, found.strata * budget.queries_per_stratum),
    ]
    for share, cases in ((1 - ood, budget.confirm), (ood, budget.ood)):
        groups.append((share * found.hypotheses, cases))
        groups.append((share * found.of_strata, found.strata * budget.strata))
    return [(max(1, round(n)), cases / max(1, round(n))) for n, cases in groups if cases]


def _judges(config: Config, found: Counts, expected: bool) -> Iterator[Made]:
    """Of the judge that steers, and of another one for evaluate if there is one.

    Baseline asks nothing: its answers were ruled on in explore. Nor are training answers judged
    that are known to be right.
    """
    validation, searched, fresh = float(found.validation), 1.0, 1.0
    if expected:
        validation *= 1 - config.explore.ood_share
        fresh = FRESH if config.model.temperature == 0 else 1.0
        if config.search.drop_parts > 1 and config.searches:
            searched = SEARCHED if config.model.temperature == 0 else SEARCHED_SAMPLED
    explored, final = found.explored + _learned(config, found), config.final_judge
    held_out = round(found.held_out * (1 + (fresh if config.trials else 0.0)))
    part = max(1, round(validation / (config.search.drop_parts * FINER)))
    asked = [
        ("judge", config.judge, explored, FREE),
        ("judge", config.judge, round(searched * validation * found.measured), part),
        ("judge", config.judge, SECOND if final else held_out, FREE),
        ("final judge", final, held_out, FREE),
    ]
    for who, judge, each, at_once in asked:
        if isinstance(judge, EndpointJudgeConfig) and each:
            n = judge.votes * config.model.samples * each
            yield who, "verdicts", n, CASE * n, RULING * n, at_once


def _learned(config: Config, found: Counts) -> int:
    """Answers to learn that are judged first: those that are not known to be right."""
    budget, source = config.budget, config.respond.source
    if not config.trials or source == "template":
        return 0
    if source == "agent":
        return found.explored
    cases = budget.queries_per_stratum
    if not found.hypotheses:  # The grammar writes more of each hypothesis at no cost.
        cases = max(cases, budget.hypotheses_per_stratum * budget.cases_per_hypothesis)
    return found.strata * cases


def clean_answers(config: Config, found: Counts) -> int:
    """Answers to what is asked plainly, in all phrasings, at most."""
    ways = len(config.explore.phrasings) + len(config.explore.further_phrasings)
    return ways * (found.explored if isinstance(config.agent, ModelAgent) else config.budget.facts)


def _target(config: Config, found: Counts) -> Iterator[Made]:
    """Of a target behind an endpoint, which is evaluated and not repaired: clean questions too."""
    if not isinstance(config.model.source, EndpointSource):
        return
    model = config.model
    n = clean_answers(config, found) + found.explored + found.held_out
    n *= model.samples
    yield "target", "target", n, TWIN * n, model.max_new_tokens * n, FREE
