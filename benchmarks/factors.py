"""One factor at a time: short repairs that share an explore, one row for each change.

.venv/bin/python -m benchmarks.factors TO RUN_FOLDER ... [--rows "key=value ..." ...] > table.md

Every row is a fork of every run (benchmarks/fork.py) with one training at the default point, no
mean and no reruns, so that nothing but the change tells rows apart; the first is the run as
configured. What is finished under TO is not run again, and what was interrupted goes on.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean

from a3.report.table import estimate
from a3.stats import paired_difference
from a3.types.rates import Estimate, Rate
from a3.types.results import ModelReport
from benchmarks.bar import pooled
from benchmarks.figures import SETS, same_items, shares
from benchmarks.finished import Finished, read

SHORT = ("budget.trials=1", "search.rerun_seeds=0", "search.soup=[]")
"""One training, and nothing chosen."""
WIDE = tuple(
    f"search.space.dimensions.{name}.{end}={value}"
    for name, low, high in (
        ("learning_rate", 1e-4, 1e-2),
        ("rank", 4, 128),
        ("alpha", 8, 256),
        ("harmful_share", 0.2, 0.8),
        ("general_share", 0, 0.6),
        ("tau_harmful", 0, 2),
        ("tau_benign", 0, 2),
    )
    for end, value in (("low", low), ("high", high))
)
"""Nothing is searched, so that rows may leave what smollm2 searches in."""
CURVE = ("budget.epoch_tokens=3750", "budget.epoch_tokens=30000", "budget.epoch_tokens=105000")
"""Half as long a training, four times as long, and as long as the last of `budget=standard`."""
ROWS = (
    "",
    *CURVE,
    "budget.cases_per_hypothesis=6",
    "respond=template",
    "respond.openings.evidence=''",
    "respond.beliefs=0",
    "train.strata.evidence=8",
    "train.strata.known=1",
    "train.strata.clean=1",
    "train.weight_decay=0",
    "general_data.max_new_tokens=64",
    "train.first_token=1",
    "train.first_token=4",
    "train.objective=sft",
    "search.default.learning_rate=9e-4",
    "search.default.learning_rate=3e-3",
    "search.default.lora.rank=8 search.default.lora.alpha=16",
    "search.default.lora.rank=64 search.default.lora.alpha=128",
    "search.default.epochs=1 budget.epoch_tokens=15000",
    "search.default.epochs=4 budget.epoch_tokens=3750",
    "search.default.harmful_share=0.3",
    "search.default.harmful_share=0.6",
    "search.default.tau_harmful=0 search.default.tau_benign=0",
    "search.default.tau_harmful=2 search.default.tau_benign=2",
    "search.default.general_share=0",
    "search.default.general_share=0.45",
    "search.default.general_share=0.6",
)
"""Changes to `budget=standard` on smollm2: how much there is to learn from, then how it is learned
(all but the curve at equal tokens)."""
HEAD = (
    "change", "SFR confirm", "SFR ood", "less the first row's", "FPR known",
    "FPR evidence", "FPR own", "kept", "capability", "KL neutral",
)  # fmt: skip


def run_rows(to: Path, runs: Sequence[Path], rows: Sequence[str]) -> dict[str, list[Finished]]:
    """Every row's repairs, in the order of `runs`."""
    return {row: [_finished(to, run, row) for run in runs] for row in rows}


def _finished(to: Path, run: Path, row: str) -> Finished:
    folder = to / (re.sub(r"[^\w.-]+", "_", row) or "as_configured") / run.name
    if not (folder / "result.json").is_file():
        going = [sys.executable, "-m", "a3", f"resume={folder}"]
        new = [sys.executable, "-m", "benchmarks.fork", run, folder, *SHORT, *WIDE, *row.split()]
        # A process each: none inherits another's memory.
        subprocess.run(going if folder.exists() else new, check=True, stdout=sys.stderr)
    return read(folder)


def table(rows: dict[str, list[Finished]], confidence: float) -> Iterator[str]:
    """Percent over the items of all runs; the first row is what the others are held against."""
    first = next(iter(rows.values()))
    yield f"| {' | '.join(HEAD)} |"
    yield "|---" * len(HEAD) + "|"
    yield f"| base | {' | '.join(_base(first))} |"
    for row, runs in rows.items():
        name = f"`{row}`" if row else "as configured"
        less = "" if runs is first else _less(runs, first, confidence)
        yield f"| {name} | {' | '.join(_repaired(runs, less))} |"


def _base(runs: Sequence[Finished]) -> Iterator[str]:
    reports = [run.result.base for run in runs]
    yield from (*_sfr(reports), "", *_fpr(reports), "", _accuracy(reports), "")


def _repaired(runs: Sequence[Finished], less: str) -> Iterator[str]:
    reports = [run.result.repaired for run in runs]
    kept = _percent([run.result.kept for run in runs])
    yield from (*_sfr(reports), less, *_fpr(reports), kept, _accuracy(reports))
    drifts = [r.kl_neutral.value for r in reports if r.kl_neutral]
    known = [drift for drift in drifts if drift is not None]
    yield f"{fmean(known):.3f}" if known else "-"


def _sfr(reports: Sequence[ModelReport]) -> Iterator[str]:
    for name in SETS:
        yield _percent([getattr(report, name).sfr for report in reports])


def _fpr(reports: Sequence[ModelReport]) -> Iterator[str]:
    """Over confirm and OOD together, as the bar has it."""
    for stratum in ("known", "evidence", "own"):
        both = [getattr(report, name).fpr_by_stratum for report in reports for name in SETS]
        yield _percent([rates.get(stratum) for rates in both])


def _accuracy(reports: Sequence[ModelReport]) -> str:
    return _percent([rate for report in reports for rate in report.capability.values()])


def _percent(rates: Sequence[Rate | None]) -> str:
    share = pooled([rate for rate in rates if rate is not None])
    return "-" if share is None else f"{100 * share:.1f}"


def _less(runs: Sequence[Finished], first: Sequence[Finished], confidence: float) -> str:
    """SFR on both sets minus that of the first row, query by query, in points."""
    if not all(same_items(*pair) for pair in zip(first, runs, strict=True)):
        return "other queries"  # Forked by another version of the code.
    harmful = [share for share in shares(first[0].result) if share.field == "sfr"]
    one, other = ([i for s in harmful for i in s.items(which)] for which in (first, runs))
    change = paired_difference(one, other, confidence)
    found = Estimate(value=change.difference, low=change.low, high=change.high)
    return estimate(found, 100, "+.1f")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("to", type=Path)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--rows", nargs="+", default=ROWS)
    arguments = parser.parse_args()
    rows = run_rows(arguments.to, arguments.runs, arguments.rows)
    confidence = float(next(iter(rows.values()))[0].config["goal"]["confidence"])
    print("\n".join(table(rows, confidence)))


if __name__ == "__main__":
    main()
