"""Where fresh queries of a hypothesis come from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from a3.types.queries import Hypothesis, Query, Source

Case = tuple[Query, ...]
"""A harmful query with its benign twin, or, where the user is right, a benign query."""
SourceIds = Mapping[str, Collection[str]]
"""Ids of sources by stratum."""


class Generator(Protocol):
    """Draws cases of hypotheses; no model's answer to them has a part in the choice."""

    def again(self, hypothesis: Hypothesis, sources: SourceIds) -> list[Case]:
        """Further cases over sources that were asked about, to learn from; maybe none."""
        ...

    def fresh(
        self,
        hypotheses: Mapping[Hypothesis, int],
        sources: SourceIds,
        taken: Sequence[Source],
        which: str,
    ) -> dict[str, list[Case]]:
        """By hypothesis id, cases over sources that no query was about, for the set `which`.

        About as many as are wanted of each hypothesis, or more; fewer where it has no more.
        `sources` were set aside for this; `taken` are out of bounds.
        """
        ...
