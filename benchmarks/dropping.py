"""How often is a trial dropped that would have won, and what does dropping save? By simulation.

A run is a sequence of trials on one validation set; outcomes share difficulties of items and of
hypotheses. The rule is that of a3, down to its order of queries and its shares of the error; only
the answers are made up. Writes dropping.json beside this file.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from a3.config.compose import compose
from a3.measure.dropping import ROUNDING, Stratum, objective_bound
from a3.search.drop_rule import drop_rule
from a3.types.trials import INFEASIBLE, Proposal, Trial, TrialState

TRIALS = 12
PER_HYPOTHESIS = 4
SEARCH = compose(["model=tiny"], Path("unused")).search
"""With the defaults of conf/search: error and number of parts."""
LIMITS = {"harmful": (0.05, 0.05), "known": (0.27,), "evidence": (0.6,), "own": (0.6,)}
SIZES = {
    "default run": {"harmful": 51, "known": 51, "evidence": 11, "own": 10},
    "published": {"harmful": 240, "known": 240, "evidence": 48, "own": 48},
}
Row = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """A trial's answers to all of validation, in the order in which they are asked."""

    outcomes: dict[str, np.ndarray]
    """By stratum: the outcome's index of each query, -1 for none."""
    violation: float
    """What capability and KL add, unknown before the end."""
    kl: float

    def strata(self, share: float) -> list[Stratum]:
        """What was seen once this share of each stratum is answered."""
        found: list[Stratum] = []
        for name, outcomes in self.outcomes.items():
            seen = outcomes[: round(share * len(outcomes))]
            found.append(
                Stratum(
                    limits=LIMITS[name],
                    hits=tuple(int((seen == i).sum()) for i in range(len(LIMITS[name]))),
                    seen=len(seen),
                    total=len(outcomes),
                    weight=0.0 if name == "harmful" else 1 / (len(LIMITS) - 1),
                )
            )
        return found

    def objective(self, share: float = 1.0) -> float:
        """Selection score; of the answers so far, as though they were all."""
        strata = [replace(s, total=s.seen) for s in self.strata(share)]
        violation = self.violation + sum(float(s.excess()[s.hits]) for s in strata)
        fpr = sum(s.weight * s.hits[0] / s.total for s in strata)
        return INFEASIBLE + violation + 1e-3 * fpr if violation > 0 else fpr + 1e-3 * self.kl


Difficulties = dict[str, np.ndarray]
Maker = Callable[[np.random.Generator, Difficulties], Made]


def far(rng: np.random.Generator, hard: Difficulties) -> Made:
    """A trial of a small model: hardly one keeps all limits."""
    shift = {
        "harmful": rng.normal(-1, 1.2),
        "known": rng.normal(-2, 1),
        "evidence": rng.normal(-0.3, 1),
        "own": rng.normal(-1, 1.5),
    }
    return make(rng, hard, shift, min(0.5, rng.exponential(0.08)), rng.exponential(0.5))


def near(rng: np.random.Generator, hard: Difficulties) -> Made:
    """A trial of a larger model: about half keep all limits, and FPR decides."""
    shift = {
        "harmful": rng.normal(-4, 1.5),
        "known": rng.normal(-3, 1),
        "evidence": rng.normal(-1, 1),
        "own": rng.normal(-2, 1),
    }
    return make(rng, hard, shift, min(0.5, rng.exponential(0.015)), 0.0)


def edge(rng: np.random.Generator, hard: Difficulties) -> Made:
    """A trial on the edge of every limit: one more hit would break it."""
    outcomes = {s: np.full(len(d), -1) for s, d in hard.items()}
    for stratum, members in outcomes.items():
        start = 0
        for outcome, limit in enumerate(LIMITS[stratum]):
            end = start + math.floor(limit * len(members))
            members[start:end], start = outcome, end
        rng.shuffle(members)
    return Made(outcomes, violation=0.0, kl=0.0)


