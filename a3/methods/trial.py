"""One trial of a repair: trained, measured, told."""

from __future__ import annotations

from dataclasses import dataclass

from a3.agents.respond import Responses
from a3.config.schema import Config
from a3.errors import MeasurementError, TooManyUnscored
from a3.executor.context import Baseline, Context
from a3.executor.local import run_trial
from a3.methods.figures import figures
from a3.search.selection import constraints, limits, objective
from a3.types.events import TrialFinished
from a3.types.queries import SearchView
from a3.types.trials import DropRule, Proposal, Trial, TrialJob, TrialState


@dataclass(frozen=True)
class Shared:
    """What all trials of a repair have in common."""

    view: SearchView
    baseline: Baseline
    responses: Responses
    context: Context

    @property
    def config(self) -> Config:
        """The run's."""
        return self.context.config

    @property
    def limits(self) -> dict[str, float]:
        """What rates of a trial may reach."""
        return limits(self.baseline.validation, self.config.goal)


def made(number: int, proposal: Proposal, rule: DropRule | None, shared: Shared) -> Trial:
    """Train and measure, until the rule says that it cannot be chosen."""
    return _told(_run(_job(number, proposal, shared), proposal, rule, shared), shared)


def measured_on(trial: Trial, rule: DropRule | None, shared: Shared) -> Trial:
    """A dropped trial, measured as far as another rule asks; its seconds are those of both."""
    again = _run(_job(trial.number, trial.proposal, shared), trial.proposal, rule, shared)
    before, after = trial.seconds, again.seconds
    seconds = {part: before.get(part, 0) + after.get(part, 0) for part in before | after}
    return _told(again.model_copy(update={"seconds": seconds}), shared)


def _job(number: int, proposal: Proposal, shared: Shared) -> TrialJob:
    config = shared.config
    return TrialJob(
        number=number,
        config=proposal.config,
        examples=shared.responses.examples,
        objective=config.train.objective,
        epoch_tokens=config.budget.epoch_tokens * proposal.length,
        seed=config.seed * 1000 + number,
    )


def _told(trial: Trial, shared: Shared) -> Trial:
    shared.context.observer.metrics(figures(trial), trial=trial.number)
    shared.context.observer.event(TrialFinished(trial=trial))
    return trial


def _run(job: TrialJob, proposal: Proposal, rule: DropRule | None, shared: Shared) -> Trial:
    baseline = shared.baseline
    try:
        result = run_trial(job, shared.view.validation, baseline, shared.context, rule)
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
    base = baseline.validation, baseline.capability, shared.config.goal
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
