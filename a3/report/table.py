"""The table that ends a run: base against repaired."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.table import Table
from rich.text import Text

from a3.report.cost import cost_line, markdown_cost
from a3.report.criteria import NOT_ESTIMABLE, in_words
from a3.report.learned import markdown_learned
from a3.report.trials import markdown_trials
from a3.report.verdict import UNCALIBRATED
from a3.types.judge import Calibration, SecondOpinion
from a3.types.rates import Comparison, Estimate, Interval, MeanKL, Rate
from a3.types.results import ModelReport, RunResult, SplitComparison, VerdictKind
from a3.types.scores import HeldOutScores

Row = tuple[str, str, str, str]
HEADER: Row = ("", "base", "repaired", "change")


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
    note = (
        "Validation is what the trial was selected on; it supports no verdict. Intervals speak of "
        'these hypotheses; rows "new hypotheses" of others like them. '
        f"Judge: {judge_line(result)}.{made_under(result)}"
    )
    trials = markdown_trials(result)
    curve = [" | ".join(("", *cells, "")).strip() for cells in explored(result)]
    calls = markdown_cost(result.cost)
    found = [*curve, "", *markdown_learned(result)]
    return "\n".join([title, "", *lines, "", note, "", *outcome, "", *found, *trials, *calls])


def made_under(result: RunResult) -> str:
    """Where a run was resumed under other code or versions: how many there were; else nothing."""
    n = len(result.earlier)
    return f" Resumed under other code or versions ({n} before; provenance.jsonl)." if n else ""


def explored(result: RunResult) -> Iterator[tuple[str, ...]]:
    """The curve of explore as rows of a table; totals up to each round. Empty without rounds."""
    if not result.explored:
        return
    yield "round", "hypotheses", "harmful queries", "failures found", "cells above 20 %"
    yield ("---",) * 5
    for r in result.explored:
        yield tuple(map(str, (r.round, r.hypotheses, r.queries, r.failures, r.found)))


def headline(result: RunResult) -> str:
    """The verdict in a few words."""
    notes: list[str] = []
    if result.verdict is VerdictKind.INCONCLUSIVE:
        if any(NOT_ESTIMABLE in reason for reason in result.reasons):
            notes.append(NOT_ESTIMABLE)
        elif result.more_items:
            most = max(result.more_items.values(), key=lambda more: more.items)
            notes.append(f"{in_words(most)} would decide")
    if result.provisional:
        notes.append(f"provisional: {result.provisional}")
    word = str(result.verdict).replace("_", " ")
    return f"{word} ({'; '.join(notes)})" if notes else word


def judge_line(result: RunResult) -> str:
    """How far the judge can be trusted."""
    found, second = result.calibration, result.second_opinion
    told = UNCALIBRATED if found is None else f"{found.judge}, {_agreement(found)}"
    if second is None:
        return told
    left = f", {second.unscored} unscored" if second.unscored else ""
    return f"{told}; {second.judge} beside it: {_agreement(second)}{left}"


def _agreement(found: Calibration | SecondOpinion) -> str:
    same = found.accuracy.value
    return (
        f"accuracy {'-' if same is None else f'{100 * same:.0f} %'}, "
        f"kappa {estimate(found.kappa, 1, '.2f')}, n={found.n}"
    )


def ending(result: RunResult, folder: Path) -> list[Text]:
    """The lines after the table."""
    calls = cost_line(result.cost)
    reasons = (
        Text(f"  {'✓' if ': good' in r else '✗' if ': bad' in r else '?'} {r}")
        for r in result.reasons
    )
    return [
        _titled("Judge", judge_line(result)),
        _titled("Verdict", headline(result)),
        *reasons,
        *([_titled("Calls", calls)] if calls else []),
        _titled("Run folder", f"{folder} (report.html is the page to read)"),
    ]


def _titled(title: str, text: str) -> Text:
    return Text.assemble((f"{title}:", "bold"), f" {text}")


def rows(result: RunResult) -> Iterator[Row]:
    """One row a figure; rates as value, interval and n."""
    base, repaired, change = result.base, result.repaired, result.comparison
    if base.validation and repaired.validation:
        for name in ("sfr", "fpr"):
            before, after = getattr(base.validation, name), getattr(repaired.validation, name)
            yield f"{name.upper()}, validation (selected on)", _rate(before), _rate(after), ""
    for name, found in (("confirm", change.confirm), ("ood", change.ood)):
        before, after = getattr(base, name), getattr(repaired, name)
        yield from _sfr(name, before.sfr, after.sfr, found.sfr)
        yield from _corrected(name, base, repaired)
        yield from _others(name, before, after, found)
    for task, rate in base.capability.items():
        after = repaired.capability[task]
        yield f"capability, {task}", _rate(rate), _rate(after), _change(change.capability[task])
        if task in change.capability_logprob:
            nats = _nats(change.capability_logprob[task])
            yield f"log-probability, {task}", "", "", nats
    if result.kept and result.kept.n:
        yield "known facts kept, untouched topics", "all, by choice", _rate(result.kept), ""
    yield "KL, task", "", _kl(repaired.kl_task), ""
    yield "KL, neutral", "", _kl(repaired.kl_neutral), ""


def _sfr(name: str, before: Rate, after: Rate, change: Comparison) -> Iterator[Row]:
    yield f"SFR, {name}", _rate(before), _rate(after), _change(change)
    if name == "ood":
        intervals = _new(before.new), _new(after.new), _new(change.new, "+")
        yield (f"SFR, {name}, new hypotheses", *intervals)


def _others(
    name: str, before: HeldOutScores, after: HeldOutScores, change: SplitComparison
) -> Iterator[Row]:
    yield f"FPR, {name}", _rate(before.fpr), _rate(after.fpr), _change(change.fpr)
    for stratum, fpr in change.fpr_by_stratum.items():
        of_base, mine = (s.fpr_by_stratum.get(stratum) for s in (before, after))
        yield f"FPR, {name}, {stratum}", _rate(of_base), _rate(mine), _change(fpr)
    incoherent = _rate(before.incoherent), _rate(after.incoherent), _change(change.incoherent)
    yield (f"incoherent, {name}", *incoherent)


def _corrected(name: str, base: ModelReport, repaired: ModelReport) -> Iterator[Row]:
    found = [m.sfr_corrected.get(name) for m in (base, repaired)]
    if any(found):
        before, after = (estimate(e, 100, ".1f", " %") if e else "-" for e in found)
        yield f"SFR, {name}, corrected for judge error", before, after, ""


def _rate(rate: Rate | None) -> str:
    if rate is None or rate.value is None or rate.low is None or rate.high is None:
        return f"not measured ({rate.unscored if rate else 0} unscored)"
    unscored = f", {rate.unscored} unscored" if rate.unscored else ""
    return (
        f"{100 * rate.value:.1f} % [{100 * rate.low:.1f}, {100 * rate.high:.1f}] "
        f"n={rate.n}{unscored}"
    )


def _new(found: Interval | None, sign: str = "") -> str:
    if found is None:
        return "not estimable"
    low, high = 100 * found.low, 100 * found.high
    return f"[{low:{sign}.1f}, {high:{sign}.1f}] from {found.clusters}"


def _change(change: Comparison) -> str:
    if change.difference is None or change.low is None or change.high is None:
        return "not measured"
    return (
        f"{100 * change.difference:+.1f} [{100 * change.low:+.1f}, {100 * change.high:+.1f}] "
        f"n={change.n_pairs}"
    )


def _nats(change: Comparison) -> str:
    if change.difference is None or change.low is None or change.high is None:
        return "not measured"
    return f"{change.difference:+.3f} [{change.low:+.3f}, {change.high:+.3f}] n={change.n_pairs}"


def estimate(found: Estimate, scale: float, form: str, unit: str = "") -> str:
    """A figure with its interval in brackets."""
    if found.value is None or found.low is None or found.high is None:
        return "undefined"
    value, low, high = (scale * x for x in (found.value, found.low, found.high))
    return f"{value:{form}}{unit} [{low:{form}}, {high:{form}}]"


def _kl(kl: MeanKL | None) -> str:
    if kl is None or kl.value is None or kl.low is None or kl.high is None:
        return "not measured"
    return f"{kl.value:.3f} [{kl.low:.3f}, {kl.high:.3f}] n={kl.n}"
