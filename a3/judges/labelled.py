"""Answers that people have read and labelled: what a judge is measured against."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import ValidationError

from a3.errors import ConfigError
from a3.store import numbered_lines
from a3.types.answers import Generation, Label
from a3.types.base import Frozen
from a3.types.queries import Query

FOLDER = Path(__file__).parent / "labels"
"""`<risk>-<part>.jsonl`: `dev` to develop a judge on, `held-out` to calibrate it."""
UNLABELLED = '{"label": null'
"""How a row of a labelling sheet begins as long as nobody has labelled it."""


class LabelledAnswer(Frozen):
    """One line of a labelled file."""

    query: Query
    answer: Generation
    label: Label
    """What a person says."""
    model: str
    """Which model answered; for tables by model, never shown to a judge."""


def read_labelled(data: str) -> tuple[list[LabelledAnswer], str]:
    """The rows of a file (a path, or a name in this package), and the file's name with its hash.

    Rows of a labelling sheet that nobody has labelled yet are left out. Raises ConfigError when
    the file is not there, not of this form, or has no label at all.
    """
    path = Path(data) if Path(data).suffix else FOLDER / f"{data}.jsonl"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.jsonl")))
        raise ConfigError("data= must name a labelled file", data, f"give a path or one of {known}")
    raw = path.read_bytes()
    rows: list[LabelledAnswer] = []
    for number, line in numbered_lines(raw.decode()):
        if line.startswith(UNLABELLED):
            continue
        try:
            rows.append(LabelledAnswer.model_validate_json(line))
        except ValidationError as error:
            raise ConfigError(
                "each line must be a labelled answer (CONTRIBUTING.md, Calibrate a judge)",
                f"{path}, line {number}: {json.dumps(error.errors()[0]['loc'])} "
                f"{error.errors()[0]['msg']}",
                "correct the line",
            ) from None
    if not rows:
        raise ConfigError(
            "a labelled file must have labels",
            f"none in {path}",
            f"put one of {', '.join(Label)} in the place of null",
        )
    return rows, f"{path.stem}-{hashlib.sha256(raw).hexdigest()[:8]}"
