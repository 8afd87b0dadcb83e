"""One trial, or a soup of several, in this process: train, then measure on validation."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from a3.evals.capability import capability
from a3.evals.kl import kl, task_prompts
from a3.executor.context import Baseline, Context
from a3.executor.trained import LOSSES, trained
from a3.executor.validate import remember, validate
from a3.measure import validation_scores
from a3.target.adapters import soup
from a3.target.local import LocalTarget
from a3.types.answers import Verdict
from a3.types.queries import Query
from a3.types.trials import DropRule, TrialJob, TrialResult, TrialScores


def run_trial(
    job: TrialJob,
    validation: Sequence[Query],
    baseline: Baseline,
    context: Context,
    rule: DropRule | None = None,
) -> TrialResult:
    """Train an adapter and measure it where the search may look; in part only, if dropped."""
    seconds: dict[str, float] = {}
    with _timed(seconds, "train"):
        adapter = context.store.folder(
            ("trial", job.number), lambda to: trained(job, baseline, context, to)
        )
    name = f"trial {job.number}"
    found, verdicts = _measured(adapter, job.number, name, validation, rule, context)
    remember(context, job.number, verdicts)
    losses = tuple(json.loads((adapter / LOSSES).read_text()))
    return found.model_copy(update={"losses": losses, "seconds": seconds | found.seconds})


def run_soup(
    key: tuple[str, int, int],
    adapters: Sequence[str],
    scale: float,
    validation: Sequence[Query],
    context: Context,
    rule: DropRule | None = None,
) -> TrialResult:
    """Average trained adapters and measure the mean like a trial.

    `key` is the adapter's in the store: "soup", the number of trials before it, and its own.
    """
    folders = [context.store.root / adapter for adapter in adapters]
    search = context.config.search
    adapter = context.store.folder(
        key, lambda to: soup(folders, scale, to, search.soup_depth, search.soup_rank)
    )
    found, _ = _measured(adapter, key[1], f"the mean × {scale:g}", validation, rule, context)
    return found


def _measured(
    adapter: Path,
    n_trials: int,
    name: str,
    validation: Sequence[Query],
    rule: DropRule | None,
    context: Context,
) -> tuple[TrialResult, list[Verdict]]:
    """An adapter where the search may look, after `n_trials` earlier trials; and its verdicts."""
    repaired, seconds = context.trainable.with_adapter(adapter), dict[str, float]()
    with _timed(seconds, "validation"):
        what = f"{name}: validation"
        verdicts, partial = validate(repaired, n_trials, what, validation, rule, context)
    scores = None
    if partial is None:
        scores = _scores(repaired, validation, verdicts, seconds, context)
    result = TrialResult(
        scores=scores,
        losses=(),
        adapter=context.store.relative(adapter),
        seconds=seconds,
        partial=partial,
    )
    return result, verdicts


def _scores(
    repaired: LocalTarget,
    validation: Sequence[Query],
    verdicts: Sequence[Verdict],
    seconds: dict[str, float],
    context: Context,
) -> TrialScores:
    config = context.config
    with _timed(seconds, "capability"):
        kept = capability(repaired, config.capability, config.budget.capability_items, config.seed)
    with _timed(seconds, "kl"):
        prompts = task_prompts(validation, config.budget.task_kl, config.seed)
        drift = kl(
            context.trainable, repaired, prompts, config.evals.kl_tokens, config.goal.confidence
        )
    return TrialScores(
        validation=validation_scores(validation, verdicts, config.goal.confidence),
        capability=kept,
        kl_task=drift,
    )


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - start
