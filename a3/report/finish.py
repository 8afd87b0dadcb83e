"""The last stage: result.json, result.md, report.html, metrics, and the table in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from a3.executor.context import Baseline
from a3.provenance import provenance
from a3.report.build import Findings, build, flat_metrics, save
from a3.report.labelling import SHEET, sheet
from a3.report.page import page
from a3.report.table import ending, markdown, table
from a3.run import Run
from a3.store import Store, write_atomic
from a3.types.evaluation import Evaluation
from a3.types.events import RunFinished
from a3.types.explored import Explored
from a3.types.results import Repair, RunResult
from a3.types.scores import ValidationScores
from a3.types.trials import Trial


def finish(
    run: Run, explored: Explored, baseline: Baseline, repair: Repair, evaluation: Evaluation
) -> RunResult:
    """Write the outcome and show it."""
    context = run.context
    trials = _trials(context.store, repair)
    found = Findings(
        explored=explored,
        base_validation=baseline.validation,
        repaired_validation=_selected_scores(trials, baseline, repair),
        repair=repair,
        trials=trials,
        evaluation=evaluation,
        cost=run.ledger.cost,
        seconds=run.seconds(),
        provenance=provenance(context.config, context.target, context.final_judge),
        calibration=context.final_judge.calibration,
    )
    result = build(context.config, run.id, found)
    save(context.store, result)
    write_atomic(context.store.root / "result.md", markdown(result))
    write_atomic(context.store.root / "report.html", page(result, evaluation))
    write_atomic(context.store.root / SHEET, sheet(evaluation, context.config.seed))
    context.observer.metrics(flat_metrics(result))
    context.observer.event(RunFinished(verdict=result.verdict, provisional=result.provisional))
    run.console.print(table(result))
    for line in ending(result, context.store.root):
        run.console.print(line, highlight=False)
    return result


def _trials(store: Store, repair: Repair) -> list[Trial]:
    """Every trial of the run, by number."""

    def gone() -> Trial:
        raise KeyError(f"one of the run's {repair.n_trials} trials is not in its folder")

    return [store.once(("trial", n), Trial, gone) for n in range(repair.n_trials)]


def _selected_scores(
    trials: Sequence[Trial], baseline: Baseline, repair: Repair
) -> ValidationScores:
    """Validation scores of the chosen trial; without one the base's own."""
    if repair.trial is None:
        return baseline.validation
    scores = trials[repair.trial].scores
    assert scores is not None
    return scores.validation
