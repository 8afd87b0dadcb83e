"""What a trial must be shown not to beat (evidence rule 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from a3.config.groups import SearchConfig
from a3.search.selection import fresh_seeds, mean_fpr, mean_objective, ranked, standing
from a3.types.scores import ValidationScores
from a3.types.trials import INFEASIBLE, Candidate, DropRule, Trial


def drop_rule(
    config: SearchConfig,
    trials: Sequence[Trial],
    limits: Mapping[str, float],
    rerun_of: int | None = None,
    place: int = 1,
) -> DropRule | None:
    """The rule for the trial after `trials`; None: it is measured whatever comes.

    A new configuration has to beat the one at `place`, 1 being the best so far. With a rerun the
    mean of its configuration's seeds has to beat that of another one.
    """
    if rerun_of is not None:
        return _of_rerun(config, trials, limits, rerun_of)
    best = ranked([t for t in trials if t.rerun_of is None])
    return beating(config, best[place - 1 : place], limits)


def beating(
    config: SearchConfig,
    incumbent: Sequence[Candidate],
    limits: Mapping[str, float],
    beside: Sequence[Mapping[str, float]] = (),
) -> DropRule | None:
    """The rule of what has to beat the mean of measured candidates; None: there are none."""
    scores = [c.scores for c in incumbent if c.scores is not None]
    if config.drop_parts == 1 or not scores:
        return None
    return DropRule(
        objective=mean_objective(incumbent),
        fpr=fmean(mean_fpr(s.validation) for s in scores),
        limits=dict(limits),
        parts=config.drop_parts,
        beside=tuple(map(dict, beside)),
    )


def keeping(config: SearchConfig, limits: Mapping[str, float]) -> DropRule | None:
    """The rule of what has to keep every limit, and no more."""
    if config.drop_parts == 1:
        return None
    return DropRule(objective=INFEASIBLE, limits=dict(limits), parts=config.drop_parts)


def _of_rerun(
    config: SearchConfig, trials: Sequence[Trial], limits: Mapping[str, float], of: int
) -> DropRule | None:
    """Against the best configuration all of whose seeds are measured."""
    fresh = fresh_seeds(trials)
    mine = [t.scores.validation for t in fresh.pop(of, ()) if t.scores]
    whole = [
        seeds
        for seeds in fresh.values()
        if len(seeds) >= config.rerun_seeds and all(t.objective is not None for t in seeds)
    ]
    to_come = max(0, config.rerun_seeds - len(mine) - 1)
    beside = [*map(_rates, mine), *[dict[str, float]()] * to_come]
    return beating(config, min(whole, key=standing, default=()), limits, beside)


def _rates(scores: ValidationScores) -> dict[str, float]:
    """By the names of limits; what could not be measured is as bad as can be."""
    fpr = {f"fpr/{stratum}": rate for stratum, rate in scores.fpr_by_stratum.items()}
    found = {"sfr": scores.sfr, "incoherent": scores.incoherent, **fpr}
    return {name: 1.0 if r.value is None else r.value for name, r in found.items()}
