"""What a trial must be shown not to beat, and how sure that must be (DESIGN §4.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from a3.config.schema import SearchConfig
from a3.types.trials import DropRule, Trial


def drop_rule(
    config: SearchConfig,
    trials: Sequence[Trial],
    limits: Mapping[str, float],
    number: int,
    rank: int = 1,
) -> DropRule | None:
    """The rule for trial `number` after `trials`; None: it is measured whatever comes.

    The incumbent is the trial at `rank`: 1 is the best, k where the best k are looked at again.
    Over the run the errors sum to at most `search.drop_error`: trial t may spend 1 / (t (t + 1)) of
    it, which sums to 1 however many trials there will be (a resumed run may have more).
    """
    known = sorted(t.objective for t in trials if t.objective is not None)
    if config.drop_error == 0 or len(known) < rank:
        return None
    return DropRule(
        objective=known[rank - 1],
        limits=dict(limits),
        error=config.drop_error / (number * (number + 1)),
        parts=config.drop_parts,
    )