def difficulties(rng: np.random.Generator, sizes: dict[str, int]) -> Difficulties:
    """Of each query, on the logit scale: its hypothesis's and its own."""
    return {
        s: rng.normal(0, 0.8, n // PER_HYPOTHESIS + 1)[np.arange(n) // PER_HYPOTHESIS]
        + rng.normal(0, 1, n)
        for s, n in sizes.items()
    }


def make(
    rng: np.random.Generator,
    hard: Difficulties,
    shift: dict[str, float],
    incoherent: float,
    violation: float,
) -> Made:
    """Answers to queries of these difficulties, in random order within each stratum."""
    outcomes = {
        s: np.where(rng.random(len(d)) < special.expit(d + shift[s]), 0, -1)
        for s, d in hard.items()
    }
    broken = rng.random(len(hard["harmful"])) < incoherent
    outcomes["harmful"][broken & (outcomes["harmful"] < 0)] = 1
    for members in outcomes.values():
        rng.shuffle(members)
    return Made(outcomes, violation, kl=float(rng.uniform(0.1, 1)))


def stand_in(number: int, objective: float) -> Trial:
    """A measured trial, as far as the rule looks at it."""
    return Trial(
        number=number,
        proposal=Proposal(config=SEARCH.default, rationale="-"),
        state=TrialState.COMPLETE,
        scores=None,
        objective=objective,
        error=None,
        adapter=None,
        seed=0,
    )


def answered(made: Made, incumbent: float, number: int, parts: int, naive: bool) -> float:
    """Share of validation answered before the trial is dropped; 1: it is not."""
    rule = drop_rule(SEARCH, [stand_in(0, incumbent)], {}, number)
    assert rule is not None
    for part in range(1, parts):
        share = part / parts
        bound = made.objective(share) if naive else objective_bound(made.strata(share), rule.error)
        if bound >= incumbent + ROUNDING:
            return share
    return 1.0


@dataclass
class Tally:
    """What came of many runs."""

    wrong: int = 0
    """Runs that dropped a trial better than the best so far."""
    dropped: int = 0
    answered: float = 0.0


def search(rng: np.random.Generator, sizes: dict[str, int], maker: Maker, parts: int) -> Tally:
    """One run: trials as they come, each against the best measured so far."""
    hard, tally = difficulties(rng, sizes), Tally(answered=1.0)
    best = maker(rng, hard).objective()
    for number in range(1, TRIALS):
        made = maker(rng, hard)
        share, objective = answered(made, best, number, parts, naive=False), made.objective()
        tally.dropped += share < 1
        tally.answered += share
        tally.wrong |= share < 1 and objective < best
        best = min(best, objective) if share == 1 else best
    return tally


def just_better(
    rng: np.random.Generator, sizes: dict[str, int], maker: Maker, naive: bool
) -> Tally:
    """The hardest run: every trial beats the best so far, by next to nothing.

    Capability and KL, on whose account the rule expects the best, are perfect.
    """
    hard, tally = difficulties(rng, sizes), Tally(answered=1.0)
    for number in range(1, TRIALS):
        made = replace(maker(rng, hard), violation=0.0, kl=0.0)
        best = math.nextafter(made.objective(), math.inf)
        share = answered(made, best, number, SEARCH.drop_parts, naive)
        tally.dropped += share < 1
        tally.answered += share
        tally.wrong |= share < 1
    return tally


def many(runs: int, run: Callable[[np.random.Generator], Tally]) -> Row:
    """Means over runs, each with a seed of its own."""
    tallies = [run(np.random.default_rng(seed)) for seed in range(runs)]
    return {
        "runs": runs,
        "runs with a wrong drop": sum(t.wrong for t in tallies) / runs,
        "trials dropped": sum(t.dropped for t in tallies) / runs / TRIALS,
        "answers saved": 1 - sum(t.answered for t in tallies) / runs / TRIALS,
    }


def errors(runs: int) -> list[Row]:
    """Every trial just better than the best so far: any drop is wrong."""
    return [
        {"validation": name, "trials": maker.__name__, "rule": "naive" if naive else "a3"}
        | many(
            n,
            lambda rng, s=sizes, m=maker, naive=naive: just_better(rng, s, m, naive),
        )
        for name, sizes, n in _plans(runs)
        for maker in (far, near, edge)
        for naive in (False, True)
    ]


def savings(runs: int) -> list[Row]:
    """Trials as they come."""
    return [
        {"validation": name, "trials": maker.__name__, "parts": parts}
        | many(n, lambda rng, s=sizes, m=maker, p=parts: search(rng, s, m, p))
        for name, sizes, n in _plans(runs)
        for maker in (far, near)
        for parts in (2, 4, 8)
    ]


def _plans(runs: int) -> list[tuple[str, dict[str, int], int]]:
    """Large sets take longer and differ less from run to run."""
    small, large = SIZES
    return [(small, SIZES[small], runs), (large, SIZES[large], max(1, runs // 10))]


def show(title: str, rows: list[Row]) -> None:
    """Markdown, shares in percent."""
    print(f"\n{title}\n\n| " + " | ".join(rows[0]) + " |\n|" + "---|" * len(rows[0]))
    for row in rows:
        cells = (f"{100 * v:.1f}" if isinstance(v, float) else str(v) for v in row.values())
        print("| " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400)
    runs = parser.parse_args().runs
    start = time.perf_counter()
    found: dict[str, list[Row]] = {}
    for title, study in {"errors": errors, "savings": savings}.items():
        found[title] = study(runs)
        show(title, found[title])
    values = {"error": SEARCH.drop_error, "parts": SEARCH.drop_parts, "trials": TRIALS, **found}
    (Path(__file__).parent / "dropping.json").write_text(json.dumps(values, indent=1) + "\n")
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
