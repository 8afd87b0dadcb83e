"""A trained adapter: out of the cache where the same job was trained before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

from a3.config.groups import TrainConfig
from a3.executor.context import Baseline, Context
from a3.store import fingerprint
from a3.target import devices
from a3.target.local import BACKEND, LocalTarget
from a3.training import mix
from a3.training.trainer import train
from a3.types.scores import HypothesisRates
from a3.types.trials import TrialJob

LOSSES = "losses.json"
"""Kept in the adapter's folder, so that an adapter never exists without its curve."""
PACKAGE = Path(__file__).resolve().parents[1]
CODE = ("training", "target")
"""Packages whose code decides what is learned."""


def trained(job: TrialJob, baseline: Baseline, context: Context, to: Path) -> None:
    """Fill a folder with the adapter of a job and its loss curve."""
    rates, target = baseline.train_rates, context.trainable
    key = job_fingerprint(job, context.config.train, rates, target)
    if context.artifacts.has(key):
        context.observer.spend("cached_trials", 1)
    made = context.artifacts.folder(key, lambda folder: _train(job, baseline, context, folder))
    shutil.copytree(made, to, dirs_exist_ok=True)


def job_fingerprint(
    job: TrialJob,
    config: TrainConfig,
    rates: Mapping[str, HypothesisRates],
    target: LocalTarget,
) -> str:
    """Hash of all that decides what a job learns; its number does not."""
    return fingerprint(
        "trial",
        job.model_dump(mode="json", exclude={"number"}),
        config.model_dump(mode="json"),
        mix.weights(job.config, rates, config.weight_floor),
        target.weights,
        str(target.folder),  # Stands in the adapter's configuration.
        str(target.dtype),
        target.device.type,
        BACKEND,
        version("peft"),
        _code(),
    )


@cache
def _code() -> str:
    """Hash of the code that trains, so that no edit brings back what the old code learned."""
    files = [path for name in CODE for path in sorted((PACKAGE / name).glob("*.py"))]
    return fingerprint([[path.name, path.read_text(encoding="utf-8")] for path in files])


def _train(job: TrialJob, baseline: Baseline, context: Context, to: Path) -> None:
    target = context.trainable
    if not devices.shares_weights(target.device):
        target.unload()  # The base is loaded anew for training; two copies would not pay.
    losses = train(job, context.config.train, baseline.train_rates, target, to, context.observer)
    (to / LOSSES).write_text(json.dumps(losses))
    devices.release_memory()
