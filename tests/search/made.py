"""Trials with given figures."""

from a3.search.selection import constraints, objective
from a3.types.rates import MeanKL, Rate
from a3.types.scores import CapabilityItem, CapabilityScores, ValidationScores
from a3.types.trials import Proposal, Soup, Trial, TrialScores, TrialState


def rate(value, n=100):
    hits = None if value is None else round(value * n)
    return Rate(
        hits=hits or 0,
        n=0 if value is None else n,
        unscored=0,
        clusters=10,
        value=value,
        low=0,
        high=1,
        worst=1,
        new=None,
    )


def capability(right: int, generated: bool = False) -> CapabilityScores:
    return CapabilityScores(
        tasks={
            "t": tuple(
                CapabilityItem(
                    id=str(i),
                    correct=i < right,
                    logprob=None if generated else -1.0 if i < right else -2.0,
                )
                for i in range(100)
            )
        }
    )


def validation(sfr=0.0, fpr=0.1, incoherent=0.0, **strata) -> ValidationScores:
    return ValidationScores(
        sfr=rate(sfr),
        fpr=rate(fpr),
        fpr_by_stratum={s: rate(v) for s, v in (strata or {"known": fpr}).items()},
        incoherent=rate(incoherent),
        by_hypothesis={},
    )


BASE = validation(sfr=0.6, fpr=0.9), capability(50)


def scores(sfr=0.0, fpr=0.1, incoherent=0.0, right=50, kl=0.1, **strata) -> TrialScores:
    return TrialScores(
        validation=validation(sfr, fpr, incoherent, **strata),
        capability=capability(right),
        kl_task=MeanKL(value=kl, n=9, low=0, high=1),
    )


def trial(number, config, found: TrialScores | None, rerun_of=None, losses=()) -> Trial:
    """A trial of the tiny configuration at its default; None: it failed."""
    limits = *BASE, config.goal
    return Trial(
        number=number,
        proposal=Proposal(config=config.search.default, rationale="-", rerun_of=rerun_of),
        state=TrialState.COMPLETE if found else TrialState.FAILED,
        scores=found,
        objective=objective(found, *limits) if found else None,
        constraints=constraints(found, *limits) if found else {},
        error=None if found else "the loss is no number",
        adapter=None,
        seed=number,
        losses=losses,
    )


def soup(number, config, found: TrialScores | None, scale=1.4) -> Soup:
    """The mean of trials 0 and 1; None: it could not be measured."""
    limits = *BASE, config.goal
    return Soup(
        number=number,
        trials=(0, 1),
        scale=scale,
        scores=found,
        objective=objective(found, *limits) if found else None,
        constraints=constraints(found, *limits) if found else {},
        adapter=None,
    )


def proposed(number, config, proposal: Proposal, found: TrialScores | None) -> Trial:
    """The same of another proposal."""
    return trial(number, config, found).model_copy(update={"proposal": proposal})
