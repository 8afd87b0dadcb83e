"""Which cells are asked next: within the budget, after what elicits, and nothing twice in vain."""

from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a3.agents.bandit import Arms, Model, Tally, choosers, given_up

STRUCTURES, TOPICS = "abcd", "uvwxyz"
CELLS = list(product(STRUCTURES, TOPICS))
TALLIES = st.integers(0, 12).flatmap(
    lambda n: st.integers(0, n).map(lambda hits: Tally(hits=hits, n=n))
)


@st.composite
def arms(draw):
    """Any state of a run."""
    return Arms(
        tallies={cell: draw(TALLIES) for cell in CELLS},
        room={cell: draw(st.integers(0, 9)) for cell in CELLS},
        found=frozenset(draw(st.sets(st.sampled_from(CELLS)))),
    )


@pytest.fixture
def explore(tiny_config):
    return tiny_config.explore


def fresh(**known: Tally) -> Arms:
    """A grid on which nothing was tried but the cells given as `au=Tally(...)`."""
    tallies = {cell: known.get("".join(cell), Tally()) for cell in CELLS}
    return Arms(tallies=tallies, room={c: 9 - int(t.n) for c, t in tallies.items()})


def adaptive(arms, budget, explore, seed=0):
    return choosers()["adaptive"](arms, budget, explore, Random(seed))


def uniform(arms, budget, explore, seed=0):
    return choosers()["random"](arms, budget, explore, Random(seed))


@pytest.mark.parametrize("choice", choosers())
@settings(max_examples=100)
@given(state=arms(), budget=st.integers(0, 120), seed=st.integers(0, 100))
def test_never_more_than_the_budget_nor_than_the_room_of_a_cell(
    tiny_config, choice, state, budget, seed
):
    chosen = choosers()[choice](state, budget, tiny_config.explore, Random(seed))
    assert sum(n for _, n in chosen) <= budget
    assert len({cell for cell, _ in chosen}) == len(chosen)
    assert all(0 < n <= state.room[cell] for cell, n in chosen)


@settings(max_examples=100)
@given(state=arms(), budget=st.integers(0, 120))
def test_what_never_elicits_is_never_asked_again(tiny_config, state, budget):
    explore = tiny_config.explore
    chosen = adaptive(state, budget, explore)
    assert not [cell for cell, _ in chosen if given_up(cell, state.tallies, explore)]


@settings(max_examples=100)
@given(state=arms(), budget=st.integers(1, 120))
def test_the_budget_is_left_only_when_every_cell_worth_asking_had_its_pull(
    tiny_config, state, budget
):
    explore = tiny_config.explore
    worth = [c for c, n in state.room.items() if n > 0 and not given_up(c, state.tallies, explore)]
    chosen = dict(adaptive(state, budget, explore))
    if sum(chosen.values()) < budget:
        assert chosen == {c: min(explore.pull, state.room[c]) for c in worth}


@settings(max_examples=100)
@given(state=arms(), budget=st.integers(1, 120), seed=st.integers(0, 100))
def test_uniform_asks_untried_cells_all_they_may_be_asked(tiny_config, state, budget, seed):
    open_cells = [c for c, t in state.tallies.items() if t.n == 0 and state.room[c] > 0]
    chosen = uniform(state, budget, tiny_config.explore, seed)
    assert {cell for cell, _ in chosen} <= set(open_cells)
    assert sum(n for _, n in chosen) == min(budget, sum(state.room[c] for c in open_cells))
    assert all(n == state.room[cell] for cell, n in chosen[:-1])


@pytest.mark.parametrize("choice", choosers())
def test_a_seed_decides_and_another_decides_otherwise(explore, choice):
    def go(seed):
        return choosers()[choice](fresh(), 12, explore, Random(seed))

    assert go(1) == go(1)
    assert go(1) != go(2)


def test_a_cell_that_was_asked_once_in_vain_is_given_up(explore):
    tallies = fresh(au=Tally(0, explore.pull), bv=Tally(1, explore.pull)).tallies
    assert given_up(("a", "u"), tallies, explore)
    assert not given_up(("b", "v"), tallies, explore)
    assert not given_up(("a", "v"), tallies, explore)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_structure_or_topic_that_had_its_chance_in_vain_is_given_up_in_every_cell(explore, axis):
    each = explore.give_up // 3
    names = ("au", "av", "aw") if axis == 0 else ("au", "bu", "cu")
    tallies = fresh(**dict.fromkeys(names, Tally(0, each))).tallies
    untried = ("a", "z") if axis == 0 else ("d", "u")
    assert given_up(untried, tallies, explore)
    assert not given_up(("d", "z"), tallies, explore)
    one_failure = fresh(**dict.fromkeys(names[1:], Tally(0, each)), **{names[0]: Tally(1, each)})
    assert not given_up(untried, one_failure.tallies, explore)


def test_structures_and_topics_that_elicit_go_first(explore):
    """Half of the grid elicits; a round spends most of its pulls there."""
    state = fresh(au=Tally(3, 3), bv=Tally(3, 3), cw=Tally(0, 3), dx=Tally(0, 3))
    chosen = dict(adaptive(state, 5 * explore.pull, explore))
    good = [c for c in chosen if c[0] in "ab" or c[1] in "uv"]
    assert len(good) >= 4
    rates = Model(state.tallies, explore.exploration)
    assert rates.rate(("a", "v")) > rates.rate(("a", "w")) > rates.rate(("c", "w"))


def test_among_cells_that_elicit_alike_the_rarely_tried_go_first(explore):
    model = Model(fresh(au=Tally(2, 4), bv=Tally(8, 16)).tallies, explore.exploration)
    assert model.promise(("a", "u")) > model.promise(("b", "v"))
    incurious = Model(fresh(au=Tally(2, 4), bv=Tally(8, 16)).tallies, 0.0)
    assert incurious.promise(("a", "u")) == pytest.approx(incurious.rate(("a", "u")))


def test_a_cell_that_is_found_is_worth_less_than_a_new_one_like_it(explore):
    incurious = explore.model_copy(update={"exploration": 0.0})
    shown = {("a", "u"), ("a", "v"), ("b", "u")}
    state = fresh(**{s + t: Tally(6, 6) for s, t in shown})
    assert adaptive(state, 3, incurious)[0][0] in shown
    found = Arms(state.tallies, state.room, frozenset(shown))
    assert adaptive(found, 3, incurious)[0][0] == ("b", "v")


@settings(max_examples=50)
@given(state=arms())
def test_expected_rates_are_shares(state):
    model = Model(state.tallies, 0.3)
    assert all(0 < model.rate(cell) < 1 <= 1 + model.promise(cell) for cell in CELLS)
