"""A3's own method: respond, tune, average, select."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from a3.agents.lessons import lessons
from a3.agents.respond import Responses, respond
from a3.config.schema import ModelAgent
from a3.errors import MeasurementError, TooManyUnscored
from a3.executor.context import Baseline, Context
from a3.executor.local import run_trial
from a3.methods.figures import figures
from a3.methods.soups import soups
from a3.search.agent import AgentProposer, Known
from a3.search.drop_rule import drop_rule
from a3.search.proposers import propose
from a3.search.records import save_study, save_trials
from a3.search.selection import (
    best_soup,
    constraints,
    contender,
    front,
    limits,
    mean_objective,
    objective,
    reruns,
    room,
    select,
)
from a3.store import Store, fingerprint
from a3.types.events import Selected, TrialFinished
from a3.types.queries import SearchView
from a3.types.results import Repair
from a3.types.trials import DropRule, Proposal, Soup, Trial, TrialJob, TrialState

Propose = Callable[[Sequence[Trial], int], Sequence[Proposal]]
"""From the trials so far and a number to the next proposals."""


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
        ),
    )
    if 0 < len({q.hypothesis_id for q in view.train}) <= len(responses.uncovered):
        raise MeasurementError(
            "a repair needs answers to learn from",
            f"too few usable ones to every hypothesis (respond={context.config.respond.source})",
            "read responses_made in log.jsonl, or try another respond.source in a new run",
        )
    trials = _tune(view, baseline, responses, context)
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


def _tune(
    view: SearchView, baseline: Baseline, responses: Responses, context: Context
) -> list[Trial]:
    """All trials, batch by batch."""
    trials: list[Trial] = []
    propose = _proposer(view, baseline, context)
    while True:
        _settle(trials, view, baseline, responses, context)
        batch = _batch(trials, propose, context)
        if not batch:
            return trials
        for place, proposal in enumerate(batch, start=1):
            trial = context.store.once(
                ("trial", len(trials)),
                Trial,
                partial(_trial, trials, proposal, view, baseline, responses, context),
            )
            trials.append(trial)
            _record(trials, batch[place:], context)


def _settle(
    trials: list[Trial],
    view: SearchView,
    baseline: Baseline,
    responses: Responses,
    context: Context,
) -> None:
    """Before the best are trained again: make sure of who they are.

    A trial is dropped where it cannot be the best. Those that may be second are measured on, in
    place, until they are or cannot be.
    """
    search = context.config.search
    if not search.rerun_seeds or _new(trials, context):
        return
    while trial := contender(trials, search.rerun_top):
        trials[trial.number] = context.store.once(
            ("settled", trial.number),
            Trial,
            partial(_measured_on, trial, trials, view, baseline, responses, context),
        )
        _record(trials, (), context)


def _measured_on(
    trial: Trial,
    trials: Sequence[Trial],
    view: SearchView,
    baseline: Baseline,
    responses: Responses,
    context: Context,
) -> Trial:
    search, bounds = context.config.search, limits(baseline.validation, context.config.goal)
    rule = drop_rule(search, trials, bounds, place=search.rerun_top)
    job = _job(trial.number, trial.proposal, responses, context)
    again = _run(job, trial.proposal, rule, view, baseline, context)
    before, after = trial.seconds, again.seconds
    seconds = {part: before.get(part, 0) + after.get(part, 0) for part in before | after}
    return _told(again.model_copy(update={"seconds": seconds}), context)


def settled(trial: Trial, store: Store) -> Trial:
    """What became of a trial in the end, where it was measured on."""
    key = ("settled", trial.number)
    return store.once(key, Trial, lambda: trial) if store.has(key) else trial


def _proposer(view: SearchView, baseline: Baseline, context: Context) -> Propose:
    """Who proposes: a sampler, or the agent by all that it may know."""
    config, search = context.config, context.config.search
    asked = search.name in {"agent", "hybrid"}
    if not asked or context.agent is None or not isinstance(config.agent, ModelAgent):
        return lambda trials, n: propose(search, trials, config.seed, (), n)
    known = Known(
        hypotheses=view.hypotheses,
        rates=baseline.train_rates,
        base=baseline.validation,
        goal=config.goal,
        trials=config.budget.trials,
        left=partial(_caps_left, context),
    )
    agent = AgentProposer(search, config.agent, context.agent, known, context.observer)
    return lambda trials, n: agent.propose(trials, config.seed, n)


def _caps_left(context: Context, n_trials: int) -> Mapping[str, float]:
    """What was left of the caps after so many trials.

    Kept, so that a resumed run asks with the words that it paid for; with other caps it is anew.
    """
    key = ("left", n_trials, fingerprint(context.config.budget.caps.model_dump())[:8])
    left = context.left()
    return context.store.once(key, dict[str, float], lambda: dict(left)) if left else left


def _batch(trials: Sequence[Trial], propose: Propose, context: Context) -> tuple[Proposal, ...]:
    """The next proposals; kept, so that an interrupted batch goes on as it was proposed."""
    key = ("batch", len(trials))
    due = () if context.store.has(key) else _due(trials, propose, context)
    if not due and not context.store.has(key):
        return ()
    return context.store.once(key, tuple[Proposal, ...], lambda: due)


def _due(trials: Sequence[Trial], propose: Propose, context: Context) -> tuple[Proposal, ...]:
    """New configurations, then the best ones on fresh seeds, within the budget's trials."""
    search = context.config.search
    if new := _new(trials, context):
        return tuple(propose(trials, min(search.batch, new)))
    again = reruns(trials, search.rerun_top, search.rerun_seeds)
    return tuple(again[: min(search.batch, _left(trials, context))])


