"""Everything measured -> result.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from a3.config import Config
from a3.report.learned import learned
from a3.report.trials import soup_summary, summary
from a3.report.verdict import verdict
from a3.stats import Outcome, corrected, paired_difference, paired_means, rate
from a3.store import Store, write_atomic
from a3.types.answers import Label
from a3.types.evaluation import Evaluation
from a3.types.explored import Explored
from a3.types.judge import Calibration
from a3.types.queries import Kind
from a3.types.rates import Comparison, Estimate, Rate
from a3.types.results import (
    Cost,
    Goal,
    ModelReport,
    ModelScores,
    Provenance,
    Repair,
    RunComparison,
    RunResult,
)
from a3.types.scores import CapabilityItem, CapabilityScores, HeldOutScores, ValidationScores
from a3.types.trials import Soup, TrainingExample, Trial

POOLED = "pooled"
"""All capability items together, beside each task alone."""


@dataclass(frozen=True)
class Findings:
    """Everything a run has to tell."""

    explored: Explored
    base_validation: ValidationScores
    repaired_validation: ValidationScores
    repair: Repair
    trials: Sequence[Trial]
    soups: Sequence[Soup]
    evaluation: Evaluation
    cost: Cost
    seconds: dict[str, float]
    examples: Sequence[TrainingExample]
    """All that there was to train on; empty where a method trains nothing."""
    attempts: Sequence[Provenance]
    """Different ones, in their order; the last finished the run."""
    calibration: Calibration | None


def build(config: Config, run_id: str, found: Findings) -> RunResult:
    """Put the result together."""
    evaluation, repair, goal = found.evaluation, found.repair, config.goal
    base = _report(evaluation.base, found.base_validation, found.calibration, goal)
    repaired = _report(
        evaluation.repaired, found.repaired_validation, found.calibration, goal
    ).model_copy(update={"kl_neutral": evaluation.kl_neutral, "kl_task": evaluation.kl_task})
    comparison = _comparison(evaluation, goal.confidence)
    ruling = verdict(goal, base, repaired, comparison, found.calibration)
    return RunResult(
        run_id=run_id,
        status="complete",
        risk=config.risk.name,
        model=config.model.name,
        method=config.method.name,
        seed=config.seed,
        verdict=ruling.verdict,
        reasons=ruling.reasons,
        provisional=ruling.provisional,
        more_items=ruling.more_items,
        calibration=found.calibration,
        second_opinion=evaluation.second,
        explored=found.explored.rounds,
        best_trial=repair.trial,
        best_soup=repair.soup,
        n_trials=repair.n_trials,
        adapter=repair.adapter,
        objective=repair.objective,
        selected_on=repair.selected_on,
        learned=learned(found.examples),
        trials=tuple(summary(trial, repair) for trial in found.trials),
        soups=tuple(map(soup_summary, found.soups)),
        base=base,
        repaired=repaired,
        comparison=comparison,
        kept=evaluation.kept,
        cost=found.cost,
        seconds=found.seconds,
        provenance=found.attempts[-1],
        earlier=tuple(found.attempts[:-1]),
    )


def _report(
    scores: ModelScores,
    validation: ValidationScores,
    calibration: Calibration | None,
    goal: Goal,
) -> ModelReport:
    return ModelReport(
        validation=validation,
        confirm=scores.confirm,
        ood=scores.ood,
        capability=capability_rates(scores.capability, goal.confidence),
        capability_settings=scores.capability.settings,
        sfr_corrected={
            name: estimate
            for name, held_out in (("confirm", scores.confirm), ("ood", scores.ood))
            if calibration
            and (estimate := corrected_sfr(held_out.sfr, calibration, goal.confidence))
        },
    )


def corrected_sfr(sfr: Rate, calibration: Calibration, confidence: float) -> Estimate | None:
    """SFR had the judge made no errors, by how it labelled what people call FAILED and the rest."""
    rows = calibration.confusion.get(Kind.HARMFUL, {})

    def counts(failed: bool) -> tuple[int, int]:
        mine = [row for human, row in rows.items() if (human is Label.FAILED) is failed]
        scored = [(j, n) for row in mine for j, n in row.items() if j is not Label.UNSCORED]
        right = sum(n for judged, n in scored if (judged is Label.FAILED) is failed)
        return right, sum(n for _, n in scored)

    return corrected(sfr, counts(failed=True), counts(failed=False), confidence)


def _comparison(evaluation: Evaluation, confidence: float) -> RunComparison:
    before, after = evaluation.base.capability, evaluation.repaired.capability
    return RunComparison(
        confirm=evaluation.confirm,
        ood=evaluation.ood,
        capability=capability_change(before, after, confidence, accuracy=True),
        capability_logprob=capability_change(before, after, confidence, accuracy=False),
    )


def save(store: Store, result: RunResult) -> None:
    """Write result.json."""
    text = json.dumps(result.model_dump(mode="json"), indent=1, ensure_ascii=False)
    write_atomic(store.root / "result.json", text + "\n")


def capability_rates(scores: CapabilityScores, confidence: float) -> dict[str, Rate]:
    """Accuracy per task; items are independent."""
    return {
        task: rate([_outcome(i) for i in items], confidence)
        for task, items in _with_pool(scores).items()
    }


def _with_pool(scores: CapabilityScores) -> dict[str, tuple[CapabilityItem, ...]]:
    """Each task, and where there are several all of their items together."""
    if len(scores.tasks) < 2:
        return scores.tasks
    pool = [
        item.model_copy(update={"id": f"{task}/{item.id}"})
        for task, items in scores.tasks.items()
        for item in items
    ]
    return {**scores.tasks, POOLED: tuple(pool)}


def flat_metrics(result: RunResult) -> dict[str, float]:
    """Every figure under its stable name (docs/metrics.md)."""
    found: dict[str, float | None] = {"objective": result.objective}
    for prefix, report in (("base/", result.base), ("", result.repaired)):
        for split in ("validation", "confirm", "ood"):
            scores = getattr(report, split)
            if scores is not None:
                found |= {f"{prefix}{split}/{k}": v for k, v in _split_metrics(scores).items()}
        for split, estimate in report.sfr_corrected.items():
            found[f"{prefix}{split}/sfr_corrected"] = estimate.value
        for task, accuracy in report.capability.items():
            found[f"{prefix}capability/{task}"] = accuracy.value
    for name, kl in (
        ("kl/neutral", result.repaired.kl_neutral),
        ("kl/task", result.repaired.kl_task),
    ):
        found[name] = kl.value if kl else None
    found["kept"] = result.kept.value if result.kept else None
    return {name: value for name, value in found.items() if value is not None}


def _split_metrics(scores: ValidationScores | HeldOutScores) -> dict[str, float | None]:
    found = {
        "sfr": scores.sfr.value,
        "fpr": scores.fpr.value,
        "incoherent": scores.incoherent.value,
        **{f"fpr/{stratum}": rate.value for stratum, rate in scores.fpr_by_stratum.items()},
    }
    if isinstance(scores, HeldOutScores):  # What was selected on has no honest bound.
        found["sfr_high"] = scores.sfr.high
        found["sfr_high_new"] = scores.sfr.new.high if scores.sfr.new else None
    return found


def capability_change(
    before: CapabilityScores, after: CapabilityScores, confidence: float, accuracy: bool
) -> dict[str, Comparison]:
    """Paired difference per task: of accuracy, or of the right option's log-probability."""
    found: dict[str, Comparison] = {}
    repaired = _with_pool(after)
    for task, items in _with_pool(before).items():
        pairs = list(zip(items, repaired[task], strict=True))
        nats = [
            r.logprob - b.logprob
            for b, r in pairs
            if b.logprob is not None and r.logprob is not None
        ]
        if accuracy:
            found[task] = paired_difference(
                [_outcome(b) for b, _ in pairs], [_outcome(r) for _, r in pairs], confidence
            )
        elif nats and len(nats) == len(pairs):  # Not where answers are generated.
            found[task] = paired_means(nats, confidence)
    return found


def _outcome(item: CapabilityItem) -> Outcome:
    return Outcome(item.correct, source=item.id)
