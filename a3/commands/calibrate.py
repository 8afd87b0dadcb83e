"""Calibrate: how far a judge agrees with people.

    python -m a3.calibrate judge=rules data=sycophancy-held-out
    python -m a3.calibrate detector=refuses data=labelled.jsonl

`data` is a path or the name of a labelled file of this package. With `show=errors` every
disagreement is printed, with `save=PATH` the calibration is kept where `judge.calibration=PATH`
finds it. Everything else is a choice of the configuration (`risk=...`, `judge=...`).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from a3.budget import Ledger
from a3.config import Config
from a3.errors import A3Error, ConfigError
from a3.judges import make_judge
from a3.judges.calibration import calibrate
from a3.judges.detectors import DETECTORS
from a3.judges.labelled import LabelledAnswer, read_labelled
from a3.llm.line import Line
from a3.report.cost import cost_line
from a3.stats import agreement
from a3.store import Cache, numbered_lines, shared_cache, write_atomic
from a3.types.answers import Label
from a3.types.base import Frozen
from a3.types.judge import Calibration
from a3.types.queries import Kind
from a3.types.rates import Agreement, Estimate, Rate

OWN = ("data", "detector", "show", "save")
"""Keys of this command; the rest are overrides of the configuration."""
CONFIDENCE = 0.95


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; exit 2 with the cause when it cannot be done."""
    try:
        _run(list(sys.argv[1:] if arguments is None else arguments), Console())
    except A3Error as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def _run(arguments: list[str], console: Console) -> None:
    pairs = dict(a.split("=", 1) for a in arguments if "=" in a)
    if strange := [a for a in arguments if "=" not in a and not a.startswith("~")]:
        raise ConfigError(
            "arguments are key=value", " ".join(strange), "see `pydoc a3.commands.calibrate`"
        )
    if "data" not in pairs:
        raise ConfigError("data= must name a labelled file", "none", "data=sycophancy-held-out")
    if "detector" in pairs:
        _detector(pairs["detector"], Path(pairs["data"]), console)
    else:
        _judge(pairs, [a for a in arguments if a.split("=", 1)[0] not in OWN], console)


def _judge(pairs: dict[str, str], overrides: list[str], console: Console) -> None:
    from a3.config.compose import compose

    config = compose(overrides, Path("unused"))
    rows, data = read_labelled(pairs["data"])
    with _line(config) as (line, ledger):
        found, ruled = calibrate(make_judge(config, line), rows, data, CONFIDENCE)
        cost = cost_line(ledger.cost)
    if pairs.get("show") == "errors":
        _show_errors(ruled, console)
    for kind, table in found.confusion.items():
        console.print(_confusion(f"{kind} queries: human label (rows), judge (columns)", table))
        # Labels tell kinds apart, so over both kinds even a judge that says one thing has a kappa.
        both = [(a, b) for a, row in table.items() for b, n in row.items() for _ in range(n)]
        kappa = agreement(both, CONFIDENCE).kappa
        console.print(f"Cohen's kappa of {kind} queries {_estimate(kappa)}")
    _summary(found.accuracy, found.kappa, found.recall, console)
    _safety_errors(found, console)
    console.print(f"judge {found.judge} on {found.data}, n={found.n}")
    if cost:
        console.print(cost)
    if "save" in pairs:
        write_atomic(Path(pairs["save"]), found.model_dump_json(indent=1) + "\n")


@contextmanager
def _line(config: Config) -> Iterator[tuple[Line, Ledger]]:
    """The runs' cache, so that no verdict of theirs is paid for again, and the caps."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "cost.json")
        # Rules ask nobody, and need no folder that can be written.
        cache = Cache(None) if config.judge.name == "rules" else shared_cache()
        yield Line(cache, ledger, partial(ledger.over, config.budget.caps)), ledger


class _Sentence(Frozen):
    """One line of a detector's labelled file."""

    text: str
    label: bool


def _sentences(path: Path) -> list[_Sentence]:
    found: list[_Sentence] = []
    for number, line in numbered_lines(path.read_text(encoding="utf-8")):
        try:
            found.append(_Sentence.model_validate_json(line))
        except ValidationError as error:
            raise ConfigError(
                'each line must be {"text": "...", "label": true or false}',
                f"{path}, line {number}: {error.errors()[0]['msg']}",
                "correct the line",
            ) from None
    return found


def _detector(name: str, path: Path, console: Console) -> None:
    """A single detector on rows of `{"text": ..., "label": true}`."""
    if name not in DETECTORS:
        raise ConfigError(
            "detector= must name a detector", name, f"choose from {', '.join(DETECTORS)}"
        )
    if not path.is_file():
        raise ConfigError("data= must name a labelled file", str(path), "give its path")
    words = {True: "yes", False: "no"}
    pairs = [(words[s.label], words[DETECTORS[name](s.text)]) for s in _sentences(path)]
    found: Agreement = agreement(pairs, CONFIDENCE)
    console.print(_confusion(f"{name}: human label (rows), detector (columns)", found.confusion))
    _summary(found.accuracy, found.kappa, found.recall, console)
    console.print(f"n={found.n}")


def _confusion(
    title: str, counts: dict[Label, dict[Label, int]] | dict[str, dict[str, int]]
) -> Table:
    columns = sorted({str(c) for row in counts.values() for c in row} | {str(r) for r in counts})
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for name in columns:
        table.add_column(name, justify="right")
    for label, row in sorted(counts.items()):
        by_name = {str(k): v for k, v in row.items()}
        table.add_row(str(label), *(str(by_name.get(c, 0)) for c in columns))
    return table


def _summary(
    accuracy: Rate, kappa: Estimate, recall: dict[Label, Rate] | dict[str, Rate], console: Console
) -> None:
    console.print(f"accuracy {_share(accuracy)}")
    console.print(f"Cohen's kappa {_estimate(kappa)}")
    for label, rate in sorted(recall.items()):
        console.print(f"recall of {label}: {_share(rate)}")


def _safety_errors(found: Calibration, console: Console) -> None:
    """The two errors that move SFR."""
    harmful = found.confusion.get(Kind.HARMFUL, {})
    for name, human, ruled in (
        ("false SAFE: FAILED answers ruled SAFE", {Label.FAILED}, Label.SAFE),
        (
            "false FAILED: other answers ruled FAILED",
            set(harmful) - {Label.FAILED},
            Label.FAILED,
        ),
    ):
        rows = [harmful[label] for label in human if label in harmful]
        n, hits = sum(sum(r.values()) for r in rows), sum(r.get(ruled, 0) for r in rows)
        pairs = [("yes", "yes")] * hits + [("yes", "no")] * (n - hits)
        if pairs:
            console.print(f"{name}: {_share(agreement(pairs, CONFIDENCE).accuracy)}")


def _show_errors(ruled: Sequence[tuple[LabelledAnswer, Label, str]], console: Console) -> None:
    for row, label, reason in ruled:
        if label is not row.label:
            reference = row.query.reference
            console.rule(f"{row.query.kind}: people {row.label}, judge {label} ({reason})")
            console.print(f"right: {reference.correct} | claimed: {reference.claimed}")
            console.print(row.query.conversation.last.content, markup=False)
            console.print(f">>> {row.answer.text}", markup=False)


def _share(rate: Rate) -> str:
    if rate.value is None or rate.low is None or rate.high is None:
        return "not measured"
    return f"{100 * rate.value:.1f} % [{100 * rate.low:.1f}, {100 * rate.high:.1f}] n={rate.n}"


def _estimate(found: Estimate) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "not determined"
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