def _new(trials: Sequence[Trial], context: Context) -> int:
    search = context.config.search
    return room(trials, _left(trials, context), search.rerun_top, search.rerun_seeds)


def _left(trials: Sequence[Trial], context: Context) -> int:
    return max(0, context.config.budget.trials - len(trials))


def _record(trials: Sequence[Trial], pending: Sequence[Proposal], context: Context) -> None:
    """Bring the files that people read up to date."""
    root, config = context.store.root, context.config
    save_study(root / "study.journal", config.risk.name, config.search, trials, pending)
    save_trials(root / "trials.jsonl", trials)


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


def _trial(
    trials: Sequence[Trial],
    proposal: Proposal,
    view: SearchView,
    baseline: Baseline,
    responses: Responses,
    context: Context,
) -> Trial:
    """Run, tell."""
    job = _job(len(trials), proposal, responses, context)
    bounds = limits(baseline.validation, context.config.goal)
    rule = drop_rule(context.config.search, trials, bounds, proposal.rerun_of)
    return _told(_run(job, proposal, rule, view, baseline, context), context)


def _job(number: int, proposal: Proposal, responses: Responses, context: Context) -> TrialJob:
    config = context.config
    return TrialJob(
        number=number,
        config=proposal.config,
        examples=responses.examples,
        objective=config.train.objective,
        epoch_tokens=config.budget.epoch_tokens,
        seed=config.seed * 1000 + number,
    )


def _told(trial: Trial, context: Context) -> Trial:
    context.observer.metrics(figures(trial), trial=trial.number)
    context.observer.event(TrialFinished(trial=trial))
    return trial


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
    except TooManyUnscored:  # The judge's trouble, which resume may find gone.
        raise
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
    base = baseline.validation, baseline.capability, context.config.goal
    return Trial(
        number=job.number,
        proposal=proposal,
        state=TrialState.COMPLETE if result.scores else TrialState.DROPPED,
        scores=result.scores,
        objective=objective(result.scores, *base) if result.scores else None,
        constraints=constraints(result.scores, *base) if result.scores else {},
        error=None,
        adapter=result.adapter,
        seed=job.seed,
        losses=result.losses,
        seconds=result.seconds,
        partial=result.partial,
    )
