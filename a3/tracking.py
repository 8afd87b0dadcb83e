"""Weights & Biases: one group per run, the result run first, then one run per trial.

A sweep agent starts `python -m a3` with the names of its sweep and of one run in the environment.
That run is the result run; trials are runs of their own beside it. wandb reads those names once per
process and then gives them to every run, so they are taken away before it looks.
"""

from __future__ import annotations

import netrc
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from a3.config import Config, dump
from a3.store import write_atomic
from a3.types.base import Frozen
from a3.types.events import Event, RunFinished, TrialFinished
from a3.types.observer import Observer, Silent
from a3.types.trials import Trial, coordinates

SWEEP_VARIABLES = ("WANDB_RUN_ID", "WANDB_SWEEP_ID", "WANDB_SWEEP_PARAM_PATH")
KEPT = "sweep.json"
"""In the run folder: the sweep it belongs to, so that a resumed run finds its W&B run again."""


def make_tracker(config: Config, folder: Path, run_id: str) -> Observer:
    """The configured tracker; a silent one where metrics.jsonl is enough."""
    if config.tracker.name == "jsonl":
        return Silent()
    return WandbTracker(config, folder, run_id)


class Place(Frozen):
    """Where on W&B a run folder's result run lies."""

    run_id: str
    project: str
    entity: str | None
    sweep_id: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict[str, Any])
    """What the sweep asked for, by the keys of its file; the server searches by these."""


def place(config: Config, folder: Path, run_id: str) -> Place:
    """Where this run reports: where its sweep says if an agent started it, else as configured."""
    sweep = {name: os.environ.pop(name) for name in SWEEP_VARIABLES if name in os.environ}
    kept = folder / KEPT
    if kept.is_file():
        return Place.model_validate_json(kept.read_text())
    tracker = config.tracker
    if "WANDB_SWEEP_ID" not in sweep:
        return Place(run_id=run_id, project=tracker.project, entity=tracker.entity)
    found = Place(
        run_id=sweep.get("WANDB_RUN_ID", run_id),
        project=os.environ.get("WANDB_PROJECT", tracker.project),
        entity=os.environ.get("WANDB_ENTITY", tracker.entity),
        sweep_id=sweep["WANDB_SWEEP_ID"],
        parameters=_parameters(sweep.get("WANDB_SWEEP_PARAM_PATH")),
    )
    write_atomic(kept, found.model_dump_json(indent=1))
    return found


def _parameters(path: str | None) -> dict[str, Any]:
    """The parameters in the file that an agent writes for its run."""
    if path is None or not Path(path).is_file():
        return {}
    asked = yaml.safe_load(Path(path).read_text())
    return {key: entry["value"] for key, entry in asked.items() if isinstance(entry, dict)}


class WandbTracker(Silent):
    """Sends configuration, metrics and adapters; offline without a key."""

    def __init__(self, config: Config, folder: Path, run_id: str) -> None:
        self._folder, self._run_id = folder, run_id
        self._trial_metrics: dict[int, dict[str, float]] = {}
        self._place = place(config, folder, run_id)
        values = dump(config) | self._place.parameters
        self._result = self._open(
            "result", self._place.run_id, run_id, values, sweep_id=self._place.sweep_id
        )

    def metrics(self, values: Mapping[str, float], trial: int | None = None) -> None:
        """The run's own figures at once; a trial's when it ends."""
        if trial is None:
            self._result.log(dict(values))
            self._result.summary.update(dict(values))
        else:
            self._trial_metrics.setdefault(trial, {}).update(values)

    def event(self, event: Event) -> None:
        """A finished trial becomes a run; the end of the run closes the result run."""
        if isinstance(event, TrialFinished):
            self._log_trial(event.trial)
        elif isinstance(event, RunFinished):
            self._result.summary["verdict"] = str(event.verdict)
            self._result.finish()

    def _log_trial(self, trial: Trial) -> None:
        import wandb

        name = f"{self._run_id}-trial-{trial.number}"
        values = {"trial": trial.number, "state": str(trial.state), "seed": trial.seed}
        if trial.rerun_of is not None:
            values["rerun_of"] = trial.rerun_of
        run = self._open("trial", name, name, values | coordinates(trial.proposal.config))
        for epoch, loss in enumerate(trial.losses):
            run.log({"train/loss": loss, "epoch": epoch})
        run.log(self._trial_metrics.pop(trial.number, {}))
        if trial.adapter is not None:
            artifact = wandb.Artifact(f"adapter-{self._run_id}-{trial.number}", type="model")
            artifact.add_dir(str(self._folder / trial.adapter))
            run.log_artifact(artifact)
        run.finish()

    def _open(
        self,
        job_type: str,
        run_id: str,
        name: str,
        values: dict[str, Any],
        sweep_id: str | None = None,
    ) -> Any:
        import wandb

        return wandb.init(
            project=self._place.project,
            entity=self._place.entity,
            group=self._run_id,
            job_type=job_type,
            id=run_id,
            name=name,
            resume="allow",
            config=values,
            dir=str(self._folder),
            mode=_mode(),
            reinit="create_new",
            settings=wandb.Settings(
                x_disable_stats=True,
                x_disable_meta=True,
                console="off",
                silent=True,
                sweep_id=sweep_id,
            ),
        )


def _mode() -> Any:
    """What the user asked for; otherwise online only where a key is."""
    asked = os.environ.get("WANDB_MODE")
    return asked or ("online" if _has_key() else "offline")


def _has_key() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        host = os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai").split("//")[-1]
        return netrc.netrc().authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
