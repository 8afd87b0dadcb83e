"""The published baseline: fixed mixes, everything else as A3 does it."""

import random
from types import SimpleNamespace

import pytest

from a3.executor.context import Context
from a3.methods import a3, get, random_mix
from a3.search.proposers import propose
from a3.training import mix
from a3.types.results import Repair
from tests.conftest import compose
from tests.search.made import proposed, scores
from tests.training.test_mix import pool


@pytest.fixture(scope="module")
def config():
    return compose("model=tiny", "budget=smoke", "method=random_mix")


def test_one_training_for_each_harmful_share_of_the_published_five(config):
    points = random_mix.mixes(config.method, config.search.default)
    assert [p.harmful_share for p in points] == [0.1, 0.3, 0.5, 0.7, 0.9]
    assert config.trials == len(points)


def test_only_the_mix_differs_from_the_literature_default(config):
    default = config.search.default
    changed = ("general_share", "harmful_share", "tau_harmful", "tau_benign")
    for point in random_mix.mixes(config.method, default):
        assert (point.general_share, point.tau_harmful, point.tau_benign) == (0.15, 0, 0)
        same = {name: getattr(default, name) for name in changed}
        assert point.model_copy(update=same) == default


def test_its_search_proposes_just_these_mixes(config):
    points = random_mix.mixes(config.method, config.search.default)
    search = random_mix.fixed(config.search, points)
    assert not any(search.space.violations(p) for p in points)
    trials = []
    for number in range(len(points)):
        proposal = propose(search, trials, seed=number)[0]
        trials.append(proposed(number, config, proposal, scores()))
    assert tuple(t.proposal.config for t in trials) == points


def test_a3_does_the_rest_whatever_budget_was_asked_for(config, monkeypatch):
    seen = []
    monkeypatch.setattr(a3, "repair", lambda *given: seen.append(given) or Repair(trial=3))
    again = config.search.model_copy(update={"rerun_seeds": 2})
    budget = config.budget.model_copy(update={"trials": 30})
    asked = config.model_copy(update={"budget": budget, "search": again})
    rest = SimpleNamespace()
    context = Context(
        config=asked,
        store=rest,
        artifacts=rest,
        target=rest,
        judge=rest,
        observer=rest,
        generator=rest,
    )
    assert get("random_mix")("view", "baseline", context).trial == 3
    view, baseline, theirs = seen[0]
    assert (view, baseline, theirs.store) == ("view", "baseline", context.store)
    assert theirs.config.budget.trials == len(theirs.config.search.first) == 5
    assert theirs.config.search.rerun_seeds == 0  # One training each, also at budget=paper.
    assert theirs.config.budget.epoch_tokens == 6 * budget.epoch_tokens  # As much as 30 trials.
    assert theirs.config.respond == config.respond and theirs.config.train == config.train


def test_every_mix_trains_on_as_many_examples_as_the_default_does(config):
    default = config.search.default.model_copy(update={"general_share": 0.15})
    sizes = {
        len(mix.epoch(point, pool(4, 20, 60), {}, random.Random(0), 188))
        for point in (default, *random_mix.mixes(config.method, config.search.default))
    }
    assert max(sizes) - min(sizes) <= 1  # Of 188; a share of a half is rounded.
