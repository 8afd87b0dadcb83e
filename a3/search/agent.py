"""An agent proposes trials: alone, or with a sampler's suggestion before it (hybrid).

Published comparisons find that a model which sees a sampler's state and may overrule it beats
either alone. It sees every trial on validation, by training hypothesis, and nothing of OOD.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

from a3 import prompts
from a3.config.groups import ModelAgent, SearchConfig
from a3.llm.ask import as_data, ask_within_rules
from a3.search.proposers import propose
from a3.search.selection import accuracy, mean_fpr, ranked, room
from a3.types.chat import ask
from a3.types.events import ProposalsRejected
from a3.types.llm import CallFailed, ChatModel, ChatRequest
from a3.types.observer import Observer
from a3.types.queries import Hypothesis
from a3.types.results import Goal
from a3.types.scores import HypothesisRates, ValidationScores
from a3.types.trials import (
    LoraSpec,
    Proposal,
    SearchSpace,
    Trial,
    TrialConfig,
    coordinates,
)
from a3.types.written import WrittenProposal

BEST = 0.25
"""Share of the trials that the sampler's state calls the best."""


def _uncapped(n_trials: int) -> Mapping[str, float]:
    return {}


@dataclass(frozen=True)
class Known:
    """What an agent knows besides the trials."""

    hypotheses: Sequence[Hypothesis]
    """Those that train."""
    rates: Mapping[str, HypothesisRates]
    """The base's on the train queries, by hypothesis."""
    base: ValidationScores
    goal: Goal
    trials: int
    """All that the budget allows, reruns included."""
    left: Callable[[int], Mapping[str, float]] = _uncapped
    """From the number of trials so far to what is left of the caps on calls, tokens and dollars."""


class AgentProposer:
    """Proposes by what the agent says, within the space."""

    def __init__(
        self,
        config: SearchConfig,
        settings: ModelAgent,
        agent: ChatModel,
        known: Known,
        observer: Observer,
    ) -> None:
        self._config, self._settings, self._agent = config, settings, agent
        self._known, self._observer = known, observer

    def propose(self, trials: Sequence[Trial], seed: int, n: int) -> list[Proposal]:
        """The next `n`; what the configuration sets comes first, as for every proposer.

        Where the agent stays outside the space, the sampler's suggestion takes its place.
        """
        found: list[Proposal] = []
        for _ in range(n):
            suggested = propose(self._config, trials, seed, found, 1)[0]
            given = len(trials) + len(found) < max(1, len(self._config.first))
            found.append(suggested if given else self._asked(trials, found, suggested))
        return found

    def _asked(
        self, trials: Sequence[Trial], pending: Sequence[Proposal], suggested: Proposal
    ) -> Proposal:
        known = [t.proposal.config for t in trials] + [p.config for p in pending]
        broken: list[str] = []

        def problems(written: WrittenProposal) -> list[str]:
            wrong = violations(written, self._config.space, self._known.rates, known)
            broken.extend(wrong)
            return wrong

        found, wrong = ask_within_rules(
            self._agent,
            self._request(trials, pending, suggested),
            WrittenProposal,
            f"proposal of trial {len(trials) + len(pending)}",
            problems,
            tries=3,
        )
        if isinstance(found, CallFailed):
            broken.append(f"{found.kind}: {found.reason}")
        if broken:
            self._observer.event(ProposalsRejected(trial=len(known), reasons=tuple(broken)))
        if isinstance(found, CallFailed) or wrong:
            why = f"{self._config.sampler} in place of the agent: {broken[-1]}"
            return suggested.model_copy(update={"rationale": why})
        return Proposal(config=_config(found), rationale=found.rationale, expected=found.expected)

    def _request(
        self, trials: Sequence[Trial], pending: Sequence[Proposal], suggested: Proposal
    ) -> ChatRequest:
        asked = {
            "next trial": len(trials) + len(pending),
            "trials left": self._left(trials, pending),
            "under way": [p.config.model_dump() for p in pending],
        }
        if left := self._known.left(len(trials)):
            asked["left of the caps"] = dict(left)
        if self._config.name == "hybrid":
            asked["sampler"] = _state(self._config, trials, suggested)
        return ChatRequest(
            system=instructions(self._config.space, self._known.goal),
            log=(self._start(), *(f"<trial>{as_data(told(t))}</trial>" for t in trials)),
            conversation=ask(f"{as_data(asked)}\nPropose the next trial."),
            max_tokens=self._settings.endpoint.max_tokens,
        )

    def _left(self, trials: Sequence[Trial], pending: Sequence[Proposal]) -> int:
        """New configurations, this one included, without what is under way."""
        left, search = self._known.trials - len(trials) - len(pending), self._config
        return room(trials, left, search.rerun_top, search.rerun_seeds)

    def _start(self) -> str:
        """The hypotheses that train and the base's figures: what no trial changes."""
        rows = [
            {"id": h.id, "statement": h.statement, **_rates(self._known.rates.get(h.id))}
            for h in self._known.hypotheses
        ]
        base = {"base on validation": _scores(self._known.base)}
        return f"<hypotheses>{as_data(rows)}</hypotheses>\n<base>{as_data(base)}</base>"


