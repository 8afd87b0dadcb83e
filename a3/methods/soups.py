"""Soups: the mean of all trained adapters in place of the best single one.

Each training falls for accidents of its own mix (a topic beside one that never trains is taken
over). In the mean they cancel, what all agree on stays, and an answer costs no more than with one
adapter (Wortsman et al. 2022, arXiv 2203.05482; figures in docs/log.md, 2026-11-22).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from a3.errors import MeasurementError
from a3.executor.context import Baseline, Context
from a3.executor.local import run_soup
from a3.methods.figures import figures
from a3.search.selection import constraints, objective
from a3.types.events import SoupMeasured
from a3.types.queries import SearchView
from a3.types.trials import Soup, Trial


def soups(
    trials: Sequence[Trial], view: SearchView, baseline: Baseline, context: Context
) -> list[Soup]:
    """The mean of all trained trials at each scale of `search.soup`, measured like trials.

    Dropped ones belong to it: they could not win alone, and differ most from those that could.
    """
    several = sum(t.adapter is not None for t in trials) > 1
    scales = context.config.search.soup if several else ()
    return [
        context.store.once(
            ("soup", len(trials), number),  # With more trials on resume it is another soup.
            Soup,
            partial(_soup, number, scale, trials, view, baseline, context),
        )
        for number, scale in enumerate(scales)
    ]


def _soup(
    number: int,
    scale: float,
    trials: Sequence[Trial],
    view: SearchView,
    baseline: Baseline,
    context: Context,
) -> Soup:
    adapters = {t.number: t.adapter for t in trials if t.adapter is not None}
    key = ("soup", len(trials), number)
    found = Soup(
        number=number,
        trials=tuple(adapters),
        scale=scale,
        scores=None,
        objective=None,
        adapter=None,
    )
    try:
        result = run_soup(key, list(adapters.values()), scale, view.validation, context)
    except MeasurementError:  # What cannot be measured cannot be chosen; single trials can.
        pass
    else:
        assert result.scores is not None
        base = baseline.validation, baseline.capability, context.config.goal
        found = found.model_copy(
            update={
                "scores": result.scores,
                "objective": objective(result.scores, *base),
                "constraints": constraints(result.scores, *base),
                "adapter": result.adapter,
                "seconds": result.seconds,
            }
        )
    context.observer.metrics({f"soup/{number}/{name}": v for name, v in figures(found).items()})
    context.observer.event(SoupMeasured(soup=found))
    return found
