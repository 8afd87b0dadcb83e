"""Soups: the mean of the adapters that trained longest in place of the best single one.

Each training falls for accidents of its own mix (a topic beside one that never trains is taken
over). In the mean they cancel, what all agree on stays, and an answer costs no more than with one
adapter (Wortsman et al. 2022, arXiv 2203.05482; figures in docs/log.md, 2026-11-22).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from a3.errors import MeasurementError, TooManyUnscored
from a3.executor.context import Baseline, Context
from a3.executor.local import run_soup
from a3.methods.figures import figures
from a3.search.drop_rule import beating, keeping
from a3.search.selection import (
    constraints,
    keeps_limits,
    limits,
    objective,
    select,
    standing,
)
from a3.types.events import SoupMeasured
from a3.types.queries import SearchView
from a3.types.trials import Candidate, DropRule, Soup, Trial, TrialResult


def soups(
    trials: Sequence[Trial], view: SearchView, baseline: Baseline, context: Context
) -> list[Soup]:
    """The mean of the trials that trained longest, at each scale of `search.soup`.

    It is measured like a trial. Dropped ones belong to it: they could not win alone, and differ
    most from those that could.
    """
    several = len(averaged(trials)) > 1
    found: list[Soup] = []
    for number in range(len(context.config.search.soup) if several else 0):
        rule = _drop_rule(trials, found, baseline, context)
        made = context.store.once(
            ("soup", len(trials), number),  # With more trials on resume it is another soup.
            Soup,
            partial(_soup, number, trials, rule, view, baseline, context),
        )
        found.append(made)
    return found


def averaged(trials: Sequence[Trial]) -> dict[int, str]:
    """Folders of the adapters of the trials whose epochs were longest, by the trial's number."""
    longest = max((t.proposal.length for t in trials if t.adapter is not None), default=1)
    return {
        t.number: t.adapter
        for t in trials
        if t.adapter is not None and t.proposal.length == longest
    }


def _drop_rule(
    trials: Sequence[Trial], soups: Sequence[Soup], baseline: Baseline, context: Context
) -> DropRule | None:
    """What a soup has to beat to be chosen: the soups before it; of the trials, their violations.

    One that keeps every limit goes before any single trial.
    """
    search, bounds = context.config.search, limits(baseline.validation, context.config.goal)
    known: list[Sequence[Candidate]] = [[s] for s in soups if s.objective is not None]
    best = select(trials)
    if best and keeps_limits(best):
        known = [mine for mine in known if keeps_limits(mine)]
        return (
            beating(search, min(known, key=standing), bounds) if known else keeping(search, bounds)
        )
    if best:
        known.append(best)
    return beating(search, min(known, key=standing, default=()), bounds)


def _soup(
    number: int,
    trials: Sequence[Trial],
    rule: DropRule | None,
    view: SearchView,
    baseline: Baseline,
    context: Context,
) -> Soup:
    adapters = averaged(trials)
    search = context.config.search
    key, scale = ("soup", len(trials), number), search.soup[number]
    found = Soup(
        number=number,
        trials=tuple(adapters),
        scale=scale,
        depth=search.soup_depth,
        scores=None,
        objective=None,
        adapter=None,
    )
    try:
        result = run_soup(key, list(adapters.values()), scale, view.validation, context, rule)
    except TooManyUnscored:
        raise
    except MeasurementError as error:  # It cannot be chosen; single trials can.
        found = found.model_copy(update={"error": str(error)})
    else:
        found = found.model_copy(update=_measured(result, baseline, context))
    context.observer.metrics({f"soup/{number}/{name}": v for name, v in figures(found).items()})
    context.observer.event(SoupMeasured(soup=found))
    return found


def _measured(result: TrialResult, baseline: Baseline, context: Context) -> dict[str, object]:
    found: dict[str, object] = {"adapter": result.adapter, "seconds": result.seconds}
    if result.scores is None:
        return found | {"partial": result.partial}
    base = baseline.validation, baseline.capability, context.config.goal
    return found | {
        "scores": result.scores,
        "objective": objective(result.scores, *base),
        "constraints": constraints(result.scores, *base),
    }
