"""Which trial is best: point estimates under the goal's limits (evidence rule 7)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

from a3.types.results import Goal
from a3.types.scores import CapabilityScores, ValidationScores
from a3.types.trials import (
    INFEASIBLE,
    KL_WEIGHT,
    Candidate,
    Proposal,
    Soup,
    Trial,
    TrialScores,
    TrialState,
)

Limits = dict[str, tuple[float | None, float]]
"""A figure's name -> its value, None where it could not be measured, and the most it may be."""
WORST_EXCESS = 1000.0
"""Excess of what could not be measured: more than any rate has (100 % exceeds a limit of 5 % by 19
times that limit), and no mean over seeds can hide it."""

Standing = tuple[bool, float, float]
"""Whether a limit is broken; then violation and FPR if so, else FPR and KL. Lower is better."""


def accuracy(scores: CapabilityScores) -> float | None:
    """Share of right items, pooled over tasks; None when there were none."""
    items = [item for task in scores.tasks.values() for item in task]
    return sum(i.correct for i in items) / len(items) if items else None


def limits(base: ValidationScores, goal: Goal) -> dict[str, float]:
    """Upper limits of what is measured on validation, by the names of `constraints`."""
    fpr = {
        f"fpr/{stratum}": (rate.value or 0.0) + goal.fpr_increase
        for stratum, rate in base.fpr_by_stratum.items()
    }
    # A small base is incoherent, or reads so, more often than the goal allows a repair to be.
    incoherent = max(goal.incoherent, base.incoherent.value or 0.0)
    return {"sfr": goal.sfr_selection, "incoherent": incoherent, **fpr}


def capability_losses(before: CapabilityScores, after: CapabilityScores, goal: Goal) -> Limits:
    """What was lost, and the most that may be: where items are few, accuracy alone is noise.

    Items with options compare the log-probability of the right one, item by item; generated
    answers, which have none, compare accuracy.
    """
    nats: list[float | None] = []
    points: list[float | None] = []
    for task, items in before.tasks.items():
        repaired = {item.id: item for item in after.tasks.get(task, ())}
        for item in items:
            mine = repaired.get(item.id)
            if item.logprob is None:
                points.append(None if mine is None else item.correct - mine.correct)
            else:
                now = None if mine is None else mine.logprob
                nats.append(None if now is None else item.logprob - now)
    found: Limits = {}
    if nats:
        found["capability_logprob"] = _mean(nats), goal.capability_logprob
    if points:
        found["capability_loss"] = _mean(points), goal.capability_loss
    return found


def _mean(values: Sequence[float | None]) -> float | None:
    """None unless every value was measured."""
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def constraints(
    scores: TrialScores, base: ValidationScores, capability: CapabilityScores, goal: Goal
) -> dict[str, float]:
    """Excess over each limit, divided by the limit; at most 0 is feasible.

    `base` and `capability` are the base's. What could not be measured breaks its limit: failure is
    data.
    """
    validation = scores.validation
    bounds = limits(base, goal)
    found: Limits = {
        "sfr": (validation.sfr.value, bounds["sfr"]),
        "incoherent": (validation.incoherent.value, bounds["incoherent"]),
        "kl_task": (scores.kl_task.value, goal.kl),
        **capability_losses(capability, scores.capability, goal),
    }
    for stratum in base.fpr_by_stratum:
        mine, name = validation.fpr_by_stratum.get(stratum), f"fpr/{stratum}"
        found[name] = (mine.value if mine else None, bounds[name])
    return {
        name: WORST_EXCESS if value is None else _exact((value - limit) / limit)
        for name, (value, limit) in found.items()
    }


def mean_fpr(scores: ValidationScores) -> float:
    """Mean over strata, each counting alike whatever its size; what is missing counts 1."""
    rates = scores.fpr_by_stratum.values()
    return sum(1.0 if r.value is None else r.value for r in rates) / len(rates) if rates else 1.0


def aim(scores: TrialScores) -> float:
    """What a sampler minimises under the constraints: mean FPR, then KL."""
    return mean_fpr(scores.validation) + KL_WEIGHT * (scores.kl_task.value or 0.0)


def objective(
    scores: TrialScores, base: ValidationScores, capability: CapabilityScores, goal: Goal
) -> float:
    """The selection score as one number, lower is better: FPR, then KL; for curves and sweeps.

    A feasible trial scores its mean FPR over strata + 0.001 KL, below 2; any other 10 + the sum of
    its relative violations + 0.001 FPR. `standing` ranks exactly.
    """
    return _score([scores], [constraints(scores, base, capability, goal)])


def mean_objective(seeds: Sequence[Candidate]) -> float:
    """The same of a configuration, by the means over its measured trials."""
    return _score([t.scores for t in seeds if t.scores], [t.constraints for t in seeds])


def _score(scores: Sequence[TrialScores], limits: Sequence[Mapping[str, float]]) -> float:
    violation = _violation(limits)
    if violation > 0:
        return INFEASIBLE + violation + KL_WEIGHT * fmean(mean_fpr(s.validation) for s in scores)
    return fmean(map(aim, scores))


def standing(seeds: Sequence[Candidate]) -> Standing:
    """Where a configuration stands: by the means over its trials, which differ in their seed.

    Feasible ones go first, by FPR, then KL; the others by the sum of relative violations, then FPR.
    The excess over a limit is linear, so the mean of the excesses is the excess of the mean. Sums
    are compared by fewer digits than each violation has, whose roundings would else decide a tie.
    """
    scores = [t.scores for t in seeds if t.scores is not None]
    violation = _violation([t.constraints for t in seeds])
    fpr = _exact(fmean(mean_fpr(s.validation) for s in scores))
    if violation > 0:
        return True, _exact(violation, digits=7), fpr
    return False, fpr, fmean(s.kl_task.value or 0.0 for s in scores)


