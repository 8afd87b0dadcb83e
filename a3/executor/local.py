"""One trial in this process: train, then measure on validation."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from a3.evals.capability import capability
from a3.evals.kl import kl
from a3.executor.context import Baseline, Context
from a3.executor.trained import LOSSES, trained
from a3.measure import answer_and_judge, validation_scores
from a3.types.queries import Query
from a3.types.trials import TrialJob, TrialResult, TrialScores


def run_trial(
    job: TrialJob, validation: Sequence[Query], baseline: Baseline, context: Context
) -> TrialResult:
    """Train an adapter and measure it where the search may look."""
    config, base = context.config, context.target
    seconds: dict[str, float] = {}
    with _timed(seconds, "train"):
        adapter = context.store.folder(
            ("trial", job.number), lambda to: trained(job, baseline, context, to)
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


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - start
