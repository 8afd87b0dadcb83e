"""What a run will ask of models behind endpoints, told before anything is spent.

Counts follow from the configuration: at most, where every draft but the last is rejected, no trial
is dropped and no answer repeats; and expected, by what benchmarks/savings.json found. Retries,
malformed replies that go back, and answers to learn where the target's own do not serve come on
top. Instructions are measured; how long chats, answers and calls will be is assumed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from a3.agents.model.respond import WORDS
from a3.config import Config
from a3.config.schema import EndpointJudgeConfig, ModelAgent
from a3.judges.model import ruling, system
from a3.llm.door import strict_schema
from a3.prompts import render
from a3.search.agent import instructions as proposing
from a3.search.selection import room
from a3.types import written
from a3.types.base import Frozen
from a3.types.endpoint import EndpointSpec, Price
from a3.types.model import EndpointSource
from a3.types.queries import KNOWN, Kind
from a3.types.trials import FINER

CHARACTERS = 4
"""Of a token, about."""
REWRITTEN = 1.3
"""Queries written, per query that is used (assumed)."""
CHAT, TWIN, IDEA, HYPOTHESIS, LINE, PROPOSAL, RULING = 240, 80, 20, 130, 50, 240, 50
"""Tokens of one of each, as written or as read (assumed); LINE is a hypothesis without example."""
DOUBTS = 20
"""Tokens of what a check of twins brings: mostly none is named (4 with the agent of the tests)."""
TOLD = 410
"""Tokens that tell an agent of a trial: 310 to 390 at seed 11, without the agent's own words."""
CASE = 300
"""Tokens that show a judge an answer, its conversation and what was expected (assumed)."""
SEARCHED, SEARCHED_SAMPLED, FRESH = 0.19, 0.33, 0.9
"""Shares, by benchmarks/savings.json: of all answers of a search those that a judge is asked about,
greedy and where none repeats; and of a repair's answers those that are not the base's."""
CORRECTED, CORRECTED_TRIAL = 2, 3
"""How often hypotheses and splits, and trials, are asked for at most where they break rules."""
SECOND = 200
"""Final verdicts that the judge that steered is asked about, too."""
ROLES = {
    "model.source.endpoint": "target",
    "agent.endpoint": "agent",
    "judge.endpoint": "judge",
    "judge.final.endpoint": "final judge",
}
"""Who is called under which key of the configuration."""
BASIS = "early dropping and answers that repeat, as benchmarks/savings.json found with smollm2"
SECONDS = {"agent": 20.0, "judge": 4.0, "final judge": 4.0, "target": 10.0}
"""Of one call, retries included (assumed)."""


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


@dataclass(frozen=True)
class Counts:
    """What a run asks about."""

    hypotheses: int
    """Of failures; H0 is one."""
    of_strata: int
    """Further ones, of strata beside `known`."""
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
    hypotheses = 0
    harmful = budget.queries_per_hypothesis + budget.rounds * budget.queries_per_round
    if isinstance(config.agent, ModelAgent):
        hypotheses = 1 + budget.rounds * config.agent.hypotheses_per_round
        harmful = hypotheses * budget.queries_per_hypothesis
    explored = 2 * harmful + strata * budget.queries_per_stratum
    trials = config.trials
    return Counts(
        hypotheses=hypotheses,
        of_strata=strata * budget.hypotheses_per_stratum if hypotheses else 0,
        explored=explored,
        validation=int(explored * config.explore.validation),
        held_out=2 * (budget.confirm + budget.ood) + 2 * strata * budget.strata,
        trials=trials,
        measured=trials + (len(config.search.soup) if trials > 1 and config.searches else 0),
        strata=strata,
    )