def instructions(space: SearchSpace, goal: Goal) -> str:
    """What the agent is told to do, which no trial changes."""
    return prompts.render(
        "propose",
        sfr=f"{100 * goal.sfr_selection:g} %",
        space="\n".join(described(space)),
        offset=f"{space.max_offset:g}",
    )


def described(space: SearchSpace) -> list[str]:
    """One line a dimension, for the prompt."""
    return [
        f"- {name}: "
        + (
            f"always {r.low:g}"
            if r.low == r.high
            else f"{r.low:g} to {r.high:g}"
            + (", on a log scale" if r.log else "")
            + (", a whole number" if r.integer else "")
        )
        for name, r in space.dimensions.items()
    ]


def violations(
    written: WrittenProposal,
    space: SearchSpace,
    measured: Container[str],
    known: Sequence[TrialConfig],
) -> list[str]:
    """What is wrong with a proposal, in words for the agent.

    `measured` are the hypotheses with a weight of their own (training/mix.py).
    """
    try:
        config = _config(written)
    except ValueError as error:
        return [str(error)]
    wrong = space.violations(config)
    strays = [g for g in config.offsets if g.split("/")[0] not in measured]
    wrong += [f"offsets: no hypothesis {g} with rates" for g in strays]
    if config in known:
        wrong.append("this very configuration was tried before")
    return wrong


def _config(written: WrittenProposal) -> TrialConfig:
    values = written.model_dump(exclude={"rationale", "expected", "rank", "alpha", "offsets"})
    return TrialConfig(
        **values,
        lora=LoraSpec(rank=written.rank, alpha=written.alpha),
        offsets={o.group: o.value for o in written.offsets},
    )


def told(trial: Trial) -> dict[str, object]:
    """A trial as an agent reads it: what was expected beside what came."""
    found: dict[str, object] = {
        "trial": trial.number,
        "configuration": trial.proposal.config.model_dump(),
        "rationale": trial.proposal.rationale,
        "expected": trial.proposal.expected or None,
        "state": str(trial.state),
        "again": trial.rerun_of,
        "error": trial.error,
        "dropped": trial.partial.reason if trial.partial else None,
    }
    if trial.scores is not None:
        validation = trial.scores.validation
        found |= {
            "validation": _scores(validation),
            "KL": _short(trial.scores.kl_task.value),
            "capability": _short(accuracy(trial.scores.capability)),
            "limits broken": {k: _short(v) for k, v in trial.constraints.items() if v > 0},
            "failures left": {
                h: _rates(r) for h, r in validation.by_hypothesis.items() if r.sfr.hits + r.fpr.hits
            },
        }
    return {name: value for name, value in found.items() if value is not None}


def _scores(scores: ValidationScores) -> dict[str, object]:
    strata = {f"FPR {s}": _short(r.value) for s, r in scores.fpr_by_stratum.items()}
    return {
        "SFR": _short(scores.sfr.value),
        "mean FPR": _short(mean_fpr(scores)),
        **strata,
        "incoherent": _short(scores.incoherent.value),
    }


def _rates(rates: HypothesisRates | None) -> dict[str, str]:
    if rates is None:
        return {}
    both = {"SFR": rates.sfr, "FPR": rates.fpr}
    return {name: f"{r.hits} of {r.n}" for name, r in both.items() if r.n}


def _state(config: SearchConfig, trials: Sequence[Trial], suggested: Proposal) -> dict[str, object]:
    """What the sampler would try, and between which values its best trials lie."""
    measured = ranked(trials)
    best = measured[: math.ceil(BEST * len(measured))]
    points = [coordinates(t.proposal.config) for t in best]
    spans = {
        name: [min(p[name] for p in points), max(p[name] for p in points)]
        for name in (points[0] if points else {})
    }
    return {
        "name": config.sampler,
        "suggests": suggested.config.model_dump(exclude={"offsets"}),
        "its best trials": [t.number for t in best],
        "lie between": spans,
    }


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")
