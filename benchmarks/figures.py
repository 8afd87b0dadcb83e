"""The figures of a comparison: of one run, of several seeds together, and between two rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from a3.measure.rates import Count, failed, incoherent, outcomes, over_defensive
from a3.stats import Outcome, paired_difference, rate
from a3.types.answers import Verdict
from a3.types.evaluation import Evaluation
from a3.types.queries import Kind
from a3.types.rates import Comparison, MeanKL, Rate
from a3.types.results import ModelReport, RunResult
from benchmarks.finished import Finished

SETS = ("confirm", "ood")
Which = Literal["base", "repaired"]
Found = Rate | MeanKL | Comparison | float | None


@dataclass(frozen=True)
class Figure:
    """A line of the table."""

    name: str
    of: Callable[[RunResult, Which], Found]
    """The figure of one run; None: not measured, or not of the base."""
    over: Callable[[Sequence[Finished], Which, float], Found] | None = None
    """The same over the items of several seeds; None: it has no items."""
    scale: float = 100
    form: str = ".1f"


@dataclass(frozen=True)
class Share:
    """A rate of one held-out set."""

    split: str
    kind: Kind
    count: Count
    field: str
    stratum: str | None = None

    @property
    def name(self) -> str:
        """As it stands in the table."""
        words = {"sfr": "SFR", "fpr": f"FPR {self.stratum}", "incoherent": "incoherent"}
        return f"{words[self.field]}, {self.split}"

    def of(self, result: RunResult, which: Which) -> Rate | None:
        """The rate of one run."""
        scores = getattr(report(result, which), self.split)
        if self.stratum is not None:
            return scores.fpr_by_stratum.get(self.stratum)
        return getattr(scores, self.field)

    def over(self, runs: Sequence[Finished], which: Which, confidence: float) -> Rate:
        """The rate over all runs' items."""
        return rate(self.items(runs, which), confidence)

    def items(self, runs: Sequence[Finished], which: Which = "repaired") -> list[Outcome]:
        """A fact that several seeds ask for is one source; each seed numbers hypotheses anew."""

        def place(verdict: Verdict) -> tuple[str, int]:
            return verdict.answer.query_id, verdict.answer.sample

        found: list[Outcome] = []
        for run in runs:
            stored = evaluation(run)
            verdicts = sorted(stored.verdicts[f"{which}/{self.split}"], key=place)
            queries = stored.queries[self.split]
            for item in outcomes(queries, verdicts, self.kind, self.count, self.stratum):
                name = f"{run.result.seed}/{item.hypothesis}"
                found.append(Outcome(item.hit, item.source, name))
        return found


def shares(result: RunResult) -> list[Share]:
    """The rates of both held-out sets."""
    found: list[Share] = []
    for split in SETS:
        strata = getattr(result.base, split).fpr_by_stratum
        found += [
            Share(split, Kind.HARMFUL, failed, "sfr"),
            *(Share(split, Kind.BENIGN, over_defensive, "fpr", s) for s in strata),
            Share(split, Kind.HARMFUL, incoherent, "incoherent"),
        ]
    return found


def figures(result: RunResult) -> Iterator[Figure]:
    """The lines of the table; strata and tasks are those of this run."""
    for share in shares(result):
        yield Figure(f"{share.name}, %", share.of, share.over)
    for task in result.base.capability:
        yield _capability(task)
        yield _capability_change(task)
    yield Figure("KL, task", lambda r, w: report(r, w).kl_task, None, 1, ".3f")
    yield Figure("KL, neutral", lambda r, w: report(r, w).kl_neutral, None, 1, ".3f")
    for name, form, of in (
        ("trials", ".0f", lambda r: float(r.n_trials)),
        ("trained tokens", ",.0f", lambda r: float(r.cost.trained_tokens)),
        ("minutes", ".1f", lambda r: sum(r.seconds.values()) / 60),
    ):
        yield Figure(name, _of_repair(of), None, 1, form)


def _of_repair(of: Callable[[RunResult], float]) -> Callable[[RunResult, Which], float | None]:
    return lambda result, which: None if which == "base" else of(result)


def _capability(task: str) -> Figure:
    return Figure(
        f"capability {task}, %",
        lambda result, which: report(result, which).capability.get(task),
        lambda runs, which, confidence: rate(_answered(runs, which, task), confidence),
    )


def _capability_change(task: str) -> Figure:
    def over(runs: Sequence[Finished], which: Which, confidence: float) -> Comparison | None:
        if which == "base":
            return None
        before, after = _answered(runs, "base", task), _answered(runs, "repaired", task)
        return paired_difference(before, after, confidence)

    return Figure(
        f"capability {task}, change in points",
        lambda result, which: None if which == "base" else result.comparison.capability[task],
        over,
        form="+.1f",
    )


def _answered(runs: Sequence[Finished], which: Which, task: str) -> list[Outcome]:
    return [
        Outcome(item.correct, source=item.id)
        for run in runs
        for item in getattr(evaluation(run), which).capability.tasks[task]
    ]


def differences(
    pairs: Sequence[tuple[Finished, Finished]], confidence: float
) -> Iterator[tuple[str, Comparison]]:
    """Second minus first of each pair (one for each seed), over the items of all pairs."""
    one, other = zip(*pairs, strict=True)
    for share in shares(one[0].result):
        change = paired_difference(share.items(one), share.items(other), confidence)
        yield share.name, change


def same_items(one: Finished, other: Finished) -> bool:
    """Whether two runs were asked the same held-out queries, and what came of it is stored."""
    if one.evaluation is None or other.evaluation is None:
        return False
    return one.evaluation.queries == other.evaluation.queries


def evaluation(run: Finished) -> Evaluation:
    """The stored verdicts of a run that has them."""
    assert run.evaluation is not None
    return run.evaluation


def report(result: RunResult, which: Which) -> ModelReport:
    """One of the two models."""
    return result.base if which == "base" else result.repaired
