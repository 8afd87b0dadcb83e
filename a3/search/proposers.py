"""Who proposes the next trials: one ask/tell loop, the proposers differ in one object.

The experiment log is the truth; the Optuna study is rebuilt from the trials given each time, so
nothing has to be kept beside it and resume needs no care.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

from a3.config.groups import SearchConfig
from a3.search.selection import aim, mean_fpr
from a3.types.trials import (
    INFEASIBLE,
    Proposal,
    SearchSpace,
    Trial,
    TrialState,
    coordinates,
    from_coordinates,
)

ATTEMPTS = 16
"""How often a sampler that repeats a point is asked again; in a space of whole numbers it may."""


def propose(
    config: SearchConfig,
    trials: Sequence[Trial],
    seed: int,
    pending: Sequence[Proposal] = (),
    n: int = 1,
) -> list[Proposal]:
    """The next `n` configurations, all different; the literature default comes first.

    `trials` are finished, `pending` still being trained: the sampler knows where they are but not
    what they will score. Reruns are no new points and are not shown to it.
    """
    known = [t for t in trials if t.rerun_of is None]
    points = [coordinates(t.proposal.config) for t in known]
    points += [coordinates(p.config) for p in pending]
    proposals = _given(config)[len(points) :][:n]
    points += [coordinates(p.config) for p in proposals]
    with quiet():
        # The count is part of the seed: a sampler made anew would repeat its first draw. Their sum
        # would not do: the next seed's search would draw the same points one trial earlier.
        drawn = Random(f"{seed}/propose/{len(points)}").getrandbits(32)
        study = make_study(config, known, [*pending, *proposals], drawn)
        while len(proposals) < n:
            point = _ask(study, config.space, points)
            points.append(point)
            proposals.append(_proposal(config, point, len(known), len(points)))
    return proposals[:n]


def _given(config: SearchConfig) -> list[Proposal]:
    """What is tried before anything is searched for."""
    if config.first:
        return [Proposal(config=point, rationale="Set in advance.") for point in config.first]
    why = "The literature default; every proposer starts here."
    return [Proposal(config=config.default, rationale=why)]


def _proposal(
    config: SearchConfig, point: dict[str, float], n_known: int, n_points: int
) -> Proposal:
    waiting = n_points - n_known - 1
    beside = f", {waiting} more under way" if waiting else ""
    return Proposal(
        config=from_coordinates(point), rationale=f"{config.sampler} after {n_known} trials{beside}"
    )


def make_study(
    config: SearchConfig,
    trials: Sequence[Trial],
    pending: Sequence[Proposal],
    seed: int,
    **where: Any,
) -> Any:
    """The study of these trials, in memory unless told `storage` and `study_name`."""
    import optuna

    study = optuna.create_study(sampler=_sampler(config.sampler, seed), **where)
    # The Gaussian process sees what is complete or running only: told that a point was pruned or
    # failed, it proposes the same again and again.
    blind = config.name == "gp" and not where
    # What a person reads is the bound that was shown. A sampler would take it for the violation
    # itself, and a dropped trial for better than measured ones.
    worst = None if where else _worst(trials)
    for trial in trials:
        study.add_trial(_finished(trial, config.space, blind, worst))
    for proposal in pending:
        study.add_trial(_running(proposal, config.space))
    return study


@contextmanager
def quiet() -> Iterator[None]:
    """Without Optuna's log lines and notices of what is experimental."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def _sampler(name: str, seed: int) -> Any:
    from optuna import samplers

    if name == "random":
        return samplers.RandomSampler(seed=seed)
    if name == "gp":
        return samplers.GPSampler(seed=seed, n_startup_trials=4, deterministic_objective=True)
    return samplers.TPESampler(seed=seed, multivariate=True, n_startup_trials=4, constant_liar=True)


def _worst(trials: Sequence[Trial]) -> float:
    """More than any measured trial violates its limits."""
    sums = (sum(max(0.0, v) for v in t.constraints.values()) for t in trials)
    return 1.0 + max(sums, default=0.0)


def _finished(trial: Trial, space: SearchSpace, blind: bool, worst: float | None) -> Any:
    """A trial as Optuna keeps it; its value is what the sampler minimises under the constraints.

    `worst` is what a dropped one counts as violating; None: what it was shown to.
    """
    import optuna

    measured = trial.objective is not None and trial.scores is not None
    return optuna.trial.create_trial(
        **_point(trial.proposal, space),
        value=aim(trial.scores) if measured and trial.scores else None,
        state=_state(trial, blind),
        constraints=trial.constraints if measured else _broken(trial, worst),
        intermediate_values=dict(enumerate(trial.losses)),
        user_attrs=_attributes(trial),
    )


def _state(trial: Trial, blind: bool) -> Any:
    from optuna.trial import TrialState as State

    if trial.objective is not None and trial.scores is not None:
        return State.COMPLETE
    if blind:
        return State.RUNNING
    return State.PRUNED if trial.state is TrialState.DROPPED else State.FAIL


def _broken(trial: Trial, worst: float | None) -> dict[str, float] | None:
    """By how much a dropped trial breaks limits, at least.

    Without it Optuna ranks a pruned trial before all that are measured and break a limit.
    """
    if trial.partial is None:
        return None
    shown = max(0.0, trial.partial.objective_at_least - INFEASIBLE)
    return {"dropped": shown if worst is None else max(shown, worst)}


def _running(proposal: Proposal, space: SearchSpace) -> Any:
    import optuna

    return optuna.trial.create_trial(
        **_point(proposal, space),
        state=optuna.trial.TrialState.RUNNING,
        user_attrs={"rationale": proposal.rationale},
    )


def _point(proposal: Proposal, space: SearchSpace) -> dict[str, Any]:
    return {
        "params": _as_params(coordinates(proposal.config), space),
        "distributions": _distributions(space),
    }


def _attributes(trial: Trial) -> dict[str, Any]:
    """What a person wants to see of a trial beside its value; absent where it was not measured."""
    found: dict[str, Any] = {
        "number": trial.number,
        "state": str(trial.state),
        "rationale": trial.proposal.rationale,
        "seed": trial.seed,
        "rerun_of": trial.rerun_of,
        "offsets": trial.proposal.config.offsets or None,
        "error": trial.error,
        "objective": trial.objective,
    }
    if trial.scores is not None:
        validation = trial.scores.validation
        found |= {
            "sfr": validation.sfr.value,
            "fpr": mean_fpr(validation),
            "kl_task": trial.scores.kl_task.value,
        }
        found |= {f"fpr/{s}": rate.value for s, rate in validation.fpr_by_stratum.items()}
    return {name: value for name, value in found.items() if value is not None}


def _ask(study: Any, space: SearchSpace, known: Sequence[dict[str, float]]) -> dict[str, float]:
    """A point that is not known yet, unless the space seems to have no other."""
    point: dict[str, float] = {}
    for _ in range(ATTEMPTS):
        # The trial stays RUNNING in the study: the next one sees it.
        trial = study.ask(_distributions(space))
        point = {name: float(trial.params[name]) for name in space.dimensions}
        if point not in known:
            break
    return point


def _distributions(space: SearchSpace) -> dict[str, Any]:
    from optuna.distributions import FloatDistribution, IntDistribution

    return {
        name: IntDistribution(int(r.low), int(r.high), log=r.log)
        if r.integer
        else FloatDistribution(r.low, r.high, log=r.log)
        for name, r in space.dimensions.items()
    }


def _as_params(point: dict[str, float], space: SearchSpace) -> dict[str, Any]:
    return {
        name: round(point[name]) if r.integer else point[name]
        for name, r in space.dimensions.items()
    }
