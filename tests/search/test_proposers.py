"""Proposers share one contract."""

import math
from statistics import fmean

import pytest

from a3.search import proposers
from a3.search.proposers import propose
from a3.types.trials import Proposal, Range, coordinates, from_coordinates
from tests.search.made import proposed, scores


def point(proposal: Proposal) -> tuple[float, ...]:
    return tuple(coordinates(proposal.config).values())


@pytest.fixture(params=["tpe", "gp", "random"], scope="module")
def config(request, tiny_config):
    search = tiny_config.search.model_copy(update={"name": request.param})
    return tiny_config.model_copy(update={"search": search})


@pytest.fixture(scope="module")
def five(config):
    """A search of five trials, one at a time."""
    return history(config, [1] * 5)


def history(config, batches, fail=(), seed=3):
    """A search in batches of these sizes; FPR falls as the learning rate does."""
    trials = []
    for size in batches:
        for proposal in propose(config.search, trials, seed, n=size):
            rate = proposal.config.learning_rate
            found = None if len(trials) in fail else scores(fpr=min(1.0, 50 * rate))
            trials.append(proposed(len(trials), config, proposal, found))
    return trials


def test_the_literature_default_comes_first(config):
    for n in (1, 3):
        first, *others = propose(config.search, [], 9, n=n)
        assert first.config == config.search.default
        assert len(others) == n - 1 and first.config not in [p.config for p in others]


@pytest.mark.parametrize("batches", [[1] * 6, [4, 2]])
def test_points_lie_in_the_space_and_differ_within_and_between_batches(config, batches):
    trials = history(config, batches)
    assert len({point(t.proposal) for t in trials}) == 6
    for t in trials:
        assert config.search.space.violations(t.proposal.config) == []
        assert t.proposal.config.offsets == {}


def test_a_seed_and_a_history_decide(config, five):
    assert history(config, [1] * 5) == five
    assert history(config, [1, 1], seed=4) != five[:2]


def test_neighbouring_seeds_share_no_points(config):
    """A sampler's first draws are of its seed alone, so two runs could search the same points."""
    searches = [history(config, [1] * 4, seed=seed) for seed in (3, 4, 5)]
    points = [point(t.proposal) for trials in searches for t in trials[1:]]
    assert len(set(points)) == len(points) == 9


def test_failed_trials_do_not_stop_it(config):
    assert len(history(config, [1, 2, 3], fail={0, 2, 3})) == 6


def test_what_is_pending_is_neither_repeated_nor_forgotten(config, five):
    pending = propose(config.search, five, 3, n=2)
    more = propose(config.search, five, 3, pending, 2)
    assert len({point(p) for p in [*pending, *more]}) == 4
    assert [p.config for p in propose(config.search, [], 3, pending[:1], 1)] != [
        config.search.default
    ]


def test_samplers_that_learn_keep_away_from_what_is_pending(config, five):
    """By more than not repeating it; a random draw does not care."""

    def draw(*pending):
        with proposers.quiet():
            study = proposers.make_study(config.search, five, pending, seed=8)
            return proposers._ask(study, config.search.space, [])

    alone = draw()
    near = from_coordinates({**alone, "learning_rate": 1.01 * alone["learning_rate"]})
    beside = draw(Proposal(config=near, rationale="-"))
    assert (beside == alone) == (config.search.name == "random")


def test_a_space_of_few_points_is_gone_through_without_repeats(config):
    fixed = {n: Range(low=v, high=v) for n, v in coordinates(config.search.default).items()}
    dimensions = fixed | {"epochs": Range(low=1, high=4, integer=True)}
    space = config.search.space.model_copy(update={"dimensions": dimensions})
    search = config.search.model_copy(update={"space": space})
    few = config.model_copy(update={"search": search})
    epochs = [t.proposal.config.epochs for t in history(few, [4])]
    assert sorted(epochs) == [1, 2, 3, 4]
    if config.search.name != "gp":  # Sixteen fits.
        assert len(history(few, [4, 1])) == 5  # A point again rather than none.


def test_reruns_are_no_new_points(config, five):
    again = five[2].model_copy(
        update={"number": 5, "proposal": five[2].proposal.model_copy(update={"rerun_of": 2})}
    )
    assert propose(config.search, [*five, again], 3) == propose(config.search, five, 3)


def late_rates(config, limited):
    """Where a search of ten ends up, 0 to 1: low rates have the least FPR, and break a limit."""
    rates = config.search.space.dimensions["learning_rate"]
    trials, found = [], []
    for number in range(10):
        (proposal,) = propose(config.search, trials, seed=3)
        share = math.log(proposal.config.learning_rate / rates.low)
        share /= math.log(rates.high / rates.low)
        sfr = max(0.0, 0.6 - share) if limited else 0.0
        measured = scores(sfr=sfr, fpr=0.1 + 0.5 * share)
        trials.append(proposed(number, config, proposal, measured))
        found.append(share)
    return fmean(found[6:])


def test_a_search_goes_where_the_limits_hold(config):
    limited, free = (late_rates(config, limited) for limited in (True, False))
    if config.search.name == "random":
        assert limited == free
    else:
        assert limited > 0.5 and limited > free + 0.2
