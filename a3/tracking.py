"""Weights & Biases: one group per run, the result run first, then one run per trial.

The result run is opened before anything else because a sweep agent hands its run id to the first
run that starts; trial runs are opened with the sweep's variables cleared.
"""

from __future__ import annotations

import netrc
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from a3.config import Config, dump
from a3.types.events import Event, RunFinished, TrialFinished
from a3.types.observer import Observer, Silent
from a3.types.trials import Trial, coordinates

SWEEP_VARIABLES = ("WANDB_RUN_ID", "WANDB_SWEEP_ID", "WANDB_SWEEP_PARAM_PATH")


def make_tracker(config: Config, folder: Path, run_id: str) -> Observer:
    """The configured tracker; a silent one where metrics.jsonl is enough."""
    if config.tracker.name == "jsonl":
        return Silent()
    return WandbTracker(config, folder, run_id)


class WandbTracker(Silent):
    """Sends configuration, metrics and adapters; offline without a key."""

    def __init__(self, config: Config, folder: Path, run_id: str) -> None:
        self._config, self._folder, self._run_id = config, folder, run_id
        self._trial_metrics: dict[int, dict[str, float]] = {}
        # wandb reads these once per process and then gives every run the sweep's id; so they are
        # taken away before it looks, and handed to the one run they are meant for.
        sweep = {name: os.environ.pop(name) for name in SWEEP_VARIABLES if name in os.environ}
        self._result = self._open(
            "result",
            sweep.get("WANDB_RUN_ID", run_id),
            run_id,
            dump(config),
            sweep_id=sweep.get("WANDB_SWEEP_ID"),
            sweep_param_path=sweep.get("WANDB_SWEEP_PARAM_PATH"),
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
        self, job_type: str, run_id: str, name: str, values: dict[str, Any], **sweep: Any
    ) -> Any:
        import wandb

        tracker = self._config.tracker
        return wandb.init(
            project=tracker.project,
            entity=tracker.entity,
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
                **{k: v for k, v in sweep.items() if v is not None},
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
