"""The search as files for people: a study for optuna-dashboard, and one line per trial."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from a3.config.groups import SearchConfig
from a3.search.proposers import make_study, quiet
from a3.store import write_atomic
from a3.types.trials import Proposal, Trial


def save_study(
    path: Path,
    name: str,
    config: SearchConfig,
    trials: Sequence[Trial],
    pending: Sequence[Proposal] = (),
) -> None:
    """All trials, reruns among them, as an Optuna study: `optuna-dashboard PATH`.

    `pending` are shown as running. Written anew from the trials and renamed into place, so that it
    is never behind or torn.
    """
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with quiet():
        storage = JournalStorage(JournalFileBackend(str(partial)))
        make_study(config, trials, pending, seed=0, storage=storage, study_name=name)
    partial.replace(path)


def save_trials(path: Path, trials: Sequence[Trial]) -> None:
    """Everything known of each trial as JSON lines: configuration, loss curve, scores, seconds."""
    write_atomic(path, "".join(f"{t.model_dump_json()}\n" for t in trials))
