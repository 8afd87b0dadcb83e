"""Who proposes the next trial: one ask/tell loop, the proposers differ in one object.

The experiment log is the truth; the Optuna study is rebuilt from the trials given each time, so
nothing has to be kept beside it and resume needs no care.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from a3.config.schema import SearchConfig
from a3.types.trials import Proposal, SearchSpace, Trial, coordinates, from_coordinates


def propose(
    config: SearchConfig,
    trials: Sequence[Trial],
    constraints: Callable[[Trial], dict[str, float]],
    seed: int,
) -> Proposal:
    """The next configuration, given every trial so far; the literature default comes first."""
    if len(trials) < len(config.first):
        return Proposal(config=config.first[len(trials)], rationale="Set in advance.")
    if not trials:
        return Proposal(
            config=config.default,
            rationale="The literature default; every proposer starts here.",
        )
    with _quiet():
        # The trial count is part of the seed: a sampler made anew would repeat its first draw.
        study = _study(config, trials, constraints, seed + len(trials))
        point = _ask(study, config.space)
    return Proposal(
        config=from_coordinates(point),
        rationale=f"{config.name} after {len(trials)} trials",
    )


def save_study(
    path: Path,
    name: str,
    config: SearchConfig,
    trials: Sequence[Trial],
    constraints: Callable[[Trial], dict[str, float]],
) -> None:
    """All trials as an Optuna study in a journal file: `optuna-dashboard PATH`.

    Written anew from the trials and renamed into place, so that it is never behind or torn.
    """
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with _quiet():
        storage = JournalStorage(JournalFileBackend(str(partial)))
        _study(config, trials, constraints, seed=0, storage=storage, name=name)
    partial.replace(path)


def _study(
    config: SearchConfig,
    trials: Sequence[Trial],
    constraints: Callable[[Trial], dict[str, float]],
    seed: int,
    **where: Any,
) -> Any:
    """The study of these trials, in memory unless told `storage` and `name`."""
    import optuna

    study = optuna.create_study(
        sampler=_sampler(config.name, seed),
        storage=where.get("storage"),
        study_name=where.get("name"),
    )
    for trial in trials:
        _tell(study, trial, config.space, constraints)
    return study


@contextmanager
def _quiet() -> Iterator[None]:
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
    return samplers.TPESampler(seed=seed, multivariate=True, n_startup_trials=4)


def _tell(
    study: Any,
    trial: Trial,
    space: SearchSpace,
    constraints: Callable[[Trial], dict[str, float]],
) -> None:
    import optuna

    state = optuna.trial.TrialState
    measured = trial.objective is not None
    study.add_trial(
        optuna.trial.create_trial(
            params=_as_params(coordinates(trial.proposal.config), space),
            distributions=_distributions(space),
            value=trial.objective if measured else None,
            state=state.COMPLETE if measured else state.FAIL,
            constraints=constraints(trial) if measured else None,
            user_attrs={"number": trial.number, "rationale": trial.proposal.rationale},
        )
    )


def _ask(study: Any, space: SearchSpace) -> dict[str, float]:
    trial = study.ask(_distributions(space))
    return {name: float(trial.params[name]) for name in space.dimensions}


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
