"""What a trial must be shown not to beat (evidence rule 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from a3.config.schema import SearchConfig
from a3.types.trials import DropRule, Trial


def drop_rule(
    config: SearchConfig, trials: Sequence[Trial], limits: Mapping[str, float], rank: int = 1
) -> DropRule | None:
    """The rule for the trial after `trials`; None: it is measured whatever comes.

    The incumbent is the trial at `rank`: 1 is the best, k where the best k are looked at again.
    """
    known = sorted(t.objective for t in trials if t.objective is not None)
    if config.drop_parts == 1 or len(known) < rank:
        return None
    return DropRule(objective=known[rank - 1], limits=dict(limits), parts=config.drop_parts)
