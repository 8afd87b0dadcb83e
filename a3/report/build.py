"""Everything measured -> result.json."""

from __future__ import annotations

import json
from dataclasses import dataclass

from a3.config import Config
from a3.report.verdict import verdict
from a3.stats import Outcome, paired_difference, paired_means, rate
from a3.store import Store, write_atomic
from a3.types.evaluation import Evaluation
from a3.types.rates import Comparison, Rate
from a3.types.results import (
    Cost,
    ModelReport,
    Provenance,
    Repair,
    RunComparison,
    RunResult,
)
from a3.types.scores import CapabilityItem, CapabilityScores, ValidationScores


@dataclass(frozen=True)
class Findings:
    """Everything a run has to tell."""

    base_validation: ValidationScores
    repaired_validation: ValidationScores
    repair: Repair
    evaluation: Evaluation
    cost: Cost
    seconds: dict[str, float]
    provenance: Provenance
    calibration: str | None


def build(config: Config, run_id: str, found: Findings) -> RunResult:
    """Put the result together."""
    evaluation, repair = found.evaluation, found.repair
    confidence = config.goal.confidence
    before, after = evaluation.base, evaluation.repaired
    base = ModelReport(
        validation=found.base_validation,
        confirm=before.confirm,
        ood=before.ood,
        capability=capability_rates(before.capability, confidence),
    )
    repaired = ModelReport(
        validation=found.repaired_validation,
        confirm=after.confirm,
        ood=after.ood,
        capability=capability_rates(after.capability, confidence),
        kl_neutral=evaluation.kl_neutral,
        kl_task=evaluation.kl_task,
    )
    comparison = RunComparison(
        confirm=evaluation.confirm,
        ood=evaluation.ood,
        capability=_compare(before.capability, after.capability, confidence, accuracy=True),
        capability_logprob=_compare(
            before.capability, after.capability, confidence, accuracy=False
        ),
    )
    ruling = verdict(config.goal, base, repaired, comparison, found.calibration)
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
        best_trial=repair.trial,
        n_trials=repair.n_trials,
        adapter=repair.adapter,
        objective=repair.objective,
        base=base,
        repaired=repaired,
        comparison=comparison,
        cost=found.cost,
        seconds=found.seconds,
        provenance=found.provenance,
    )


def save(store: Store, result: RunResult) -> None:
    """Write result.json."""
    text = json.dumps(result.model_dump(mode="json"), indent=1, ensure_ascii=False)
    write_atomic(store.root / "result.json", text + "\n")


def capability_rates(scores: CapabilityScores, confidence: float) -> dict[str, Rate]:
    """Accuracy per task; items are independent."""
    return {
        task: rate([_outcome(i) for i in items], confidence) for task, items in scores.tasks.items()
    }


def flat_metrics(result: RunResult) -> dict[str, float]:
    """Every figure under its stable name (docs/metrics.md)."""
    found: dict[str, float | None] = {"objective": result.objective}
    for prefix, report in (("base/", result.base), ("", result.repaired)):
        for split in ("validation", "confirm", "ood"):
            scores = getattr(report, split)
            if scores is not None:
                found[f"{prefix}{split}/sfr"] = scores.sfr.value
                found[f"{prefix}{split}/fpr"] = scores.fpr.value
                found[f"{prefix}{split}/incoherent"] = scores.incoherent.value
        for task, accuracy in report.capability.items():
            found[f"{prefix}capability/{task}"] = accuracy.value
    for name, kl in (
        ("kl/neutral", result.repaired.kl_neutral),
        ("kl/task", result.repaired.kl_task),
    ):
        found[name] = kl.value if kl else None
    return {name: value for name, value in found.items() if value is not None}


def _compare(
    before: CapabilityScores, after: CapabilityScores, confidence: float, accuracy: bool
) -> dict[str, Comparison]:
    found: dict[str, Comparison] = {}
    for task, items in before.tasks.items():
        pairs = list(zip(items, after.tasks[task], strict=True))
        if accuracy:
            found[task] = paired_difference(
                [_outcome(b) for b, _ in pairs], [_outcome(r) for _, r in pairs], confidence
            )
        else:
            found[task] = paired_means([r.logprob - b.logprob for b, r in pairs], confidence)
    return found


def _outcome(item: CapabilityItem) -> Outcome:
    return Outcome(hit=item.correct, clusters=(item.id,))
