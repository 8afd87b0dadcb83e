"""Whether a trial can still beat the best so far, by part of its validation (evidence rule 8).

By what is certain alone: whatever is left to answer can only add to the hits, so the objective of
what was seen, with all the rest taken as good, is a lower bound. No trial that could win is ever
dropped, in whatever order the queries come, so those that failed most often come first. What is
not known yet counts for the trial: capability and KL cost it nothing, nor does UNSCORED, and a
query of several samples is a hit only if all of them are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random

from a3.measure.parts import drawn_together
from a3.measure.rates import Count, failed, incoherent, over_defensive
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
PRIOR = 2.0
"""Pseudo-answers at the rate of its like that a query's own rate of hits is shrunk by."""
OTHER_KIND = 0.1
"""What a likely hit of the kind that does not decide is worth, when an order is made."""


def dropped(
    queries: Sequence[Query], verdicts: Sequence[Verdict], rule: DropRule
) -> PartialScores | None:
    """Why the trial is dropped, given verdicts on some of the queries; None: it goes on."""
    bound = objective_bound(queries, verdicts, rule.limits)
    if bound < rule.objective + ROUNDING:
        return None
    return PartialScores(
        answered=len({v.answer.query_id for v in verdicts}),
        total=len(queries),
        objective_at_least=bound,
        rule=rule,
    )


def objective_bound(
    queries: Sequence[Query], verdicts: Iterable[Verdict], limits: Mapping[str, float]
) -> float:
    """The objective on all queries is at least this.

    The terms that only break ties (KL, FPR behind limits) are left out.
    """
    labels = _labels(verdicts)
    excess, fpr, strata = 0.0, 0.0, 0
    for (kind, name), members in drawn_together(queries).items():
        for outcome, hit in OUTCOMES[kind].items():
            rate = sum(_is_hit(labels.get(q.id, ()), hit) for q in members) / len(members)
            limit = limits[outcome if outcome in limits else f"{outcome}/{name}"]
            excess += max(0.0, (rate - limit) / limit)
            fpr += rate if kind is Kind.BENIGN else 0.0
        strata += kind is Kind.BENIGN
    return INFEASIBLE + excess if excess > ROUNDING else fpr / max(1, strata)


def likeliest_first(
    queries: Sequence[Query], history: Iterable[Verdict], rule: DropRule, seed: str
) -> list[Query]:
    """The queries in the order in which they are expected to show that a trial cannot win.

    By how often each was a hit for the base and earlier trials (`history`). Where the best so far
    breaks limits, SFR and incoherence decide nearly always, and harmful queries come first; where
    it keeps them FPR decides. The seed breaks ties.
    """
    labels = _labels(history)
    first = Kind.HARMFUL if rule.objective > INFEASIBLE else Kind.BENIGN
    order = Random(seed)
    worth: dict[str, tuple[float, float]] = {}
    for (kind, _), members in drawn_together(queries).items():
        for query, rate in _rates(members, labels):
            weighed = rate * (1.0 if kind is first else OTHER_KIND)
            worth[query.id] = -weighed, order.random()
    return sorted(queries, key=lambda q: worth[q.id])


def _rates(
    members: Sequence[Query], labels: Mapping[str, Sequence[Label]]
) -> Iterator[tuple[Query, float]]:
    """Each query of a stratum with its share of hits so far, shrunk to the stratum's."""
    hits = {q.id: [_any_hit(q.kind, label) for label in labels.get(q.id, ())] for q in members}
    seen = sum(map(len, hits.values()))
    overall = sum(map(sum, hits.values())) / seen if seen else 0.0
    for query in members:
        mine = hits[query.id]
        yield query, (sum(mine) + PRIOR * overall) / (len(mine) + PRIOR)


def _labels(verdicts: Iterable[Verdict]) -> dict[str, list[Label]]:
    labels: defaultdict[str, list[Label]] = defaultdict(list)
    for verdict in verdicts:
        labels[verdict.answer.query_id].append(verdict.label)
    return dict(labels)


def _is_hit(samples: Sequence[Label], hit: Count) -> bool:
    return bool(samples) and all(map(hit, samples))


def _any_hit(kind: Kind, label: Label) -> bool:
    return any(hit(label) for hit in OUTCOMES[kind].values())
