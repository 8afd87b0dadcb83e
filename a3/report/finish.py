"""The last stage: result.json, result.md, report.html, metrics, and the table in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from a3.agents.respond import Responses
from a3.executor.context import Baseline
from a3.methods.tune import settled
from a3.provenance import attempts
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
from a3.types.trials import Candidate, Soup, TrainingExample, Trial

C = TypeVar("C", Trial, Soup)


def finish(
    run: Run, explored: Explored, baseline: Baseline, repair: Repair, evaluation: Evaluation
) -> RunResult:
    """Write the outcome and show it."""
    context = run.context
    n = repair.n_trials
    trials = [settled(t, context.store) for t in _all(context.store, ("trial",), Trial, n)]
    soups = _all(context.store, ("soup", n), Soup, repair.n_soups)
    found = Findings(
        explored=explored,
        base_validation=baseline.validation,
        repaired_validation=_selected_scores(trials, soups, baseline, repair),
        repair=repair,
        trials=trials,
        soups=soups,
        evaluation=evaluation,
        cost=run.ledger.cost,
        seconds=run.seconds(),
        examples=_examples(context.store),
        attempts=attempts(context.store.root),
        calibration=context.final_judge.calibration,
    )
    result = build(context.config, run.id, found)
    save(context.store, result)
    write_atomic(context.store.root / "result.md", markdown(result))
    write_atomic(context.store.root / "report.html", page(result, evaluation))
    if not (context.store.root / SHEET).exists():  # People may have written labels into it.
        write_atomic(context.store.root / SHEET, sheet(evaluation, context.config.seed))
    context.observer.metrics(flat_metrics(result))
    context.observer.event(RunFinished(verdict=result.verdict, provisional=result.provisional))
    run.console.print(table(result))
    for line in ending(result, context.store.root):
        run.console.print(line, highlight=False)
    return result


def _examples(store: Store) -> Sequence[TrainingExample]:
    """What there was to train on; a method that trains nothing never made any."""
    if not store.has("respond"):
        return ()
    return store.once("respond", Responses, lambda: Responses(examples=(), uncovered=())).examples


def _all(store: Store, key: tuple[str | int, ...], kind: type[C], n: int) -> list[C]:
    """Every trial, or soup, of the run, by number."""

    def gone() -> C:
        raise KeyError(f"one of the run's {n} {key[0]}s is not in its folder")

    return [store.once((*key, number), kind, gone) for number in range(n)]


def _selected_scores(
    trials: Sequence[Trial], soups: Sequence[Soup], baseline: Baseline, repair: Repair
) -> ValidationScores:
    """Validation scores of what was chosen; without a repair the base's own."""
    chosen: Candidate | None = None
    if repair.soup is not None:
        chosen = soups[repair.soup]
    elif repair.trial is not None:
        chosen = trials[repair.trial]
    return chosen.scores.validation if chosen and chosen.scores else baseline.validation
