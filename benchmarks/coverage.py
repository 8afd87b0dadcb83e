"""Do the intervals and verdicts keep what they promise? Simulation with known truth, fixed seeds.

Items go round the hypotheses in turn; a source serves four items, of different hypotheses.
Outcomes share a beta-distributed rate within a hypothesis or a source (beta-binomial, by
intra-cluster correlation); differences share normal shifts. Writes coverage.json beside this file.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from a3.report.criteria import limit
from a3.stats.bootstrap import bootstrap_t, percentile
from a3.stats.clusters import Design, Groups, Values, source_sums
from a3.stats.differences import difference_new, difference_these
from a3.stats.exact import normal_quantile
from a3.stats.rates import share_new, share_these
from a3.types.rates import Interval, Rate
from a3.types.results import Goal

ROOT = Path(__file__).resolve().parent.parent
GOAL = Goal.model_validate(yaml.safe_load((ROOT / "conf/goal/default.yaml").read_text()))
LEVEL = GOAL.confidence
HYPOTHESES = (4, 8, 20)
ICCS = (0.0, 0.05, 0.1)
SIZES = (24, 72, 96, 160, 320, 640, 1280, 2560)
RATES = (0.02, 0.05, 0.1, 0.3, 0.5)
PER_HYPOTHESIS = (12, 48)
PER_SOURCE = 4
START = 96
BELOW, ABOVE = 0.03, 0.07
CLAIMS = (("these", "sources"), ("new", "sources"), ("new", "hypotheses"))
"""What is claimed, and through which clusters outcomes depend on each other."""
SHARES = {"these": share_these, "new": share_new}
Row = dict[str, Any]


@cache
def layout(n: int, hypotheses: int) -> Design:
    """Items go round the hypotheses in turn; sources serve neighbours."""
    sources = np.arange(n) // PER_SOURCE
    return Design(Groups.of((np.arange(n) % hypotheses).tolist()), Groups.of(sources.tolist()))


def draw_hits(
    rng: np.random.Generator, rate: float, icc: float, design: Design, draws: int, through: str
) -> Values:
    """Outcomes of mean `rate`, correlated within the sources or the hypotheses."""
    groups: Groups = getattr(design, through)
    size = (draws, groups.count)
    total = (1 - icc) / icc if icc else 0.0
    shared = rng.beta(rate * total, (1 - rate) * total, size) if icc else np.full(size, rate)
    return (rng.random((draws, design.n)) < shared[:, groups.codes]).astype(float)


def draw_differences(
    rng: np.random.Generator, design: Design, draws: int, claim: str
) -> tuple[Values, float]:
    """Repaired minus base, and the true difference that the claim is about.

    New hypotheses: their shifts are drawn anew each time, around 0. These: shifts are fixed, and
    the truth is their mean. Base rates differ between hypotheses, shifts also between sources.
    """
    anew = draws if claim == "new" else 1
    h, s = design.hypotheses, design.sources
    base = rng.uniform(0.35, 0.65, (anew, h.count))[:, h.codes]
    shift = np.clip(rng.normal(0, 0.15, (anew, h.count)), -0.35, 0.35)[:, h.codes]
    truth = 0.0 if claim == "new" else float(shift.mean())
    shift = shift + np.clip(rng.normal(0, 0.2, (draws, s.count)), -0.3, 0.3)[:, s.codes]
    repaired = rng.random((draws, design.n)) < base + shift / 2
    return repaired * 1.0 - (rng.random((draws, design.n)) < base - shift / 2), truth


def covered(bounds: tuple[Any, Any], truth: float) -> float:
    """Share of intervals that hold the truth."""
    return float(((bounds[0] <= truth) & (bounds[1] >= truth)).mean())


def differences(draws: int) -> Iterator[Row]:
    """Coverage of the paired difference, beside three other ways to make its interval."""
    rng = np.random.default_rng(1)
    method = {"these": difference_these, "new": difference_new}
    for claim in method:
        for g in HYPOTHESES:
            design = layout(g * 16, g)
            values, truth = draw_differences(rng, design, draws, claim)
            yield {
                "claim": claim,
                "hypotheses": g,
                "a3": covered(method[claim](values, design, LEVEL), truth),
                "ignoring clusters": covered(ignoring(values), truth),
                "percentile bootstrap": resampled(values, design, claim, truth, percentile),
                "bootstrap-t": resampled(values, design, claim, truth, bootstrap_t),
            }


def ignoring(values: Values) -> tuple[Values, Values]:
    """The interval of independent pairs."""
    mean, n = values.mean(-1), values.shape[-1]
    half = normal_quantile(LEVEL) * values.std(-1, ddof=1) / np.sqrt(n)
    return mean - half, mean + half


def resampled(
    values: Values, design: Design, claim: str, truth: float, interval: Callable[..., Any]
) -> float:
    """Coverage of a bootstrap over sources (these hypotheses) or over hypotheses (new ones)."""
    if claim == "these":
        sums = source_sums(values, design) / design.n
    else:
        sums = design.hypotheses.sums(values - values.mean(-1, keepdims=True)) / design.n
    found = [
        interval(m, s, LEVEL) or (m, m)  # Nothing varies: a point.
        for m, s in zip(values.mean(-1).tolist(), sums, strict=True)
    ]
    return covered(tuple(np.array(found).T), truth)


def rates(draws: int) -> Iterator[Row]:
    """Lowest coverage of a rate over intra-cluster correlations and items per hypothesis."""
    rng = np.random.default_rng(2)
    for claim, through in CLAIMS:
        for g in HYPOTHESES:
            row: Row = {"claim": claim, "through": through, "hypotheses": g}
            for p in RATES:
                row[f"{p:.0%}"] = min(
                    covered(
                        SHARES[claim](
                            draw_hits(rng, p, icc, layout(g * m, g), draws, through),
                            layout(g * m, g),
                            LEVEL,
                        ),
                        p,
                    )
                    for icc in ICCS
                    for m in PER_HYPOTHESIS
                )
            yield row


def errors(draws: int) -> Iterator[Row]:
    """How often SFR < 5 % is called good of a 7 % model, and bad of a 3 % model."""
    rng = np.random.default_rng(3)
    for claim, through in CLAIMS:
        for icc in ICCS:
            for g in HYPOTHESES:
                row: Row = {"claim": claim, "through": through, "icc": icc, "hypotheses": g}
                for n in SIZES:
                    good, bad = wrong(rng, claim, through, icc, layout(n, g), draws)
                    row[f"n={n}"] = [good, bad]
                yield row


def wrong(
    rng: np.random.Generator, claim: str, through: str, icc: float, design: Design, draws: int
) -> tuple[float, float]:
    """(the 7 % model is good, the 3 % model is bad)."""
    above, below = (
        SHARES[claim](draw_hits(rng, p, icc, design, draws, through), design, LEVEL)
        for p in (ABOVE, BELOW)
    )
    return float((above[1] < GOAL.sfr).mean()), float((below[0] >= GOAL.sfr).mean())


def decisions(draws: int) -> Iterator[Row]:
    """From 96 items: take as many as the criterion names, and see whether it then decides."""
    rng = np.random.default_rng(4)
    for claim, through in CLAIMS:
        for icc in ICCS:
            for g in HYPOTHESES:
                row: Row = {"claim": claim, "through": through, "icc": icc, "hypotheses": g}
                for p in (BELOW, ABOVE):
                    right, items = decided(rng, claim, through, icc, g, p, draws)
                    row |= {f"{p:.0%} right": right, f"{p:.0%} items": items}
                yield row


def decided(  # noqa: PLR0913
    rng: np.random.Generator,
    claim: str,
    through: str,
    icc: float,
    hypotheses: int,
    rate: float,
    draws: int,
) -> tuple[float, int]:
    """Share of right verdicts on fresh data of the named size, and the median of that size."""
    design = layout(START, hypotheses)
    values = draw_hits(rng, rate, icc, design, draws, through)
    low, high = SHARES[claim](values, design, LEVEL)
    right, sizes = 0, []
    for value, *bounds in zip(values.mean(-1), low, high, strict=True):
        total, groups = named(float(value), *map(float, bounds), hypotheses, claim)
        sizes.append(total)
        fresh = layout(total, groups)
        again = SHARES[claim](draw_hits(rng, rate, icc, fresh, 1, through), fresh, LEVEL)
        right += int(again[1][0] < GOAL.sfr if rate < GOAL.sfr else again[0][0] >= GOAL.sfr)
    return right / draws, int(np.median(sizes))


def named(value: float, low: float, high: float, hypotheses: int, claim: str) -> tuple[int, int]:
    """Items and hypotheses that the criterion asks for in all; what it has where it is decided."""
    rate = Rate(
        hits=round(value * START),
        n=START,
        unscored=0,
        clusters=START // PER_SOURCE,
        value=value,
        low=low,
        high=high,
        worst=high,
        new=Interval(low=low, high=high, worst=high, clusters=hypotheses),
    )
    more = limit("SFR", rate, GOAL.sfr, GOAL, new=claim == "new").more
    return (START + more.items, hypotheses + more.hypotheses) if more else (START, hypotheses)


STUDIES = {"differences": differences, "rates": rates, "errors": errors, "decisions": decisions}


def show(title: str, rows: list[Row]) -> None:
    """Markdown, shares in percent."""
    print(f"\n{title}\n\n| " + " | ".join(rows[0]) + " |\n|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(_cell(k, v) for k, v in row.items()) + " |")


def _cell(name: str, value: Any) -> str:
    if isinstance(value, list):
        return " / ".join(f"{100 * v:.1f}" for v in value)
    return f"{100 * value:.1f}" if isinstance(value, float) and name != "icc" else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=2000)
    draws = parser.parse_args().draws
    start, found = time.perf_counter(), {}
    for name, study in STUDIES.items():
        found[name] = list(study(draws))
        show(name, found[name])
    text = json.dumps({"draws": draws, **found}, indent=1)
    (Path(__file__).parent / "coverage.json").write_text(text + "\n")
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
