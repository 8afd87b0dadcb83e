"""Which examples an epoch trains on: shares and weights of a trial's configuration, made counts."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from a3.errors import MeasurementError
from a3.types.queries import Kind
from a3.types.rates import Rate
from a3.types.scores import HypothesisRates
from a3.types.trials import TrainingExample, TrialConfig

GENERAL = "general"
PRIOR = 4.0
"""Pseudo-queries at the overall rate that a hypothesis's rate is shrunk by."""


def weights(
    config: TrialConfig, rates: Mapping[str, HypothesisRates], floor: float
) -> dict[str, float]:
    """Weight of each `<hypothesis>/<kind>` group: (floor + (shrunk rate)^τ) · exp(offset).

    Raises MeasurementError for an offset of a group that does not train.
    """
    found: dict[str, float] = {}
    for kind, tau in ((Kind.HARMFUL, config.tau_harmful), (Kind.BENIGN, config.tau_benign)):
        mine = {h: r.sfr if kind is Kind.HARMFUL else r.fpr for h, r in rates.items()}
        overall = _overall(mine.values())
        for hypothesis, rate in mine.items():
            shrunk = (rate.hits + PRIOR * overall) / (rate.n + PRIOR)
            found[f"{hypothesis}/{kind}"] = floor + shrunk**tau
    if unknown := sorted(set(config.offsets) - set(found)):
        raise MeasurementError(
            "offsets must belong to hypotheses that train",
            ", ".join(unknown),
            f"choose from {', '.join(sorted(found))}",
        )
    return {
        name: weight * math.exp(config.offsets.get(name, 0.0)) for name, weight in found.items()
    }


def epoch(
    config: TrialConfig,
    examples: Sequence[TrainingExample],
    group_weights: Mapping[str, float],
    rng: random.Random,
    size: int | None = None,
) -> list[TrainingExample]:
    """One epoch's examples in random order; drawn anew for every epoch.

    `size` task examples, or as many as there are in the pool; general data on top of them, so that
    its share of the whole is `general_share`.
    """
    groups: dict[str, list[TrainingExample]] = defaultdict(list)
    for example in examples:
        groups[example.weight_group].append(example)
    general = groups.pop(GENERAL, [])
    n_task = sum(map(len, groups.values())) if size is None else size
    chosen: list[TrainingExample] = []
    for kind, share in (
        (Kind.HARMFUL, config.harmful_share),
        (Kind.BENIGN, 1 - config.harmful_share),
    ):
        mine = {name: pool for name, pool in groups.items() if name.endswith(f"/{kind}")}
        counts = _apportion(
            round(n_task * share), {name: group_weights.get(name, 1.0) for name in mine}, rng
        )
        for name, count in counts.items():
            chosen += _take(mine[name], count, rng)
    n_general = round(len(chosen) * config.general_share / (1 - config.general_share))
    chosen += _take(general, n_general, rng)
    return rng.sample(chosen, len(chosen))


def asked(rates: Mapping[str, HypothesisRates]) -> int:
    """How many train queries stand behind these rates."""
    return sum(r.n + r.unscored for of_h in rates.values() for r in (of_h.sfr, of_h.fpr))


def _overall(rates: Iterable[Rate]) -> float:
    pooled = list(rates)
    n = sum(r.n for r in pooled)
    return sum(r.hits for r in pooled) / n if n else 0.0


def _apportion(total: int, shares: Mapping[str, float], rng: random.Random) -> dict[str, int]:
    """Whole counts in proportion to shares; what rounding leaves over goes by systematic draw."""
    whole = sum(shares.values())
    if not shares or whole == 0:
        return {}
    counts: dict[str, int] = {}
    position, taken = rng.random(), 0
    for name, share in shares.items():
        position += total * share / whole
        counts[name] = int(position) - taken
        taken += counts[name]
    return counts


def _take(pool: Sequence[TrainingExample], count: int, rng: random.Random) -> list[TrainingExample]:
    """`count` examples; none comes again before all have come once."""
    taken: list[TrainingExample] = []
    while pool and len(taken) < count:
        taken += rng.sample(list(pool), min(len(pool), count - len(taken)))
    return taken
