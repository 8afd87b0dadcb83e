"""A3's own method: respond, tune, average, select."""

from __future__ import annotations

from collections.abc import Sequence

from a3.agents.lessons import lessons
from a3.agents.respond import Responses, respond
from a3.errors import MeasurementError
from a3.executor.context import Baseline, Context
from a3.methods.soups import soups
from a3.methods.trial import Shared
from a3.methods.tune import tune
from a3.search.records import save_trials
from a3.search.selection import best_soup, front, mean_objective, select
from a3.types.events import Selected
from a3.types.queries import SearchView
from a3.types.results import Repair
from a3.types.trials import Soup, Trial


def repair(view: SearchView, baseline: Baseline, context: Context) -> Repair:
    """Desired answers, trials until the budget ends, the best of them or their mean."""
    responses = context.store.once(
        "respond",
        Responses,
        lambda: respond(
            context.config,
            lessons(context.config, view, context.generator),
            baseline.clean,
            context.crew,
            view.hypotheses,
        ),
    )
    trained = {q.hypothesis_id for q in view.train}
    if trained and trained <= set(responses.uncovered):
        raise MeasurementError(
            "a repair needs answers to learn from",
            f"too few usable ones to every hypothesis (respond={context.config.respond.source})",
            "read responses_made in log.jsonl, or try another respond.source in a new run",
        )
    trials = tune(Shared(view, baseline, responses, context))
    averaged = soups(trials, view, baseline, context)
    chosen = _chosen(trials, averaged)
    context.observer.event(Selected(repair=chosen))
    if context.config.search.keep == "front":
        _discard_others(trials, averaged, chosen, context)
    return chosen


def _chosen(trials: Sequence[Trial], averaged: Sequence[Soup]) -> Repair:
    best = select(trials)
    soup = best_soup(averaged, best)
    decided = [soup] if soup else best
    return Repair(
        adapter=decided[0].adapter if decided else None,
        trial=best[0].number if best and not soup else None,
        soup=soup.number if soup else None,
        n_soups=len(averaged),
        n_trials=len(trials),
        objective=mean_objective(decided) if decided else None,
        selected_on=() if soup else tuple(t.number for t in best),
        front=tuple(t.number for t in front(trials)),
    )


def _discard_others(
    trials: Sequence[Trial], averaged: Sequence[Soup], chosen: Repair, context: Context
) -> None:
    """Keep the adapters of the front and of the repair."""
    kept = {chosen.trial, *chosen.front}
    left = [t if t.number in kept else t.model_copy(update={"adapter": None}) for t in trials]
    save_trials(context.store.root / "trials.jsonl", left)
    for trial in trials:
        if trial.number not in kept:
            context.store.discard(("trial", trial.number))
    for soup in averaged:
        if soup.number != chosen.soup:
            context.store.discard(("soup", len(trials), soup.number))
