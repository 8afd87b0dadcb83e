"""Who resembles whom: items in hypotheses and sources, and the variance that follows for a mean.

Values have the shape (..., n); leading axes are independent repetitions, so that simulations run
through the same code as measurements.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

MIN_HYPOTHESES = 4
"""With fewer, the spread between hypotheses is a guess: "new hypotheses" is not estimable."""


@dataclass(frozen=True)
class Outcome:
    """One scored item: whether it hit, and what it has in common with others."""

    hit: bool | None
    """None: UNSCORED."""
    source: str
    """The fact, scene or document it was made from."""
    hypothesis: str = ""
    """Empty where there are none, as for capability items."""


@dataclass(frozen=True)
class Groups:
    """A partition of items."""

    codes: NDArray[np.intp]
    """The group of each item, counted from 0."""
    sizes: NDArray[np.intp]

    @classmethod
    def of(cls, names: Sequence[Hashable]) -> Groups:
        """Items with one name form one group, in order of first appearance."""
        numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
        codes = np.array([numbers[name] for name in names], dtype=np.intp)
        return cls(codes, np.bincount(codes, minlength=len(numbers)))

    @property
    def count(self) -> int:
        """Number of groups."""
        return len(self.sizes)

    @property
    def typical_size(self) -> float:
        """Size of the group of an item drawn at random (Kish 1965): Σ size² / n."""
        return float((self.sizes**2).sum() / self.sizes.sum())

    @cached_property
    def _layout(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        return np.argsort(self.codes, kind="stable"), np.cumsum(self.sizes) - self.sizes

    def sums(self, values: Values) -> Values:
        """Sum over each group, shape (..., groups)."""
        order, starts = self._layout
        return np.add.reduceat(values[..., order], starts, axis=-1)

    def residuals(self, values: Values) -> Values:
        """Each value less its group's mean."""
        return values - (self.sums(values) / self.sizes)[..., self.codes]


@dataclass(frozen=True)
class Design:
    """Which hypothesis and which source each item belongs to."""

    hypotheses: Groups
    sources: Groups

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Design:
        """The design of these items."""
        return cls(
            Groups.of([o.hypothesis for o in outcomes]), Groups.of([o.source for o in outcomes])
        )

    @property
    def n(self) -> int:
        """Number of items."""
        return len(self.sources.codes)

    @property
    def speaks_of_new(self) -> bool:
        """Whether "on new hypotheses like these" can be estimated."""
        return self.hypotheses.count >= MIN_HYPOTHESES and self.sources.count > 1

    @cached_property
    def strata(self) -> Groups:
        """Hypotheses; those with a single source, which show no spread of their own, are merged."""
        hypothesis, source = self.hypotheses.codes, self.sources.codes
        pairs = set(zip(hypothesis.tolist(), source.tolist(), strict=True))
        lonely = np.bincount([h for h, _ in pairs], minlength=self.hypotheses.count) < 2
        if not lonely.any():
            return self.hypotheses
        # Where they have but one source between them, they join the largest hypothesis.
        together = len({s for h, s in pairs if lonely[h]}) > 1
        home = -1 if together else int(np.argmax(self.hypotheses.sizes * ~lonely))
        return Groups.of([home if lonely[h] else int(h) for h in hypothesis])

    @cached_property
    def cells(self) -> Groups:
        """Items of one hypothesis and one source."""
        return _crossed(self.hypotheses, self.sources)


def _crossed(one: Groups, other: Groups) -> Groups:
    return Groups.of(list(zip(one.codes.tolist(), other.codes.tolist(), strict=True)))


def source_sums(values: Values, design: Design) -> Values:
    """Residuals against the stratum's mean, summed per source, shape (..., sources).

    Each is scaled up for what its own share in the stratum's mean took away (CR2: Bell & McCaffrey
    2002, https://www150.statcan.gc.ca/n1/en/catalogue/12-001-X20020029058); the hat matrix of
    strata is 1/size within a stratum, so the scale has this closed form.
    """
    scale = _scale(design)
    return design.sources.sums(design.strata.residuals(values) * scale)


def _scale(design: Design) -> Values:
    """Per item: (1 - its cell's size / its stratum's size)^-1/2."""
    cells = _crossed(design.strata, design.sources)
    share = cells.sizes[cells.codes] / design.strata.sizes[design.strata.codes]
    return 1 / np.sqrt(np.maximum(1 - share, 1e-12))


def variance_these(values: Values, design: Design) -> Values:
    """Variance of the mean with hypotheses as fixed strata and sources as clusters."""
    return (source_sums(values, design) ** 2).sum(-1) / design.n**2


def df_these(design: Design) -> float:
    """Satterthwaite's degrees of freedom of `variance_these`, for independent, alike items.

    The sums u over sources have covariance G = D - ΣAA'; df = tr(G)² / tr(G²). Sources that lie in
    one of H hypotheses give S - H, sources that serve all of them S - 1. At most S - 1.
    """
    if design.sources.count < 2:
        return 1.0
    cells = _crossed(design.strata, design.sources)
    first = np.unique(cells.codes, return_index=True)[1]
    stratum, source = design.strata.codes[first], design.sources.codes[first]
    scale, sizes = _scale(design)[first], cells.sizes
    diagonal = np.bincount(source, weights=scale**2 * sizes)
    shared = np.zeros((design.strata.count, design.sources.count))
    shared[stratum, source] = scale * sizes / np.sqrt(design.strata.sizes[stratum])
    trace = diagonal.sum() - (shared**2).sum()
    squared = (
        (diagonal**2).sum() - 2 * (shared**2 @ diagonal).sum() + ((shared @ shared.T) ** 2).sum()
    )
    return float(np.clip(trace**2 / squared, 1.0, max(1.0, design.sources.count - 1)))


def variance_new(values: Values, design: Design) -> Values:
    """Variance of the mean with hypotheses and sources both as samples.

    Two-way clustering: by hypothesis, plus by source, less by both (Cameron, Gelbach & Miller 2011,
    doi 10.1198/jbes.2010.07136). That can come out near zero or below by chance; it is never taken
    to be less than the smallest of its three parts.
    """
    residuals = values - values.mean(-1, keepdims=True)
    parts = [_clustered(residuals, g) for g in (design.hypotheses, design.sources, design.cells)]
    by_hypothesis, by_source, by_both = parts
    return np.maximum(by_hypothesis + by_source - by_both, np.minimum.reduce(parts))


def df_new(design: Design) -> int:
    """Degrees of freedom of `variance_new`: the smaller number of clusters, less 1."""
    return min(design.hypotheses.count, design.sources.count) - 1


def _clustered(residuals: Values, groups: Groups) -> Values:
    """One-way, with the G/(G-1) correction."""
    g, n = groups.count, residuals.shape[-1]
    return g / max(g - 1, 1) * (groups.sums(residuals) ** 2).sum(-1) / n**2
