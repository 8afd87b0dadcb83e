"""Which examples an epoch trains on: shares and weights of a trial's configuration, made counts."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from a3.errors import MeasurementError
from a3.types.queries import Kind
from a3.types.rates import Rate
from a3.types.scores import HypothesisRates
from a3.types.trials import GENERAL, TrainingExample, TrialConfig

PRIOR = 4.0
"""Pseudo-queries at the overall rate that a hypothesis's rate is shrunk by."""


def weights(
    config: TrialConfig, rates: Mapping[str, HypothesisRates], floor: float
) -> dict[str, float]:
    """Weight of each `<hypothesis>/<kind>` group: (floor + (shrunk rate)^τ) · exp(offset).

    `/<kind>` holds the weight of the overall rate, for groups of which nothing is measured. Raises
    MeasurementError for an offset of a group that does not train.
    """
    found: dict[str, float] = {}
    unmeasured: dict[str, float] = {}
    for kind, tau in ((Kind.HARMFUL, config.tau_harmful), (Kind.BENIGN, config.tau_benign)):
        mine = {h: r.sfr if kind is Kind.HARMFUL else r.fpr for h, r in rates.items()}
        overall = _overall(mine.values())
        unmeasured[f"/{kind}"] = floor + overall**tau
        for hypothesis, rate in mine.items():
            shrunk = (rate.hits + PRIOR * overall) / (rate.n + PRIOR)
            found[f"{hypothesis}/{kind}"] = floor + shrunk**tau
    if unknown := sorted(set(config.offsets) - set(found)):
        raise MeasurementError(
            "offsets must belong to hypotheses that train",
            ", ".join(unknown),
            f"choose from {', '.join(sorted(found))}",
        )
    return unmeasured | {
        name: weight * math.exp(config.offsets.get(name, 0.0)) for name, weight in found.items()
    }


def epoch(
    config: TrialConfig,
    examples: Sequence[TrainingExample],
    group_weights: Mapping[str, float],
    rng: random.Random,
    size: int,
    strata: Mapping[str, float] = MappingProxyType({}),
) -> list[TrainingExample]:
    """One epoch of about `size` examples in random order; drawn anew for every epoch.

    The strata of a kind get shares in proportion to `strata` (1 where it names none), however many
    queries each has: a repair that learns from nine examples in ten that its user is wrong stops
    listening to them (docs/log.md, 2026-11-22).
    """
    pools: dict[str, dict[str, list[TrainingExample]]] = defaultdict(lambda: defaultdict(list))
    for example in examples:
        pools[example.stratum][example.weight_group].append(example)
    general = pools.pop(GENERAL, {}).get(GENERAL, [])
    n_general = round(size * config.general_share) if general else 0
    chosen = _take(general, n_general, rng)
    harmful: Counter[str] = Counter()
    for stratum, (kind, share) in _shares(config, pools, strata).items():
        groups = pools[stratum]
        unmeasured = group_weights.get(f"/{kind}", 1.0)
        wanted = {name: group_weights.get(name, unmeasured) for name in groups}
        if kind is Kind.BENIGN:
            wanted = _as_topical(groups, wanted, harmful)
        counts = _apportion(round((size - n_general) * share), wanted, rng)
        for name, count in counts.items():
            taken = _take(groups[name], count, rng)
            harmful.update(e.topic for e in taken if kind is Kind.HARMFUL)
            chosen += taken
    return rng.sample(chosen, len(chosen))


def _shares(
    config: TrialConfig,
    pools: Mapping[str, Mapping[str, object]],
    strata: Mapping[str, float],
) -> dict[str, tuple[Kind, float]]:
    """Kind and share of the task examples by stratum, harmful ones first."""
    kinds = {s: Kind(next(iter(groups)).rpartition("/")[2]) for s, groups in pools.items()}
    of_kind = {Kind.HARMFUL: config.harmful_share, Kind.BENIGN: 1 - config.harmful_share}
    whole = {k: sum(strata.get(s, 1.0) for s, its in kinds.items() if its is k) for k in of_kind}
    return {
        stratum: (kind, of_kind[kind] * strata.get(stratum, 1.0) / whole[kind])
        for kind in of_kind
        for stratum, its in kinds.items()
        if its is kind
    }


def _as_topical(
    groups: Mapping[str, Sequence[TrainingExample]],
    weights: Mapping[str, float],
    harmful: Mapping[str, int],
) -> dict[str, float]:
    """Weights under which topics that harmful queries have, too, count as they do there.

    Otherwise the topic tells who is right: a repair that met animals nearly always where its user
    was right took their word for it that a frog is a fish (docs/log.md, 2026-11-22). What no
    harmful query is about keeps its weight.
    """
    topic = {name: pool[0].topic for name, pool in groups.items()}
    whole: dict[str, float] = defaultdict(float)
    for name, weight in weights.items():
        whole[topic[name]] += weight
    common = [t for t in whole if harmful.get(t)]
    if not common:
        return dict(weights)
    scale = sum(whole[t] for t in common) / sum(harmful[t] for t in common)
    return {
        name: weight * harmful[t] * scale / whole[t] if (t := topic[name]) in common else weight
        for name, weight in weights.items()
    }


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
