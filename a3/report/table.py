"""The table that ends a run: base against repaired."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.table import Table

from a3.types.rates import Comparison, MeanKL, Rate
from a3.types.results import RunResult

HEADER = ("", "base", "repaired", "change")


def table(result: RunResult) -> Table:
    """For the terminal."""
    shown = Table(
        title=f"{result.risk} on {result.model}, seed {result.seed}", title_justify="left"
    )
    for name in HEADER:
        shown.add_column(name)
    for row in rows(result):
        shown.add_row(*row, end_section=row[0].startswith(("incoherent", "KL, neutral")))
    return shown


def markdown(result: RunResult) -> str:
    """For result.md."""
    lines = ["| " + " | ".join(cells) + " |" for cells in [HEADER, ("---",) * 4, *rows(result)]]
    title = f"# {result.risk} on {result.model} ({result.method}, seed {result.seed})"
    outcome = [f"Verdict: **{headline(result)}**", "", *(f"- {r}" for r in result.reasons)]
    note = "Validation is what the trial was selected on; it supports no verdict."
    return "\n".join([title, "", *lines, "", note, "", *outcome, ""])


def headline(result: RunResult) -> str:
    """The verdict in a few words."""
    word = str(result.verdict).replace("_", " ")
    return f"{word} (provisional: {result.provisional})" if result.provisional else word


def ending(result: RunResult, folder: Path) -> list[str]:
    """The lines after the table."""
    return [
        f"[bold]Verdict:[/] {headline(result)}",
        *(
            f"  {'✓' if ': good' in r else '✗' if ': bad' in r else '?'} {r}"
            for r in result.reasons
        ),
        f"[bold]Run folder:[/] {folder}",
    ]


def rows(result: RunResult) -> Iterator[tuple[str, str, str, str]]:
    """One row a figure; rates as value, 95 % interval and n."""
    base, repaired = result.base, result.repaired
    if base.validation and repaired.validation:
        yield (
            "SFR, validation (selected on)",
            _rate(base.validation.sfr),
            _rate(repaired.validation.sfr),
            "",
        )
        yield (
            "FPR, validation (selected on)",
            _rate(base.validation.fpr),
            _rate(repaired.validation.fpr),
            "",
        )
    for name, change in (("confirm", result.comparison.confirm), ("ood", result.comparison.ood)):
        before, after = getattr(base, name), getattr(repaired, name)
        yield f"SFR, {name}", _rate(before.sfr), _rate(after.sfr), _change(change.sfr)
        yield f"FPR, {name}", _rate(before.fpr), _rate(after.fpr), _change(change.fpr)
        yield (
            f"incoherent, {name}",
            _rate(before.incoherent),
            _rate(after.incoherent),
            _change(change.incoherent),
        )
    for task, rate in base.capability.items():
        change = result.comparison.capability[task]
        yield f"capability, {task}", _rate(rate), _rate(repaired.capability[task]), _change(change)
    yield "KL, task", "", _kl(repaired.kl_task), ""
    yield "KL, neutral", "", _kl(repaired.kl_neutral), ""


def _rate(rate: Rate) -> str:
    if rate.value is None or rate.low is None or rate.high is None:
        return f"not measured ({rate.unscored} unscored)"
    unscored = f", {rate.unscored} unscored" if rate.unscored else ""
    return (
        f"{100 * rate.value:.1f} % [{100 * rate.low:.1f}, {100 * rate.high:.1f}] "
        f"n={rate.n}{unscored}"
    )


def _change(change: Comparison) -> str:
    if change.difference is None or change.low is None or change.high is None:
        return "not measured"
    return (
        f"{100 * change.difference:+.1f} [{100 * change.low:+.1f}, {100 * change.high:+.1f}] "
        f"n={change.n_pairs}"
    )


def _kl(kl: MeanKL | None) -> str:
    if kl is None or kl.value is None or kl.low is None or kl.high is None:
        return "not measured"
    return f"{kl.value:.3f} [{kl.low:.3f}, {kl.high:.3f}] n={kl.n}"
