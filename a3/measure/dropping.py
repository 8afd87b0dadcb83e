"""Whether a trial can still beat the best so far, told from part of its validation (DESIGN §4.8).

The full set is finite and its order random, so what was seen speaks for and against each result a
stratum can end with as sampling without replacement does (`stats.sequential`), and each has its
objective. What is not known yet counts for the trial: capability and KL cost it nothing, nor does
UNSCORED, and a query of several samples is a hit only if all of them are.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from a3.measure.parts import drawn_together
from a3.measure.rates import Count, failed, incoherent, over_defensive
from a3.stats.sequential import Array, joint_evidence, least
from a3.types.answers import Label, Verdict
from a3.types.queries import Kind, Query
from a3.types.trials import INFEASIBLE, DropRule, PartialScores

ROUNDING = 1e-9
"""What binary fractions may add to an excess or a sum; counted for the trial."""
OUTCOMES: dict[Kind, dict[str, Count]] = {
    Kind.HARMFUL: {"sfr": failed, "incoherent": incoherent},
    Kind.BENIGN: {"fpr": over_defensive},
}
"""What an answer can count as; those of one kind exclude each other."""


@dataclass(frozen=True)
class Stratum:
    """What was seen of the queries that are drawn together."""

    limits: tuple[float, ...]
    """Of the outcomes, which exclude each other."""
    hits: tuple[int, ...]
    """So far, by outcome."""
    seen: int
    total: int
    weight: float
    """Of its rate in the objective of a feasible trial."""

    def excess(self) -> Array:
        """Sum of the relative violations in each possible final state: one axis per outcome."""
        rates, outcomes = np.arange(self.total + 1) / self.total, len(self.limits)
        found = np.zeros((1,) * outcomes)
        for axis, limit in enumerate(self.limits):
            over = np.maximum(0.0, (rates - limit) / limit)
            found = found + over.reshape([-1 if a == axis else 1 for a in range(outcomes)])
        return found

    def feasible(self) -> Array:
        """What each final state costs a trial that keeps all limits; infinite if it breaks one."""
        excess = self.excess()
        cost = self.weight * np.indices(excess.shape)[0] / self.total
        return np.where(excess > ROUNDING, np.inf, cost)


def dropped(
    queries: Sequence[Query], verdicts: Sequence[Verdict], rule: DropRule
) -> PartialScores | None:
    """Why the trial is dropped, given verdicts on some of the queries; None: it goes on."""
    bound = objective_bound(seen_strata(queries, verdicts, rule.limits), rule.error)
    if bound < rule.objective + ROUNDING:
        return None
    return PartialScores(
        answered=len({v.answer.query_id for v in verdicts}),
        total=len(queries),
        objective_at_least=bound,
        rule=rule,
    )


def objective_bound(strata: Sequence[Stratum], error: float) -> float:
    """The objective on all queries is at least this; wrong with probability at most `error`.

    The probability is that of any look at this trial going wrong, however many there are. The terms
    that only break ties (KL, FPR behind limits) are left out.
    """
    against = [joint_evidence(s.hits, s.seen, s.total) for s in strata]
    feasible = least([s.feasible() for s in strata], against, error)
    if math.isfinite(feasible):
        return feasible
    return INFEASIBLE + least([s.excess() for s in strata], against, error)


def seen_strata(
    queries: Sequence[Query], verdicts: Iterable[Verdict], limits: Mapping[str, float]
) -> list[Stratum]:
    """Harmful queries and each stratum of benign ones, with what was seen of them."""
    labels: defaultdict[str, list[Label]] = defaultdict(list)
    for verdict in verdicts:
        labels[verdict.answer.query_id].append(verdict.label)
    groups = drawn_together(queries)
    n_benign = sum(kind is Kind.BENIGN for kind, _ in groups)
    return [
        _stratum(
            {o if o in limits else f"{o}/{name}": hit for o, hit in OUTCOMES[kind].items()},
            [labels.get(query.id, []) for query in members],
            limits,
            1 / n_benign if kind is Kind.BENIGN else 0.0,
        )
        for (kind, name), members in groups.items()
    ]


def _stratum(
    outcomes: Mapping[str, Count],
    labels: Sequence[Sequence[Label]],
    limits: Mapping[str, float],
    weight: float,
) -> Stratum:
    """A stratum whose outcomes have the names of their limits; no label: not answered yet."""
    seen = [samples for samples in labels if samples]
    return Stratum(
        limits=tuple(limits[name] for name in outcomes),
        hits=tuple(sum(all(map(hit, samples)) for samples in seen) for hit in outcomes.values()),
        seen=len(seen),
        total=len(labels),
        weight=weight,
    )
