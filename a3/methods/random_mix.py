"""The published baseline: a few fixed mixes of the same data, one training each, the best of them.

A3's own method with the search taken out: the same training answers, hyperparameters of the
literature default, the same selection. Every hypothesis weighs alike. What A3 trains on in short
trials and long reruns is shared out over the mixes, so that a repair has seen as many tokens.
"""

from __future__ import annotations

from dataclasses import replace

from a3.config.groups import BudgetConfig, RandomMix, SearchConfig
from a3.executor.context import Baseline, Context
from a3.methods import a3
from a3.types.queries import SearchView
from a3.types.results import Repair
from a3.types.trials import TrialConfig, coordinates


def repair(view: SearchView, baseline: Baseline, context: Context) -> Repair:
    """One trial for each harmful share; the best of them by the rule that A3 selects by."""
    method = context.config.method
    assert isinstance(method, RandomMix)
    search = fixed(context.config.search, mixes(method, context.config.search.default))
    budget = shared_out(context.config.budget, context.config.search, len(search.first))
    config = context.config.model_copy(update={"search": search, "budget": budget})
    return a3.repair(view, baseline, replace(context, config=config))


def shared_out(budget: BudgetConfig, search: SearchConfig, trainings: int) -> BudgetConfig:
    """The tokens of A3's trials, of equally many epochs each, in so many trainings alike."""
    again = min(max(0, budget.trials - 1), search.rerun_top * search.rerun_seeds)
    first = budget.trials - again
    tokens = budget.epoch_tokens * (first + again * search.rerun_length)
    update = {"trials": trainings, "epoch_tokens": max(1, round(tokens / trainings))}
    return budget.model_copy(update=update)


def mixes(method: RandomMix, default: TrialConfig) -> tuple[TrialConfig, ...]:
    """The default's hyperparameters with each of the method's mixes."""
    return tuple(
        default.model_copy(
            update={
                "general_share": method.general_share,
                "harmful_share": share,
                "tau_harmful": 0.0,
                "tau_benign": 0.0,
            }
        )
        for share in method.harmful_shares
    )


def fixed(search: SearchConfig, points: tuple[TrialConfig, ...]) -> SearchConfig:
    """A search that tries these points once, whose space just holds them, and averages nothing."""
    values = [coordinates(point) for point in points]
    bounds = {
        name: known.model_copy(
            update={"low": min(v[name] for v in values), "high": max(v[name] for v in values)}
        )
        for name, known in search.space.dimensions.items()
    }
    space = search.space.model_copy(update={"dimensions": bounds})
    update = {"name": "random", "default": points[0], "first": points, "space": space}
    return search.model_copy(update=update | {"soup": (), "rerun_seeds": 0})
