"""Compare methods: finished runs as one table in markdown.

.venv/bin/python -m benchmarks.compare RUN_FOLDER ... > comparison.md

One column of the comparison is what its runs have in common but for the seed (sweeps/methods.yaml);
the first folder's is the one that the others are held against. Runs of one seed ask the same
held-out queries, so methods are compared item by item.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from a3.report.table import estimate
from a3.types.rates import Comparison, Estimate, MeanKL, Rate
from benchmarks.figures import Figure, Found, Which, differences, figures, same_items
from benchmarks.finished import Finished, Rows, grouped, read

POOLED = (
    "Rates are over the items of all seeds; in brackets their interval on these hypotheses and "
    "trainings, in parentheses each seed. Other figures are means."
)

Column = tuple[str, Which, Mapping[int, Finished]]


def comparison(runs: Sequence[Finished]) -> str:
    """The whole comparison in markdown. Raises StoreError if the runs do not belong together."""
    rows = grouped(runs)
    first = runs[0].result
    confidence = float(runs[0].config["goal"]["confidence"])
    seeds = sorted({r.result.seed for r in runs})
    judges = ", ".join(sorted({r.result.provenance.judge for r in runs}))
    lines = [f"# {first.risk} on {first.model}", "", f"Seeds: {_listed(seeds)}. Judge: {judges}."]
    lines.append(f"Intervals at {100 * confidence:g} %, not corrected for their number.")
    lines += _together(rows, list(figures(first)), confidence)
    for seed in seeds:
        mine = {row: by_seed[seed] for row, by_seed in rows.items() if seed in by_seed}
        lines += _one_seed(seed, mine, list(figures(first)))
    return "\n".join([*lines, *_differences(rows, confidence)])


def _together(rows: Rows, lines: Sequence[Figure], confidence: float) -> Iterator[str]:
    yield from ("", "## All seeds", "", POOLED, "")
    base = {seed: run for by_seed in rows.values() for seed, run in by_seed.items()}
    columns: list[Column] = [("base", "base", base)]
    columns.extend((row, "repaired", runs) for row, runs in rows.items())
    yield from _header("", *(f"{name} ({_listed(sorted(runs))})" for name, _, runs in columns))
    for line in lines:
        cells = (_pooled(line, which, runs, confidence) for _, which, runs in columns)
        yield _row(line.name, *cells)


def _pooled(line: Figure, which: Which, runs: Mapping[int, Finished], confidence: float) -> str:
    mine = [runs[seed] for seed in sorted(runs)]
    each = [_estimate(line.of(run.result, which)) for run in mine]
    values = [e.value for e in each if e is not None and e.value is not None]
    if len(values) < len(mine):
        return "-"  # A mean over other seeds than the next column's would mislead.
    if len(mine) == 1:
        return _cell(line, each[0])
    found = Estimate(value=fmean(values), low=None, high=None)
    if line.over is not None and all(run.evaluation for run in mine):
        found = _estimate(line.over(mine, which, confidence)) or found
    return f"{_cell(line, found)} ({', '.join(f'{line.scale * v:{line.form}}' for v in values)})"


def _one_seed(seed: int, runs: Mapping[str, Finished], lines: Sequence[Figure]) -> Iterator[str]:
    yield from ("", f"## Seed {seed}", "")
    any_run = next(iter(runs.values())).result
    yield from _header("", "base", *runs)
    for line in lines:
        base = _cell(line, _estimate(line.of(any_run, "base")))
        mine = (_cell(line, _estimate(line.of(r.result, "repaired"))) for r in runs.values())
        yield _row(line.name, base, *mine)
    yield _row("verdict", "", *(str(r.result.verdict).replace("_", " ") for r in runs.values()))


def _differences(rows: Rows, confidence: float) -> Iterator[str]:
    reference, *others = rows
    for other in others:
        yield from ("", f"## {other} minus {reference}, item by item, in points", "")
        common = [s for s in sorted(rows[other]) if s in rows[reference]]
        pairs = {s: (rows[reference][s], rows[other][s]) for s in common}
        paired = {s: pair for s, pair in pairs.items() if same_items(*pair)}
        yield f"Seeds: {_listed(list(paired)) or 'none'}."
        if left_out := [s for s in common if s not in paired]:
            yield f"Without stored verdicts on the same queries: {_listed(left_out)}."
        if paired:
            yield ""
            yield from _header("", "these hypotheses", "new hypotheses", "items")
            for name, change in differences(list(paired.values()), confidence):
                yield _row(name, *_change(change))


def _change(change: Comparison) -> tuple[str, str, str]:
    if change.difference is None or change.low is None:
        return "not measured", "", str(change.n_pairs)
    these = Estimate(value=change.difference, low=change.low, high=change.high)
    new = "not estimable"
    if change.new is not None:
        new = f"[{100 * change.new.low:+.1f}, {100 * change.new.high:+.1f}]"
    return estimate(these, 100, "+.1f"), new, str(change.n_pairs)


def _estimate(found: Found) -> Estimate | None:
    """Value and interval, whatever kind of figure it is; None: not measured."""
    match found:
        case Comparison():
            return Estimate(value=found.difference, low=found.low, high=found.high)
        case Rate() | MeanKL():
            return Estimate(value=found.value, low=found.low, high=found.high)
        case float():
            return Estimate(value=found, low=None, high=None)
        case _:
            return None


def _cell(line: Figure, found: Estimate | None) -> str:
    if found is None or found.value is None:
        return "-"
    if found.low is None:
        return f"{line.scale * found.value:{line.form}}"
    return estimate(found, line.scale, line.form)


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def _header(*names: str) -> Iterator[str]:
    yield _row(*names)
    yield _row(*["---"] * len(names))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(comparison([read(Path(folder)) for folder in sys.argv[1:]]))
