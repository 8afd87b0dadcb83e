"""What a share of a finite set must be, told from a random part of it, at any time.

N items lie in an order drawn at random; the first n were looked at. For each possible number K of
hits among all N an e-process tests "there are K": a wager that starts at 1 and cannot grow on
average while K is true, so that by Ville's inequality it ever exceeds 1/α with probability at most
α. Whoever stops when it does may look as often as they like. The wager is the prior-posterior
ratio of Waudby-Smith & Ramdas (2020, https://arxiv.org/abs/2006.04347): the likelihood of what was
seen under the alternatives, over that under K (sampling without replacement: hypergeometric). It is
one-sided here: the alternatives are all higher numbers, alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]


def evidence(hits: int, seen: int, total: int) -> Array:
    """Evidence against each number of hits 0..total among all items, in favour of higher ones.

    Infinite where the number is impossible.
    """
    numbers = np.arange(total + 1)
    likelihood = _log_choose(numbers, hits) + _log_choose(total - numbers, seen - hits)
    likelihood = np.exp(likelihood - likelihood.max())
    higher = likelihood[::-1].cumsum()[::-1] - likelihood
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = higher / np.maximum(total - numbers, 1) / likelihood
    return np.where(likelihood > 0, ratio, np.inf)


def joint_evidence(hits: Sequence[int], seen: int, total: int) -> Array:
    """Log evidence against each combination of numbers of outcomes that exclude each other.

    One axis per outcome. A part of the stake is put on each outcome and an equal one kept: the
    mean of e-processes is one, and loses little where an outcome has nothing to say.
    """
    outcomes = len(hits)
    stakes: Array = np.ones((total + 1,) * outcomes)
    for axis, h in enumerate(hits):
        shape = [-1 if a == axis else 1 for a in range(outcomes)]
        stakes = stakes + evidence(h, seen, total).reshape(shape)
    possible = sum(np.indices(stakes.shape)) <= total
    with np.errstate(divide="ignore"):
        return np.where(possible, np.log(stakes / (outcomes + 1)), np.inf)


def least(costs: Iterable[Array], evidences: Iterable[Array], error: float) -> float:
    """The least total cost that the evidence leaves possible; infinite if it leaves none.

    Strata are drawn independently, so their evidence multiplies. `costs` and (log) `evidences` give
    per stratum, for each possible state of it, what it costs and what speaks against it. Of all
    combinations with evidence below 1/error the cheapest is found exactly, by adding one stratum at
    a time and keeping the combinations that no other beats in both respects. The true total lies
    below the result with probability at most `error`, over all looks together.
    """
    strata = list(zip(costs, evidences, strict=True))
    room = -math.log(error) - sum(float(against.min()) for _, against in strata)
    total, spent = np.zeros(1), np.zeros(1)
    for cost, against in strata:
        more, speaks = _frontier(cost.ravel(), (against - against.min()).ravel(), room)
        total, spent = _frontier(
            np.add.outer(total, more).ravel(), np.add.outer(spent, speaks).ravel(), room
        )
    return float(total.min(initial=math.inf))


def _frontier(cost: Array, against: Array, room: float) -> tuple[Array, Array]:
    """The states within `room` that no other beats in both cost and evidence, cheapest first."""
    possible = np.isfinite(cost) & (against < room)
    cost, against = cost[possible], against[possible]
    order = np.lexsort((against, cost))
    cost, against = cost[order], against[order]
    lowest = np.minimum.accumulate(against)
    kept = np.diff(lowest, prepend=math.inf) < 0
    return cost[kept], against[kept]


def _log_choose(n: Any, k: int) -> Array:
    """Logarithm of the binomial coefficient; -inf where k items cannot be chosen."""
    with np.errstate(invalid="ignore"):
        value = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return np.where((n >= k) & (k >= 0), value, -np.inf)
