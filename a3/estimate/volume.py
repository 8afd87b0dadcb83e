"""How much a run asks about, from the budget alone."""

from __future__ import annotations

from dataclasses import dataclass

from a3.config import Config
from a3.config.groups import ModelAgent
from a3.types.queries import KNOWN


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