def instructions(config: Config) -> dict[str, int]:
    """Tokens of the instructions and the schema of one call, by kind, as they are sent."""
    risk = config.risk
    told = {"description": risk.description.strip()}
    guided = told | {"guide": risk.guide}
    benign, harmful = (risk.desired_behaviour[k].strip() for k in (Kind.BENIGN, Kind.HARMFUL))
    answers = render("respond", **told, desired=harmful, words=str(WORDS))
    share = f"{100 * config.explore.ood_share:.0f}"
    texts = {
        "hypotheses": (render("hypotheses", **told), written.NewHypotheses),
        "ideas": (render("ideas", **guided), written.Ideas),
        "chats": (render("chats", **guided), written.WrittenChats),
        "twins": (render("twins", benign=benign), written.Doubts),
        "split": (render("split", share=share, most="10"), written.SplitChoice),
        "answers": (answers, written.WrittenAnswer),
        "proposals": (proposing(config.search.space, config.goal), written.WrittenProposal),
    }
    sent = {kind: tokens(text, schema) for kind, (text, schema) in texts.items()}
    verdicts = round(fmean(tokens(system(risk, k), ruling(risk, k)) for k in Kind))
    return {**sent, "verdicts": verdicts, "target": 0}


def tokens(text: str, reply: type[Frozen] | None = None) -> int:
    """Of a text, and of the schema that its reply must keep to."""
    schema = "" if reply is None else json.dumps(strict_schema(reply))
    return math.ceil((len(text) + len(schema)) / CHARACTERS)


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


def _target(config: Config, found: Counts) -> Iterator[Made]:
    """Of a target behind an endpoint, which is evaluated and not repaired: clean questions too."""
    if not isinstance(config.model.source, EndpointSource):
        return
    clean = found.explored if isinstance(config.agent, ModelAgent) else config.budget.facts
    model = config.model
    n = clean * len(config.explore.phrasings) + found.explored + found.held_out
    n *= model.samples
    yield "target", "target", n, TWIN * n, model.max_new_tokens * n, FREE


def told(config: Config) -> str:
    """Calls, tokens, dollars and hours, line by line; what is unknown is called so, never 0."""
    most, likely = calls(config), calls(config, expected=True)
    if not most:
        return "no calls to any API, $0"
    specs = endpoints(config)
    lines = [f"at most {_sum(most, specs)}; expected {_sum(likely, specs)}"]
    for who, spec in specs.items():
        each = [_detailed([c for c in made if c.who == who], spec) for made in (most, likely)]
        lines.append(f"{spec.model} as {who}: at most {each[0]}; expected {each[1]}")
    hours = [sum(_seconds(c, specs[c.who]) for c in made) / 3600 for made in (likely, most)]
    pace = ", ".join(f"{who} {SECONDS[who]:g} s" for who in specs)
    return (
        "\n         ".join(lines) + f"\n         (expected: {BASIS})\n"
        f"  hours: calls about {hours[0]:.1f}, at most {hours[1]:.1f} (assumed of one: {pace}); "
        "training and answers on this machine unknown"
    )


def endpoints(config: Config) -> dict[str, EndpointSpec]:
    """Who is called where."""
    return {ROLES[key]: spec for key, spec in config.endpoints.items()}


def _seconds(made: Calls, spec: EndpointSpec) -> float:
    return made.n * SECONDS[made.who] / min(spec.concurrency, made.at_once)


def _sum(made: Sequence[Calls], specs: Mapping[str, EndpointSpec]) -> str:
    parts = [_usd(specs[c.who].known_price, c.tokens_in, c.tokens_out) for c in made]
    known = [usd for usd in parts if usd is not None]
    usd = sum(known) if len(known) == len(parts) else None
    return f"{sum(c.n for c in made):,} calls, {_dollars(usd)}"


def _detailed(made: Sequence[Calls], spec: EndpointSpec) -> str:
    tokens_in, tokens_out = sum(c.tokens_in for c in made), sum(c.tokens_out for c in made)
    return (
        f"{sum(c.n for c in made):,} calls ({tokens_in / 1e6:.1f} M tokens in, "
        f"{tokens_out / 1e6:.1f} M out, {_dollars(_usd(spec.known_price, tokens_in, tokens_out))})"
    )


def _usd(price: Price | None, tokens_in: int, tokens_out: int) -> float | None:
    """None where the price is unknown."""
    return None if price is None else (tokens_in * price.input + tokens_out * price.output) / 1e6


def _dollars(usd: float | None) -> str:
    return "dollars unknown" if usd is None else f"${usd:,.2f}"
