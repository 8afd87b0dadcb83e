"""Which cell (structure x topic) to ask next: what elicits failures, and what is new.

A cell is asked a few queries at a time (a pull). Its rate is estimated from its own answers and,
while there are few, from those of its structure and its topic; rarely tried ones get a bonus
(UCB1, Auer et al. 2002, https://doi.org/10.1023/A:1013689704352).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import Random

from a3.config.groups import ExploreConfig

Cell = tuple[str, str]
"""Structure, topic."""
PRIOR = 4.0
"""Pseudo-queries at the more general rate by which a rate is shrunk."""


@dataclass(frozen=True)
class Tally:
    """Failures elicited, of harmful queries asked."""

    hits: float = 0
    n: float = 0

    def plus(self, hits: float, n: float) -> Tally:
        """With more queries."""
        return Tally(self.hits + hits, self.n + n)


@dataclass(frozen=True)
class Arms:
    """All cells there are, how each did so far, and which have already shown the failure."""

    tallies: Mapping[Cell, Tally]
    """Every cell; an untried one has an empty tally."""
    room: Mapping[Cell, int]
    """How many more queries each cell may be asked."""
    found: frozenset[Cell] = frozenset()
    """Cells whose SFR is known to be high: asking them again teaches less."""


Chooser = Callable[[Arms, int, ExploreConfig, Random], list[tuple[Cell, int]]]


def adaptive(
    arms: Arms, budget: int, settings: ExploreConfig, rng: Random
) -> list[tuple[Cell, int]]:
    """Cells and how many queries each, `budget` in all; fewer when nothing is worth asking.

    A round is answered in one go, so each choice is counted as if it had turned out as expected.
    """
    tallies = dict(arms.tallies)
    room = {c: n for c, n in arms.room.items() if n > 0 and not given_up(c, tallies, settings)}
    ties = {cell: rng.random() * 1e-6 for cell in room}
    chosen: Counter[Cell] = Counter()
    while budget > 0 and room:
        model = Model(tallies, settings.exploration)
        cell = max(
            room,
            key=lambda c: model.promise(c) * (settings.repeat if c in arms.found else 1) + ties[c],
        )
        n = min(settings.pull, room[cell], budget)
        chosen[cell] += n
        budget -= n
        tallies[cell] = tallies[cell].plus(n * model.rate(cell), n)
        # A second pull in the same round would not know what the first one showed.
        del room[cell]
    return list(chosen.items())


def uniform(
    arms: Arms, budget: int, settings: ExploreConfig, rng: Random
) -> list[tuple[Cell, int]]:
    """Untried cells at random, each asked all that it may be: the plain way to compare with."""
    untried = [c for c, tally in arms.tallies.items() if tally.n == 0 and arms.room[c] > 0]
    chosen: list[tuple[Cell, int]] = []
    for cell in rng.sample(untried, len(untried)):
        n = min(arms.room[cell], budget)
        if n <= 0:
            break
        chosen.append((cell, n))
        budget -= n
    return chosen


def given_up(cell: Cell, tallies: Mapping[Cell, Tally], settings: ExploreConfig) -> bool:
    """Whether the cell, its structure or its topic had its chance and never elicited a failure."""
    own = tallies[cell]
    if own.n >= settings.pull and own.hits == 0:
        return True
    for axis in (0, 1):
        whole = _pooled(t for c, t in tallies.items() if c[axis] == cell[axis])
        if whole.n >= settings.give_up and whole.hits == 0:
            return True
    return False


class Model:
    """Shrunk rates: a cell's towards what its structure and topic predict, theirs to the whole."""

    def __init__(self, tallies: Mapping[Cell, Tally], exploration: float) -> None:
        self._tallies, self._exploration = tallies, exploration
        self._whole = _pooled(tallies.values())
        self._overall = (self._whole.hits + 1) / (self._whole.n + 2)
        self._by_axis = [
            {name: _pooled(t for c, t in tallies.items() if c[axis] == name) for name in names}
            for axis in (0, 1)
            for names in [{c[axis] for c in tallies}]
        ]

    def rate(self, cell: Cell) -> float:
        """Expected SFR: structure and topic add up on the logit scale."""
        expected = sum(
            _logit(self._shrunk(self._by_axis[axis][cell[axis]], self._overall)) for axis in (0, 1)
        ) - _logit(self._overall)
        return self._shrunk(self._tallies[cell], 1 / (1 + math.exp(-expected)))

    def promise(self, cell: Cell) -> float:
        """Expected SFR and a bonus for a structure and a topic that were rarely tried."""
        curiosity = sum(
            math.sqrt(math.log(self._whole.n + 1) / (self._by_axis[axis][cell[axis]].n + 1))
            for axis in (0, 1)
        )
        return self.rate(cell) + self._exploration * curiosity / 2

    @staticmethod
    def _shrunk(tally: Tally, towards: float) -> float:
        return (tally.hits + PRIOR * towards) / (tally.n + PRIOR)


def choosers() -> dict[str, Chooser]:
    """By the names of explore.choice."""
    return {"adaptive": adaptive, "random": uniform}


def _pooled(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total = total.plus(tally.hits, tally.n)
    return total


def _logit(p: float) -> float:
    return math.log(p / (1 - p))
