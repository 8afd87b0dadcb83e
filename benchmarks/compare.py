"""Compare methods: finished runs as one table in markdown.

.venv/bin/python -m benchmarks.compare RUN_FOLDER ... > comparison.md

One row of the comparison is what its runs have in common but for the seed (sweeps/methods.yaml);
the first folder's row is the one that the others are held against. Runs of one seed ask the same
held-out queries, so methods are compared item by item.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from a3.measure.rates import Count, failed, incoherent, outcomes, over_defensive
from a3.report.table import estimate
from a3.stats import Outcome, paired_difference, paired_means
from a3.types.answers import Verdict
from a3.types.queries import Kind
from a3.types.rates import Comparison, Estimate, MeanKL, Rate
from a3.types.results import ModelReport, RunResult
from benchmarks.finished import Finished, Rows, grouped, read

SETS = ("confirm", "ood")

Which = str
"""base or repaired."""


@dataclass(frozen=True)
class Figure:
    """A line of the table."""

    name: str
    of: Callable[[RunResult, Which], Rate | MeanKL | Comparison | float | None]
    scale: float = 100
    form: str = ".1f"

    def estimate(self, result: RunResult, which: Which) -> Estimate | None:
        """The figure of one run with its interval; None: not measured, or not of the base."""
        match self.of(result, which):
            case Comparison() as c:
                found = Estimate(value=c.difference, low=c.low, high=c.high)
            case Rate() | MeanKL() as r:
                found = Estimate(value=r.value, low=r.low, high=r.high)
            case float() as value:
                found = Estimate(value=value, low=None, high=None)
            case _:
                return None
        return found if found.value is not None else None

    def cell(self, found: Estimate | None) -> str:
        """As it stands in the table."""
        if found is None or found.value is None:
            return "-"
        if found.low is None:
            return f"{self.scale * found.value:{self.form}}"
        return estimate(found, self.scale, self.form)


def figures(result: RunResult) -> list[Figure]:
    """The lines of the table; strata and tasks are those of this run."""
    return [
        *(Figure(f"SFR, {s}, %", _of_set(s, "sfr")) for s in SETS),
        *(
            Figure(f"FPR, {s}, {stratum}, %", _stratum(s, stratum))
            for s in SETS
            for stratum in getattr(result.repaired, s).fpr_by_stratum
        ),
        *(Figure(f"incoherent, {s}, %", _of_set(s, "incoherent")) for s in SETS),
        *(Figure(f"capability, {t}, %", _capability(t)) for t in result.base.capability),
        *(
            Figure(f"capability, {t}, change in points", _capability_change(t), form="+.1f")
            for t in result.base.capability
        ),
        Figure("KL, task", lambda r, w: _report(r, w).kl_task, 1, ".3f"),
        Figure("KL, neutral", lambda r, w: _report(r, w).kl_neutral, 1, ".3f"),
        Figure("trials", _cost(lambda r: float(r.n_trials)), 1, ".0f"),
        Figure("trained tokens", _cost(lambda r: float(r.cost.trained_tokens)), 1, ",.0f"),
        Figure("minutes", _cost(lambda r: sum(r.seconds.values()) / 60), 1, ".1f"),
    ]


def _report(result: RunResult, which: Which) -> ModelReport:
    return result.base if which == "base" else result.repaired


def _of_set(name: str, rate: str) -> Callable[[RunResult, Which], Rate]:
    return lambda result, which: getattr(getattr(_report(result, which), name), rate)


def _stratum(name: str, stratum: str) -> Callable[[RunResult, Which], Rate | None]:
    return lambda result, which: getattr(_report(result, which), name).fpr_by_stratum.get(stratum)


def _capability(task: str) -> Callable[[RunResult, Which], Rate | None]:
    return lambda result, which: _report(result, which).capability.get(task)


def _capability_change(task: str) -> Callable[[RunResult, Which], Comparison | None]:
    return lambda result, which: None if which == "base" else result.comparison.capability[task]


def _cost(of: Callable[[RunResult], float]) -> Callable[[RunResult, Which], float | None]:
    return lambda result, which: None if which == "base" else of(result)


def comparison(runs: Sequence[Finished]) -> str:
    """The whole comparison in markdown. Raises StoreError if the runs do not belong together."""
    rows = grouped(runs)
    first = runs[0].result
    seeds = sorted({r.result.seed for r in runs})
    lines = [f"# {first.risk} on {first.model}, seeds {', '.join(map(str, seeds))}", ""]
    lines += [f"Judge: {', '.join(sorted({r.result.provenance.judge for r in runs}))}.", ""]
    lines += _means(rows, figures(first))
    for seed in seeds:
        mine = {row: by_seed[seed] for row, by_seed in rows.items() if seed in by_seed}
        lines += _one_seed(seed, mine, figures(first))
    return "\n".join([*lines, *_differences(rows)])


def _means(rows: Rows, lines: Sequence[Figure]) -> Iterator[str]:
    yield "## Mean over seeds"
    yield ""
    yield (
        "In brackets a 95 % interval of the mean by Student's t over seeds, from two seeds on; in "
        "parentheses each seed."
    )
    yield ""
    base = {seed: run for by_seed in rows.values() for seed, run in by_seed.items()}
    columns = [("base", "base", base), *((row, "repaired", runs) for row, runs in rows.items())]
    yield from _header("", *(name for name, _, _ in columns))
    for line in lines:
        yield _row(line.name, *(_mean(line, which, runs) for _, which, runs in columns))


def _mean(line: Figure, which: Which, runs: Mapping[int, Finished]) -> str:
    found = [line.estimate(runs[seed].result, which) for seed in sorted(runs)]
    values = [e.value for e in found if e is not None and e.value is not None]
    if len(values) < len(found):
        return "-"  # A mean over other seeds than the next column's would mislead.
    spread = paired_means(values, 0.95)
    mean = line.cell(Estimate(value=fmean(values), low=spread.low, high=spread.high))
    return f"{mean} ({', '.join(f'{line.scale * v:{line.form}}' for v in values)})"


def _one_seed(seed: int, runs: Mapping[str, Finished], lines: Sequence[Figure]) -> Iterator[str]:
    yield from ("", f"## Seed {seed}", "")
    yield "In brackets each figure's interval on these hypotheses, at the run's confidence level."
    yield ""
    any_run = next(iter(runs.values())).result
    yield from _header("", "base", *runs)
    for line in lines:
        of_base = line.cell(line.estimate(any_run, "base"))
        of_rows = (line.cell(line.estimate(r.result, "repaired")) for r in runs.values())
        yield _row(line.name, of_base, *of_rows)
    verdicts = (str(r.result.verdict).replace("_", " ") for r in runs.values())
    yield _row("verdict", "", *verdicts)


def _differences(rows: Rows) -> Iterator[str]:
    reference, *others = rows
    for other in others:
        seeds = [s for s in sorted(rows[other]) if s in rows[reference]]
        pairs = {s: (rows[reference][s], rows[other][s]) for s in seeds}
        paired = {s: p for s, p in pairs.items() if _same_items(*p)}
        yield from ("", f"## {other} minus {reference}, item by item, in points", "")
        if left_out := [str(s) for s in seeds if s not in paired]:
            yield f"Seeds without stored verdicts on the same queries: {', '.join(left_out)}."
            yield ""
        if not paired:
            yield "No seed in common that can be paired."
            continue
        shown = ", ".join(map(str, paired))
        yield f"Seeds {shown}; intervals at 95 %, not corrected for their number."
        yield ""
        yield from _header("", "these hypotheses", "new hypotheses", "items")
        for name, change in differences(list(paired.values())):
            yield _row(name, *_change_cells(change))


def _same_items(one: Finished, other: Finished) -> bool:
    return (
        one.evaluation is not None
        and other.evaluation is not None
        and one.evaluation.queries == other.evaluation.queries
    )


def differences(pairs: Sequence[tuple[Finished, Finished]]) -> Iterator[tuple[str, Comparison]]:
    """Second minus first of each pair, over the items of all pairs (one for each seed).

    A fact that several seeds asked for is one source; hypotheses are numbered anew by each seed.
    """
    one = pairs[0][0].evaluation
    assert one is not None
    for name in SETS:
        strata = sorted({q.stratum for q in one.queries[name] if q.kind is Kind.BENIGN})
        for what, kind, count, stratum in (
            ("SFR", Kind.HARMFUL, failed, None),
            *((f"FPR {s}", Kind.BENIGN, over_defensive, s) for s in strata),
            ("incoherent", Kind.HARMFUL, incoherent, None),
        ):
            before, after = (
                [o for p in pairs for o in _outcomes(p[i], name, kind, count, stratum)]
                for i in (0, 1)
            )
            yield f"{what}, {name}", paired_difference(before, after, 0.95)


def _outcomes(
    run: Finished, name: str, kind: Kind, count: Count, stratum: str | None
) -> list[Outcome]:
    assert run.evaluation is not None

    def place(verdict: Verdict) -> tuple[str, int]:
        return verdict.answer.query_id, verdict.answer.sample

    verdicts = sorted(run.evaluation.verdicts[f"repaired/{name}"], key=place)
    found = outcomes(run.evaluation.queries[name], verdicts, kind, count, stratum)
    return [Outcome(o.hit, o.source, f"{run.result.seed}/{o.hypothesis}") for o in found]


def _change_cells(change: Comparison) -> tuple[str, str, str]:
    if change.difference is None or change.low is None:
        return "not measured", "", str(change.n_pairs)
    these = Estimate(value=change.difference, low=change.low, high=change.high)
    new = "not estimable"
    if change.new is not None:
        new = f"[{100 * change.new.low:+.1f}, {100 * change.new.high:+.1f}]"
    return estimate(these, 100, "+.1f"), new, str(change.n_pairs)


def _header(*names: str) -> Iterator[str]:
    yield _row(*names)
    yield _row(*["---"] * len(names))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(comparison([read(Path(folder)) for folder in sys.argv[1:]]))
