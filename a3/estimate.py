"""What a run will ask of models behind endpoints, told before anything is spent.

Counts follow from the configuration. Cached replies, answers that do not change and dropped trials
take away from them; retries, corrections of malformed replies, answers written where the target's
own are too few, and a second opinion come on top. Tokens are those of this project's own prompts,
about four characters each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from a3.config import Config
from a3.config.schema import EndpointJudgeConfig, ModelAgent
from a3.types.endpoint import EndpointSpec, Price
from a3.types.model import EndpointSource
from a3.types.queries import KNOWN

REWRITTEN = 1.3
"""Queries asked for, per query that is used."""
PROMPT = {
    "hypotheses": 350,
    "ideas": 450,
    "chats": 800,
    "twins": 150,
    "split": 300,
    "answers": 300,
    "proposals": 400,
    "verdicts": 650,
    "target": 0,
}
"""Tokens of a call's instructions and schema, by kind."""
CHAT, TWIN, IDEA, HYPOTHESIS, TRIAL, RULING = 240, 80, 20, 130, 900, 50
"""Tokens of one of each, as written or as read."""


@dataclass(frozen=True)
class Calls:
    """Calls of one kind."""

    who: str
    kind: str
    n: int
    tokens_in: int
    """Of all of them."""
    tokens_out: int


@dataclass(frozen=True)
class Counts:
    """What a run asks about."""

    hypotheses: int
    explored: int
    """Queries of both kinds in explore."""
    validation: int
    held_out: int
    """Of confirm and OOD together."""
    trials: int
    """Reruns included."""
    measured: int
    """What validation measures: trials, and soups of them."""
    strata: int
    """Further strata beside `known`."""


def counts(config: Config) -> Counts:
    """From the budget alone."""
    budget, strata = config.budget, len(set(config.risk.strata) - {KNOWN})
    if isinstance(config.agent, ModelAgent):
        hypotheses = 1 + budget.rounds * config.agent.hypotheses_per_round
        harmful = hypotheses * budget.queries_per_hypothesis
        hypotheses += strata * budget.hypotheses_per_stratum
    else:
        hypotheses = 0
        harmful = budget.queries_per_hypothesis + budget.rounds * budget.queries_per_round
    explored = 2 * harmful + strata * budget.queries_per_stratum
    trials = config.trials
    return Counts(
        hypotheses=hypotheses,
        explored=explored,
        validation=int(explored * config.explore.validation),
        held_out=2 * (budget.confirm + budget.ood) + 2 * strata * budget.strata,
        trials=trials,
        measured=trials + (len(config.search.soup) if trials > 1 and config.searches else 0),
        strata=strata,
    )


def calls(config: Config) -> list[Calls]:
    """Every kind of call, agent's first."""
    found = counts(config)
    return [*_agent(config, found), *_judges(config, found), *_target(config, found)]


def _agent(config: Config, found: Counts) -> Iterator[Calls]:
    agent = config.agent
    if not isinstance(agent, ModelAgent):
        return
    n = round(REWRITTEN * (found.explored + found.held_out) / 2)
    parts, per_call = math.ceil(n / agent.chats_per_call), agent.chats_per_call
    orders, log = 2 * found.hypotheses, min(agent.log_tokens, HYPOTHESIS * found.hypotheses)
    rounds = config.budget.rounds + found.strata
    yield _calls("hypotheses", rounds + 1, log // 2, HYPOTHESIS * agent.hypotheses_per_round)
    yield _calls("ideas", orders, IDEA * n // orders, IDEA * n // orders)
    yield _calls("chats", parts, IDEA * per_call, CHAT * per_call)
    yield _calls("twins", orders, TWIN * n // orders, RULING)
    yield _calls("split", 1, log, HYPOTHESIS)
    if config.respond.source == "agent":
        yield _calls("answers", found.explored - found.validation, CHAT, CHAT)
    if config.search.name in {"agent", "hybrid"} and config.searches:
        yield _calls("proposals", config.trials, log + TRIAL * config.trials // 2, CHAT)


def _judges(config: Config, found: Counts) -> Iterator[Calls]:
    """Of the judge that steers, and of another one for evaluate if there is one."""
    steering = found.explored + found.validation
    if config.trials:
        steering += found.explored + found.validation * found.measured
    final, held_out = config.final_judge, 2 * found.held_out
    if final is None:
        steering += held_out
    for who, judge, n in (("judge", config.judge, steering), ("final judge", final, held_out)):
        if isinstance(judge, EndpointJudgeConfig):
            yield _calls("verdicts", judge.votes * config.model.samples * n, TWIN, RULING, who)


def _target(config: Config, found: Counts) -> Iterator[Calls]:
    """Of a target behind an endpoint, which is evaluated and not repaired: clean questions too."""
    if not isinstance(config.model.source, EndpointSource):
        return
    clean = found.explored if isinstance(config.agent, ModelAgent) else config.budget.facts
    n = clean * len(config.explore.phrasings) + found.explored + found.held_out
    model = config.model
    yield _calls("target", n * model.samples, TWIN, model.max_new_tokens, who="target")


def _calls(kind: str, n: int, data: int, out: int, who: str = "agent") -> Calls:
    return Calls(who, kind, n, n * (PROMPT[kind] + data), n * out)


def told(config: Config) -> str:
    """Calls, tokens and dollars in one phrase; an unknown price is unknown."""
    asked = calls(config)
    if not asked:
        return "no calls to any API, $0"
    endpoints: dict[str, EndpointSpec] = {}
    if isinstance(config.model.source, EndpointSource):
        endpoints["target"] = config.model.source.endpoint
    if isinstance(config.agent, ModelAgent):
        endpoints["agent"] = config.agent.endpoint
    for who, judge in (("judge", config.judge), ("final judge", config.final_judge)):
        if isinstance(judge, EndpointJudgeConfig):
            endpoints[who] = judge.endpoint
    parts = [_priced(who, spec, asked) for who, spec in endpoints.items()]
    return "about " + "; ".join(parts)


def _priced(who: str, spec: EndpointSpec, asked: list[Calls]) -> str:
    mine = [c for c in asked if c.who == who]
    tokens_in, tokens_out = sum(c.tokens_in for c in mine), sum(c.tokens_out for c in mine)
    return (
        f"{sum(c.n for c in mine):,} calls of {spec.model} as {who} "
        f"({tokens_in / 1e6:.1f} M tokens in, {tokens_out / 1e6:.1f} M out, "
        f"{_dollars(spec.known_price, tokens_in, tokens_out)})"
    )


def _dollars(price: Price | None, tokens_in: int, tokens_out: int) -> str:
    if price is None:
        return "dollars unknown"
    return f"${(tokens_in * price.input + tokens_out * price.output) / 1e6:,.2f}"