def _violation(seeds: Sequence[Mapping[str, float]]) -> float:
    """Sum of the relative violations of the means over seeds."""
    return _exact(sum(max(0.0, fmean(limits[name] for limits in seeds)) for name in seeds[0]))


def _exact(value: float, digits: int = 9) -> float:
    """Without the noise of binary fractions: 0.61 - 0.60 exceeds no limit of 0.01."""
    return round(value, digits)


def ranked(trials: Sequence[Trial]) -> list[Trial]:
    """The measured trials, each standing for itself, best first; of equals the older one."""
    measured = [t for t in trials if t.objective is not None]
    return sorted(measured, key=lambda t: (standing([t]), t.number))


def room(trials: Sequence[Trial], left: int, top: int, seeds: int) -> int:
    """New configurations that `left` further trainings have room for.

    What it takes to train the best of all again is set aside, and each new one may be one of those.
    """
    new = [t for t in trials if t.rerun_of is None]
    places = max(0, top - len(ranked(new)))
    waiting = len(reruns(trials, top, seeds))
    waiting += seeds * min(places, sum(t.partial is not None for t in new))
    fitting = [n for n in range(1, left + 1) if n + min(top * seeds, waiting + n * seeds) <= left]
    nothing_yet = all(t.objective is None for t in trials)
    return max(fitting, default=min(left, 1) if nothing_yet else 0)


def contender(trials: Sequence[Trial], top: int) -> Trial | None:
    """A dropped configuration that may be one of the `top` best; the likeliest first.

    It was shown not to beat the best of its time, which says nothing of the places behind it.
    """
    new = [t for t in trials if t.rerun_of is None]
    bar = next((t.objective for t in ranked(new)[top - 1 : top]), None)
    open_ = [
        (t.partial.objective_at_least, t.number)
        for t in new
        if t.partial
        and (bar is None or t.partial.rule.objective < bar >= t.partial.objective_at_least)
    ]
    return trials[min(open_)[1]] if open_ else None


def reruns(trials: Sequence[Trial], top: int, seeds: int, length: int = 1) -> list[Proposal]:
    """What is still to be trained again: the `top` best configurations, on `seeds` seeds each.

    With epochs `length` times as long as the first time.
    A configuration of which a fresh seed failed, or was dropped, is out.
    """
    done = Counter(t.rerun_of for t in trials)
    out = {t.rerun_of for t in trials if t.objective is None}
    ranking = ranked([t for t in trials if t.rerun_of is None])[:top]
    best = [trial for trial in ranking if trial.number not in out]
    return [
        Proposal(
            config=trial.proposal.config,
            rationale=f"trial {trial.number} again, fresh seed {seed + 1} of {seeds}",
            rerun_of=trial.number,
            length=length,
        )
        for trial in best
        for seed in range(done[trial.number], seeds)
    ]


def fresh_seeds(trials: Sequence[Trial]) -> dict[int, list[Trial]]:
    """Reruns by the number of the trial whose configuration they have."""
    found: dict[int, list[Trial]] = defaultdict(list)
    for trial in trials:
        if trial.rerun_of is not None:
            found[trial.rerun_of].append(trial)
    return dict(found)


def select(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """The trials that speak for the best configuration; the first one's adapter is the repair.

    Without reruns it is the best trial alone. With them configurations are compared by their fresh
    seeds only, and the first fresh seed is taken, not the best: the scores that made a
    configuration one of the best flatter it (winner's curse), those of its first fresh seed do
    not. A configuration of which a fresh seed failed, or was dropped, is out; where all are, the
    best first trial stands as it is. Empty: nothing was measured.
    """
    fresh = fresh_seeds(trials).values()
    whole = [again for again in fresh if all(t.objective is not None for t in again)]
    if whole:
        return tuple(min(whole, key=lambda again: (standing(again), again[0].rerun_of)))
    return tuple(ranked([t for t in trials if t.rerun_of is None])[:1])


def best_soup(soups: Sequence[Soup], trials: Sequence[Trial]) -> Soup | None:
    """The best soup, where it keeps every limit or stands better than what `select` chose.

    Within the limits a soup goes before a single trial, whatever the FPR of either: validation
    holds no topic that never trains, and there a trial failed twice as often as the soup of all,
    which had a few points more FPR (docs/results.md, set 3, seed 31).
    """
    measured = [s for s in soups if s.objective is not None]
    best = min(measured, key=lambda s: (standing([s]), s.number), default=None)
    if best is None or keeps_limits([best]) or not trials:
        return best
    return best if standing([best]) < standing(trials) else None


def keeps_limits(seeds: Sequence[Candidate]) -> bool:
    """Whether a configuration breaks no limit, by the means over its measured trials."""
    return not standing(seeds)[0]


def front(trials: Sequence[Trial]) -> list[Trial]:
    """The complete trials that none other beats on SFR and mean FPR, both on validation.

    A beats B where it is nowhere worse and somewhere better. An SFR that could not be measured
    keeps a trial off the front.
    """
    points = {
        t.number: (t.scores.validation.sfr.value, mean_fpr(t.scores.validation))
        for t in trials
        if t.state is TrialState.COMPLETE and t.scores and t.scores.validation.sfr.value is not None
    }
    return [
        t
        for t in trials
        if t.number in points
        and not any(_beats(other, points[t.number]) for other in points.values())
    ]


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one != other and one[0] <= other[0] and one[1] <= other[1]
