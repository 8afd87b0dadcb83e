"""One trial, or a soup of several, in this process: train, then measure on validation."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from a3.evals.capability import capability
from a3.evals.kl import kl
from a3.executor.context import Baseline, Context
from a3.executor.trained import LOSSES, trained
from a3.measure import answer_in_parts, dropped, in_parts, validation_scores
from a3.target.adapters import soup
from a3.target.local import LocalTarget
from a3.types.answers import Verdict
from a3.types.queries import Query
from a3.types.trials import DropRule, PartialScores, TrialJob, TrialResult, TrialScores


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
    repaired = context.trainable.with_adapter(adapter)
    with _timed(seconds, "validation"):
        what = f"trial {job.number}: validation"
        verdicts, partial = _validate(repaired, what, job.number, validation, rule, context)
    scores = None
    if partial is None:
        scores = _scores(repaired, validation, verdicts, seconds, context)
    return TrialResult(
        scores=scores,
        losses=tuple(json.loads((adapter / LOSSES).read_text())),
        adapter=context.store.relative(adapter),
        seconds=seconds,
        partial=partial,
    )


def run_soup(
    key: tuple[str, int, int],
    adapters: Sequence[str],
    scale: float,
    validation: Sequence[Query],
    context: Context,
) -> TrialResult:
    """Average trained adapters and measure the mean like a trial."""
    folders = [context.store.root / adapter for adapter in adapters]
    adapter = context.store.folder(key, lambda to: soup(folders, scale, to))
    repaired, seconds = context.trainable.with_adapter(adapter), dict[str, float]()
    with _timed(seconds, "validation"):
        what = f"the mean × {scale:g}: validation"
        verdicts, _ = _validate(repaired, what, key[1], validation, None, context)
    return TrialResult(
        scores=_scores(repaired, validation, verdicts, seconds, context),
        losses=(),
        adapter=context.store.relative(adapter),
        seconds=seconds,
    )


def _validate(
    repaired: LocalTarget,
    what: str,
    number: int,
    validation: Sequence[Query],
    rule: DropRule | None,
    context: Context,
) -> tuple[list[Verdict], PartialScores | None]:
    """Verdicts in the queries' order; and why they are not all, where the rule dropped the trial.

    The order in which queries are answered is drawn before the trial trains, and for each trial
    anew: which trial comes next may depend on which were dropped, and so on their orders.
    """
    config = context.config
    seed = f"{config.seed}/validation/{number}"
    parts = in_parts(validation, rule.parts, seed) if rule else [validation]
    verdicts: list[Verdict] = []
    for verdicts in answer_in_parts(
        repaired, context.judge, parts, config.decoding, what, config.evals.max_unscored
    ):
        whole = len(verdicts) == len(validation) * config.decoding.samples
        if rule and not whole and (partial := dropped(validation, verdicts, rule)):
            return verdicts, partial
    place = {query.id: i for i, query in enumerate(validation)}
    return sorted(verdicts, key=lambda v: (place[v.answer.query_id], v.answer.sample)), None


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
        prompts = [q.conversation for q in validation][: config.budget.task_kl]
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
