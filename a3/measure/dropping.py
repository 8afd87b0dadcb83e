"""Whether a trial can still beat the best so far, by part of its validation (evidence rule 8).

By what is certain alone: whatever is left to answer can only add to the hits, so the objective of
what was seen, with all the rest taken as good, is a lower bound. No trial that could win is ever
dropped, in whatever order the queries come, so those that failed most often come first. What is
not known yet counts for the trial: capability and KL cost it nothing, nor does UNSCORED, and a
query of several samples is a hit only if all of them are. The same holds of a configuration's mean
over seeds, of which those to come are taken as perfect.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random

from a3.measure.parts import drawn_together
from a3.measure.rates import Count, failed, incoherent, over_defensive
from a3.types.answers import Label, Verdict
from a3.types.queries import Kind, Query
from a3.types.trials import INFEASIBLE, KL_WEIGHT, DropRule, PartialScores

ROUNDING = 2e-7
"""What fractions may add to an excess, and the digits by which sums are compared; in its favour."""
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
    excess, fpr = at_least(queries, verdicts, rule)
    bound = objective_at_least(excess, fpr)
    if bound < rule.objective + ROUNDING and not _loses_tie(excess, fpr, rule):
        return None
    return PartialScores(
        answered=len({v.answer.query_id for v in verdicts}),
        total=len(queries),
        objective_at_least=bound,
        rule=rule,
    )


def at_least(
    queries: Sequence[Query], verdicts: Iterable[Verdict], rule: DropRule
) -> tuple[float, float]:
    """The sum of the excesses over limits and the mean FPR are at least this.

    Of a rerun the means over its configuration's seeds, those to come taken as perfect.
    """
    labels, seeds = _labels(verdicts), 1 + len(rule.beside)
    excess, fpr, strata = 0.0, 0.0, 0
    for (kind, stratum), members in drawn_together(queries).items():
        for outcome, hit in OUTCOMES[kind].items():
            name = outcome if outcome in rule.limits else f"{outcome}/{stratum}"
            mine = sum(_is_hit(labels.get(q.id, ()), hit) for q in members) / len(members)
            rate = (mine + sum(other.get(name, 0.0) for other in rule.beside)) / seeds
            excess += max(0.0, (rate - rule.limits[name]) / rule.limits[name])
            fpr += rate if kind is Kind.BENIGN else 0.0
        strata += kind is Kind.BENIGN
    return excess, fpr / max(1, strata)


def objective_at_least(excess: float, fpr: float) -> float:
    """Without the terms that only break ties (KL, FPR behind limits)."""
    return INFEASIBLE + excess if excess > ROUNDING else fpr


def _loses_tie(excess: float, fpr: float, rule: DropRule) -> bool:
    """Whether nothing but a higher FPR tells it from the incumbent."""
    if rule.fpr is None:
        return False
    incumbent = max(0.0, rule.objective - INFEASIBLE - KL_WEIGHT * rule.fpr)
    return excess > incumbent - ROUNDING and fpr > rule.fpr + ROUNDING


def likeliest_first(
    queries: Sequence[Query], history: Iterable[Verdict], rule: DropRule, seed: str
) -> list[Query]:
    """The queries in the order in which they are expected to show that a trial cannot win.

    By how often each was a hit for the base and earlier trials (`history`). Where the best so far
    breaks limits, or to keep them is enough, SFR and incoherence decide nearly always, and harmful
    queries come first; else FPR decides. The seed breaks ties.
    """
    labels = _labels(history)
    first = Kind.HARMFUL if rule.objective >= INFEASIBLE else Kind.BENIGN
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
