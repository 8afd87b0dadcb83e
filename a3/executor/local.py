"""One trial in this process: train, then measure on validation."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from a3.evals.capability import capability
from a3.evals.kl import kl
from a3.executor.context import Baseline, Context
from a3.measure import answer_and_judge, validation_scores
from a3.target.devices import release_memory
from a3.training.trainer import train
from a3.types.queries import Query
from a3.types.trials import TrialJob, TrialResult, TrialScores

LOSSES = "losses.json"
"""Kept in the adapter's folder, so that an adapter never exists without its curve."""


def run_trial(
    job: TrialJob, validation: Sequence[Query], baseline: Baseline, context: Context
) -> TrialResult:
    """Train an adapter and measure it where the search may look."""
    config, base = context.config, context.target
    seconds: dict[str, float] = {}
    with _timed(seconds, "train"):
        adapter = context.store.folder(
            ("trial", job.number), lambda to: _train(job, baseline, context, to)
        )
    repaired = base.with_adapter(adapter)
    with _timed(seconds, "validation"):
        verdicts = answer_and_judge(
            repaired,
            context.judge,
            validation,
            config.decoding,
            f"trial {job.number}: validation",
            config.evals.max_unscored,
        )
    with _timed(seconds, "capability"):
        kept = capability(repaired, config.capability, config.budget.capability_items, config.seed)
    with _timed(seconds, "kl"):
        prompts = [q.conversation for q in validation][: config.budget.task_kl]
        drift = kl(base, repaired, prompts, config.evals.kl_tokens, config.goal.confidence)
    return TrialResult(
        scores=TrialScores(
            validation=validation_scores(validation, verdicts, config.goal.confidence),
            capability=kept,
            kl_task=drift,
        ),
        losses=tuple(json.loads((adapter / LOSSES).read_text())),
        adapter=context.store.relative(adapter),
        seconds=seconds,
    )


def _train(job: TrialJob, baseline: Baseline, context: Context, to: Path) -> None:
    context.target.unload()  # The base is loaded anew for training; two copies would not pay.
    losses = train(
        job, context.config.train, baseline.train_rates, context.target, to, context.observer
    )
    (to / LOSSES).write_text(json.dumps(losses))
    release_memory()


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - start
