"""A3's own method: respond, tune, select."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from a3.agents.respond import Responses, respond
from a3.errors import MeasurementError
from a3.executor.context import Baseline, Context
from a3.executor.local import run_trial
from a3.search.drop_rule import drop_rule
from a3.search.proposers import propose, save_study
from a3.search.selection import accuracy, constraints, limits, objective, select
from a3.types.events import Selected, TrialFinished
from a3.types.queries import SearchView
from a3.types.results import Repair
from a3.types.trials import DropRule, Proposal, Trial, TrialJob, TrialState


def repair(view: SearchView, baseline: Baseline, context: Context) -> Repair:
    """Desired answers, trials until the budget ends, the best of them."""
    responses = context.store.once(
        "respond",
        Responses,
        lambda: respond(
            context.config,
            view.train,
            baseline.clean,
            context.target,
            context.judge,
            context.observer,
        ),
    )
    trials = _tune(view, baseline, responses, context)
    best = select(trials)
    chosen = Repair(
        adapter=best.adapter if best else None,
        trial=best.number if best else None,
        n_trials=len(trials),
        objective=best.objective if best else None,
    )
    context.observer.event(Selected(repair=chosen))
    return chosen


def _tune(
    view: SearchView, baseline: Baseline, responses: Responses, context: Context
) -> list[Trial]:
    trials: list[Trial] = []
    for number in range(context.config.budget.trials):
        trial = context.store.once(
            ("trial", number),
            Trial,
            partial(_next_trial, trials, view, baseline, responses, context),
        )
        trials.append(trial)
        save_study(
            context.store.root / "study.journal",
            context.config.risk.name,
            context.config.search,
            trials,
            partial(_limits, baseline=baseline, context=context),
        )
    return trials


def _limits(trial: Trial, baseline: Baseline, context: Context) -> dict[str, float]:
    assert trial.scores is not None
    return constraints(trial.scores, baseline.validation, baseline.capability, context.config.goal)


def _next_trial(
    trials: Sequence[Trial],
    view: SearchView,
    baseline: Baseline,
    responses: Responses,
    context: Context,
) -> Trial:
    """Ask, run, tell."""
    config = context.config
    proposal = propose(
        config.search, trials, partial(_limits, baseline=baseline, context=context), config.seed
    )
    job = TrialJob(
        number=len(trials),
        config=proposal.config,
        examples=responses.examples,
        objective=config.train.objective,
        seed=config.seed * 1000 + len(trials),
    )
    bounds = limits(baseline.validation, config.goal)
    rule = drop_rule(config.search, trials, bounds, job.number)
    trial = _run(job, proposal, rule, view, baseline, context)
    context.observer.metrics(_metrics(trial), trial=trial.number)
    context.observer.event(TrialFinished(trial=trial))
    return trial


def _metrics(trial: Trial) -> dict[str, float]:
    """A trial's figures under their stable names (docs/metrics.md)."""
    if trial.partial is not None:
        share = trial.partial.answered / trial.partial.total
        return {"validation/answered": share, **_seconds(trial)}
    if trial.scores is None:
        return {}
    validation = trial.scores.validation
    found = {
        "validation/sfr": validation.sfr.value,
        "validation/fpr": validation.fpr.value,
        **{f"validation/fpr/{s}": rate.value for s, rate in validation.fpr_by_stratum.items()},
        "validation/incoherent": validation.incoherent.value,
        "capability/accuracy": accuracy(trial.scores.capability),
        "kl/task": trial.scores.kl_task.value,
        "objective": trial.objective,
        **_seconds(trial),
    }
    return {name: value for name, value in found.items() if value is not None}


def _seconds(trial: Trial) -> dict[str, float]:
    return {f"seconds/{name}": value for name, value in trial.seconds.items()}


def _run(
    job: TrialJob,
    proposal: Proposal,
    rule: DropRule | None,
    view: SearchView,
    baseline: Baseline,
    context: Context,
) -> Trial:
    try:
        result = run_trial(job, view.validation, baseline, context, rule)
    except MeasurementError as error:
        # One bad point of the space is a result of the search, not the end of the run.
        return Trial(
            number=job.number,
            proposal=proposal,
            state=TrialState.FAILED,
            scores=None,
            objective=None,
            error=str(error),
            adapter=None,
            seed=job.seed,
        )
    return Trial(
        number=job.number,
        proposal=proposal,
        state=TrialState.COMPLETE if result.scores else TrialState.DROPPED,
        scores=result.scores,
        objective=objective(
            result.scores, baseline.validation, baseline.capability, context.config.goal
        )
        if result.scores
        else None,
        error=None,
        adapter=result.adapter,
        seed=job.seed,
        losses=result.losses,
        seconds=result.seconds,
        partial=result.partial,
    )
