"""The pipeline: what A3 does, on one screen.

    explore -> split -> baseline -> repair -> evaluate -> report

A stage is a function from values to values; `Run.stage` keeps its value in the run folder, and
resume is nothing but finding it there.
"""

from __future__ import annotations

from pathlib import Path

from a3 import methods
from a3.agents.explore import explore
from a3.agents.split import split
from a3.config import Config
from a3.evals.capability import capability
from a3.evaluate import evaluate
from a3.executor.context import Baseline, Context
from a3.executor.validate import BASE, remember
from a3.measure import answer_and_judge, validation_scores
from a3.report.finish import finish
from a3.report.reached import told_if_capped
from a3.run import open_run
from a3.types.evaluation import Evaluation
from a3.types.events import SplitMade
from a3.types.explored import Explored
from a3.types.queries import Splits
from a3.types.results import Repair, RunResult


def run(config: Config, folder: Path, overrides: list[str], resumed: bool = False) -> RunResult:
    """One run from Ex 0 to a repair with its evidence; `folder` may hold an unfinished one."""
    with open_run(config, folder, overrides, resumed) as run, told_if_capped(run):
        context = run.context
        explored = run.stage(
            "explore",
            Explored,
            lambda: explore(config, context.crew),
        )
        splits = run.stage("split", Splits, lambda: _split(explored, context))
        baseline = run.stage("baseline", Baseline, lambda: _baseline(explored, splits, context))
        method = methods.get(config.method.name)
        repair = run.stage("repair", Repair, lambda: method(splits.view, baseline, context))
        evaluation = run.stage("evaluate", Evaluation, lambda: evaluate(splits, repair, context))
        return finish(run, explored, baseline, repair, evaluation)


def _split(explored: Explored, context: Context) -> Splits:
    splits = split(context.config, explored, context.agent)
    context.observer.event(
        SplitMade(
            training=tuple(h.id for h in splits.training),
            ood=tuple(h.id for h in splits.ood),
            reason=splits.reason,
        )
    )
    return splits


def _baseline(explored: Explored, splits: Splits, context: Context) -> Baseline:
    """The base on validation and capability, and what the train queries already showed of it."""
    config, target = context.config, context.target
    verdicts = answer_and_judge(
        target,
        context.judge,
        splits.validation,
        config.decoding,
        "base: validation",
        config.evals.max_unscored,
    )
    remember(context, BASE, verdicts)
    n, confidence = config.budget.capability_items, config.goal.confidence
    train_ids = {q.id for q in splits.train}
    shown = [v for v in explored.verdicts if v.answer.query_id in train_ids]
    sources = {q.source_id for q in splits.train} | {s.id for s in splits.spare}
    return Baseline(
        validation=validation_scores(splits.validation, verdicts, confidence),
        capability=capability(target, config.capability, n, config.seed),
        train_rates=validation_scores(splits.train, shown, confidence).by_hypothesis,
        clean=tuple(c for c in explored.clean if c.source_id in sources),
    )
