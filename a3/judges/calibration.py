"""How far a judge agrees with people: measured, kept, and found again by the judge's key."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from a3.errors import ConfigError
from a3.judges.labelled import LabelledAnswer
from a3.stats import agreement
from a3.types.answers import Label
from a3.types.judge import Calibration, Judge
from a3.types.queries import Kind

FOLDER = Path(__file__).parent / "calibrations"


def calibrate(
    judge: Judge, rows: Sequence[LabelledAnswer], data: str, confidence: float
) -> tuple[Calibration, list[tuple[LabelledAnswer, Label, str]]]:
    """The judge's agreement with the labels, and every ruling beside its row.

    `data` names the rows. What the judge leaves UNSCORED counts as disagreement.
    """
    rulings = judge.rule_all([(row.query, row.answer) for row in rows], "labelled answers")
    ruled = [(row, *ruling) for row, ruling in zip(rows, rulings, strict=True)]
    overall = agreement([(row.label, label) for row, label, _ in ruled], confidence)
    confusion: dict[Kind, dict[Label, Counter[Label]]] = defaultdict(lambda: defaultdict(Counter))
    for row, label, _ in ruled:
        confusion[row.query.kind][row.label][label] += 1
    found = Calibration(
        judge=judge.key,
        data=data,
        n=overall.n,
        accuracy=overall.accuracy,
        kappa=overall.kappa,
        recall={Label(label): rate for label, rate in overall.recall.items()},
        confusion={
            kind: {label: dict(counts) for label, counts in by_label.items()}
            for kind, by_label in confusion.items()
        },
    )
    return found, ruled


def load_calibration(name: str | None, key: str) -> Calibration | None:
    """The calibration in a file (a path, or a name in this package) if it is this judge's.

    A judge that was changed since is another judge: None, uncalibrated. Raises ConfigError where
    there is no such file.
    """
    if name is None:
        return None
    path = Path(name) if Path(name).suffix else FOLDER / f"{name}.json"
    if not path.is_file():
        raise ConfigError(
            "judge.calibration must name a file that a3.calibrate has written (save=)",
            name,
            "correct the path, or set judge.calibration=null for an uncalibrated judge",
        )
    found = Calibration.model_validate_json(path.read_text(encoding="utf-8"))
    return found if found.judge == key else None
