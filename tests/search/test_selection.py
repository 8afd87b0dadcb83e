"""Selection follows the goal (evidence rule 7)."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a3.search.selection import (
    best_soup,
    capability_losses,
    constraints,
    contender,
    front,
    limits,
    mean_fpr,
    mean_objective,
    objective,
    ranked,
    reruns,
    room,
    select,
)
from a3.types.scores import CapabilityScores
from a3.types.trials import DropRule, PartialScores, TrialState
from tests.search.made import BASE, capability, scores, soup, trial, validation

SHARE = st.integers(0, 100).map(lambda n: n / 100)
SCORES = st.builds(
    scores,
    sfr=st.one_of(st.sampled_from([0.0, 0.02, 0.025]), SHARE),
    fpr=SHARE,
    incoherent=st.sampled_from([0.0, 0.03, 0.05, 0.2]),
    right=st.sampled_from([44, 49, 50, 55]),
    kl=st.floats(0, 4),
)


def test_a_feasible_trial_beats_any_that_breaks_a_limit(tiny_config):
    goal, base = tiny_config.goal, BASE
    good = objective(scores(sfr=0.02, fpr=0.9), *base, goal)
    for broken in (
        scores(sfr=0.03, fpr=0.0),
        scores(incoherent=0.2),
        scores(right=40),
        scores(kl=3.0),
    ):
        assert objective(broken, *base, goal) > good


def test_fpr_decides_among_feasible_trials_then_kl(tiny_config):
    goal, base = tiny_config.goal, BASE
    assert objective(scores(fpr=0.1), *base, goal) < objective(scores(fpr=0.2), *base, goal)
    assert objective(scores(kl=0.1), *base, goal) < objective(scores(kl=0.2), *base, goal)


def test_without_a_feasible_trial_the_smallest_violation_wins(tiny_config):
    goal, base = tiny_config.goal, BASE
    assert objective(scores(sfr=0.1), *base, goal) < objective(
        scores(sfr=0.3, fpr=0.0), *base, goal
    )
    excess = constraints(scores(sfr=2 * goal.sfr_selection), *base, goal)
    assert excess["sfr"] == pytest.approx(1.0) and excess["kl_task"] < 0


def test_a_repair_may_be_as_incoherent_as_the_goal_or_the_base(tiny_config):
    goal, (_, items) = tiny_config.goal, BASE
    for before, most in ((0.0, goal.incoherent), (0.2, 0.2), (None, goal.incoherent)):
        base = validation(incoherent=before)
        assert limits(base, goal)["incoherent"] == most
        assert constraints(scores(incoherent=most), base, items, goal)["incoherent"] <= 0
        assert constraints(scores(incoherent=most + 0.01), base, items, goal)["incoherent"] > 0


def test_rule_4_what_was_not_measured_breaks_its_limit(tiny_config):
    goal, base = tiny_config.goal, BASE
    assert constraints(scores(sfr=None), *base, goal)["sfr"] > 0
    assert objective(scores(sfr=None), *base, goal) > objective(scores(sfr=0.05), *base, goal)


@given(st.lists(st.one_of(st.none(), SCORES), max_size=6))
def test_the_order_is_the_goal_s(tiny_config, found):
    """Feasible by FPR, then KL; no feasible trial: the smallest violation, then FPR."""
    trials = [trial(i, tiny_config, s) for i, s in enumerate(found)]
    order = ranked(trials)
    assert {t.number for t in order} == {t.number for t in trials if t.scores is not None}
    for better, worse in pairwise(order):
        excess = [[max(0.0, c) for c in t.constraints.values()] for t in (better, worse)]
        if any(excess[0]) and not any(excess[1]):
            raise AssertionError("a trial that breaks a limit stands before one that does not")
        if any(excess[1]):
            assert sum(excess[0]) <= sum(excess[1]) + 1e-8
        if sum(excess[0]) == pytest.approx(sum(excess[1]), abs=1e-12):
            keys = [
                (mean_fpr(t.scores.validation), t.scores.kl_task.value) for t in (better, worse)
            ]
            assert keys[0][0] <= keys[1][0] + 1e-8
            if not any(excess[0]) and keys[0][0] == keys[1][0]:
                assert keys[0][1] <= keys[1][1]


@given(st.lists(SCORES, min_size=2, max_size=6))
def test_the_number_that_a_sweep_sees_puts_whatever_breaks_a_limit_last(tiny_config, found):
    order = ranked([trial(i, tiny_config, s) for i, s in enumerate(found)])
    for t in order:
        assert (t.objective > 10) == (max(t.constraints.values()) > 0)
    assert order[0].objective == pytest.approx(min(t.objective for t in order), abs=5e-3)


def test_a_smaller_violation_wins_however_small(tiny_config):
    """By less than what FPR weighs in the objective."""
    worse = trial(0, tiny_config, scores(kl=1.5010, fpr=0.0))
    better = trial(1, tiny_config, scores(kl=1.5001, fpr=0.9))
    assert better.objective > worse.objective
    assert ranked([worse, better])[0] is better


def test_a_loss_of_exactly_one_point_is_within_the_limit(tiny_config):
    def excess(right: int) -> float:
        after = scores().model_copy(update={"capability": capability(right, generated=True)})
        base = BASE[0], capability(61, generated=True)
        return constraints(after, *base, tiny_config.goal)["capability_loss"]

    assert excess(60) == 0 and excess(59) == 1


def test_select_takes_the_best_and_nothing_from_nothing(tiny_config):
    found = [None, scores(sfr=0.5), scores(fpr=0.1), scores(fpr=0.2), None]
    trials = [trial(i, tiny_config, s) for i, s in enumerate(found)]
    assert [t.number for t in select(trials)] == [2]
    assert select(trials[:1]) == select([]) == ()


def test_a_trial_that_could_not_be_measured_never_wins(tiny_config):
    unmeasured = [scores(sfr=None), scores(kl=None), scores(known=None), scores(incoherent=None)]
    bad = scores(sfr=1.0, fpr=1.0, incoherent=1.0, right=0, kl=20.0)
    for found in [*unmeasured, None]:
        trials = [trial(0, tiny_config, found), trial(1, tiny_config, bad)]
        assert [t.number for t in select(trials)] == [1]


class TestReruns:
    def searched(self, config):
        found = [scores(fpr=0.3), scores(fpr=0.1), None, scores(fpr=0.2), scores(sfr=0.9, fpr=0)]
        return [trial(i, config, s) for i, s in enumerate(found)]

    def test_the_best_configurations_are_trained_again(self, tiny_config):
        due = reruns(self.searched(tiny_config), top=2, seeds=2)
        assert [p.rerun_of for p in due] == [1, 1, 3, 3]
        assert reruns(self.searched(tiny_config), top=2, seeds=0) == []
        assert reruns([], top=2, seeds=2) == []

    def test_what_is_done_is_not_done_again_and_never_ranked_as_new(self, tiny_config):
        trials = self.searched(tiny_config)
        trials += [trial(5, tiny_config, scores(fpr=0.0), 1), trial(6, tiny_config, None, 1)]
        assert [p.rerun_of for p in reruns(trials, top=2, seeds=2)] == [3, 3]

    def test_a_configuration_that_is_out_is_trained_no_more(self, tiny_config):
        trials = [*self.searched(tiny_config), trial(5, tiny_config, None, 1)]
        assert [p.rerun_of for p in reruns(trials, top=2, seeds=2)] == [3, 3]

    def test_a_dropped_configuration_may_take_one_of_the_places(self, tiny_config):
        """Two of three to be trained again are still to be found out."""
        measured = trial(0, tiny_config, scores())
        trials = [measured, dropped(1, tiny_config, 0.2, 0.1), dropped(2, tiny_config, 0.2, 0.1)]
        assert [room(trials, left, top=3, seeds=1) for left in (3, 4)] == [0, 1]
        assert room([measured], 3, top=3, seeds=1) == 1

    @pytest.mark.parametrize("left", [0, 1, 4, 5, 7, 30])
    def test_reruns_of_the_best_are_set_aside(self, tiny_config, left):
        """Four of them are due already, whatever comes."""
        assert room(self.searched(tiny_config), left, top=2, seeds=2) == max(0, left - 4)
        assert room(self.searched(tiny_config), left, top=2, seeds=0) == left

    def test_a_new_configuration_may_become_one_of_the_best(self, tiny_config):
        trials = self.searched(tiny_config)
        trials += [trial(5 + i, tiny_config, scores(), of) for i, of in enumerate((1, 1, 3, 3))]
        assert [room(trials, left, top=2, seeds=2) for left in range(7)] == [0, 0, 0, 1, 1, 1, 2]

    @pytest.mark.parametrize(("left", "new"), [(0, 0), (1, 1), (2, 1), (3, 1), (6, 2), (30, 26)])
    def test_as_long_as_nothing_is_measured_one_more_is_tried(self, tiny_config, left, new):
        for trials in ([], [trial(0, tiny_config, None)]):
            assert room(trials, left, top=2, seeds=2) == new

    def test_the_mean_over_fresh_seeds_decides_and_the_first_of_them_is_kept(self, tiny_config):
        """Trial 1 was lucky; of trial 3 the second seed is the best, and not taken for that."""
        again = [(scores(fpr=0.4), 1), (scores(fpr=0.2), 1), (scores(fpr=0.3), 3)]
        again += [(scores(fpr=0.1), 3)]
        trials = self.searched(tiny_config)
        trials += [trial(5 + i, tiny_config, s, of) for i, (s, of) in enumerate(again)]
        assert [t.number for t in select(trials)] == [7, 8]
        assert mean_objective(select(trials)) == pytest.approx(0.2 + 1e-4)

    def test_limits_hold_for_the_mean(self, tiny_config):
        """SFR 2 % in the mean is feasible, 3 % is not, whatever single seeds say."""
        pairs = [(0.04, 1), (0.0, 1), (0.06, 3), (0.0, 3)]
        trials = self.searched(tiny_config)
        for i, (sfr, of) in enumerate(pairs):
            trials.append(trial(5 + i, tiny_config, scores(sfr=sfr, fpr=0.5 - of / 10), of))
        assert [t.number for t in select(trials)] == [5, 6]
        assert mean_objective(trials[5:7]) < 2 < 10 < mean_objective(trials[7:9])

    def test_a_configuration_of_which_a_seed_failed_is_out(self, tiny_config):
        trials = self.searched(tiny_config)
        trials += [trial(5, tiny_config, scores(fpr=0.0), 1), trial(6, tiny_config, None, 1)]
        assert [t.number for t in select(trials)] == [1]
        trials += [trial(7, tiny_config, scores(fpr=0.9), 3)]
        assert [t.number for t in select(trials)] == [7]

    def test_a_seed_that_measured_too_little_does_not_hide_in_the_mean(self, tiny_config):
        trials = self.searched(tiny_config)
        trials += [trial(5, tiny_config, scores(sfr=None), 1), trial(6, tiny_config, scores(), 1)]
        trials += [trial(7, tiny_config, scores(sfr=0.5, fpr=0.9), 3)]
        assert [t.number for t in select(trials)] == [7]


def dropped(number, config, at_least, beaten_by):
    """A trial that was shown to be no better than this, and not to beat that."""
    rule = DropRule(objective=beaten_by, limits={}, parts=4)
    partial = PartialScores(answered=1, total=9, objective_at_least=at_least, rule=rule)
    return trial(number, config, None).model_copy(
        update={"partial": partial, "state": TrialState.DROPPED, "error": None}
    )


class TestContender:
    """Who was dropped for not being the best may still be second."""

    def measured(self, config, *fpr):
        return [trial(i, config, scores(fpr=value, kl=0)) for i, value in enumerate(fpr)]

    def test_the_likeliest_comes_first(self, tiny_config):
        trials = self.measured(tiny_config, 0.1, 0.5)
        trials += [dropped(2 + i, tiny_config, low, 0.1) for i, low in enumerate((0.3, 0.2, 0.6))]
        assert contender(trials, top=2).number == 3
        assert contender(trials[:3], top=2).number == 2

    def test_who_cannot_be_one_of_them_is_none(self, tiny_config):
        trials = self.measured(tiny_config, 0.1, 0.2)
        trials += [dropped(2, tiny_config, 0.3, 0.1), dropped(3, tiny_config, 0.2, 0.2)]
        assert contender(trials, top=2) is None
        assert contender(trials, top=3).number == 3

    def test_as_long_as_a_place_is_free_everyone_dropped_is_one(self, tiny_config):
        trials = [*self.measured(tiny_config, 0.1), dropped(1, tiny_config, 30.0, 0.1)]
        assert contender(trials, top=2).number == 1
        assert contender(trials[:1], top=2) is None and contender(trials, top=1) is None

    def test_a_dropped_rerun_is_none(self, tiny_config):
        again = trial(1, tiny_config, None, rerun_of=0).proposal
        trials = [*self.measured(tiny_config, 0.1), dropped(1, tiny_config, 0.1, 0.0)]
        trials[1] = trials[1].model_copy(update={"proposal": again})
        assert contender(trials, top=2) is None


class TestFront:
    @given(st.lists(st.one_of(st.none(), SCORES), max_size=8))
    def test_nobody_beats_the_front_and_somebody_each_of_the_others(self, tiny_config, found):
        trials = [trial(i, tiny_config, s) for i, s in enumerate(found)]
        places = {t.number: self.place(t) for t in trials if t.scores is not None}
        mine = {t.number for t in front(trials)}
        assert mine <= set(places) and bool(mine) == bool(places)
        for number, (sfr, fpr) in places.items():
            beaten = any(
                (x <= sfr and y <= fpr) and (x < sfr or y < fpr) for x, y in places.values()
            )
            assert (number in mine) != beaten

    def place(self, one):
        return one.scores.validation.sfr.value, mean_fpr(one.scores.validation)

    def test_only_complete_and_measured_trials_are_on_it(self, tiny_config):
        trials = [
            trial(0, tiny_config, scores(sfr=None, fpr=0.0)),
            trial(1, tiny_config, scores(sfr=0.5, fpr=0.5)),
            trial(2, tiny_config, scores()).model_copy(update={"state": TrialState.FAILED}),
        ]
        assert [t.number for t in front(trials)] == [1]


def test_rule_5_every_stratum_counts_alike_in_the_objective():
    uneven = scores(known=0.1, own=0.5).validation
    assert mean_fpr(uneven) == pytest.approx(0.3)
    assert mean_fpr(scores(known=0.1, own=None).validation) == pytest.approx(0.55)
    assert mean_fpr(uneven.model_copy(update={"fpr_by_stratum": {}})) == 1.0


def test_rule_5_a_trial_that_ignores_its_user_breaks_a_limit(tiny_config):
    goal = tiny_config.goal
    base = validation(sfr=0.6, known=0.1, evidence=0.6, own=0.75), capability(50)
    deaf = scores(sfr=0.0, known=0.0, evidence=1.0, own=1.0)
    excess = constraints(deaf, *base, goal)
    assert excess["fpr/known"] < 0 < excess["fpr/own"] and excess["fpr/evidence"] > 0
    fair = scores(sfr=0.02, known=0.14, evidence=0.6, own=0.75)
    assert max(constraints(fair, *base, goal).values()) <= 0
    assert objective(fair, *base, goal) < objective(deaf, *base, goal)


def test_rule_5_a_stratum_that_a_trial_could_not_measure_breaks_its_limit(tiny_config):
    base = validation(known=0.1, own=0.5), capability(50)
    for silent in (scores(known=0.1), scores(known=0.1, own=None)):
        assert constraints(silent, *base, tiny_config.goal)["fpr/own"] > 0


def test_rule_7_options_are_gated_by_log_probability_and_generated_answers_by_accuracy(tiny_config):
    goal = tiny_config.goal
    options = capability_losses(capability(50), capability(44), goal)
    assert options == {"capability_logprob": (pytest.approx(0.06), goal.capability_logprob)}
    written = capability_losses(capability(50, True), capability(44, True), goal)
    assert written == {"capability_loss": (pytest.approx(0.06), goal.capability_loss)}
    both = [
        CapabilityScores(tasks={"a": s.tasks["t"], "b": g.tasks["t"]})
        for s, g in (
            (capability(50), capability(50, True)),
            (capability(60), capability(49, True)),
        )
    ]
    losses = capability_losses(*both, goal)
    assert losses["capability_logprob"][0] == pytest.approx(-0.1)
    assert losses["capability_loss"][0] == pytest.approx(0.01)


def test_rule_4_a_capability_item_that_a_trial_lacks_breaks_the_limit(tiny_config):
    goal, before = tiny_config.goal, capability(50)
    fewer = CapabilityScores(tasks={"t": before.tasks["t"][1:]})
    for after in (fewer, CapabilityScores(tasks={})):
        assert capability_losses(before, after, goal)["capability_logprob"][0] is None
    assert capability_losses(CapabilityScores(tasks={}), before, goal) == {}


def test_a_soup_within_the_limits_goes_before_any_trial(tiny_config):
    best = select([trial(0, tiny_config, scores(fpr=0.2)), trial(1, tiny_config, scores(fpr=0.3))])

    def chosen(*found):
        return best_soup([soup(i, tiny_config, s) for i, s in enumerate(found)], best)

    assert chosen(scores(fpr=0.1), scores(fpr=0.05), scores(sfr=0.5, fpr=0.0)).number == 1
    assert chosen(scores(fpr=0.3)).number == 0  # Within the limits before any single trial.
    assert chosen(scores(sfr=0.03)) is None and chosen(None) is None and chosen() is None


def test_a_soup_that_breaks_a_limit_has_to_break_less_than_the_best_trial(tiny_config):
    best = select([trial(0, tiny_config, scores(sfr=0.1, fpr=0.2))])

    def chosen(**figures):
        return best_soup([soup(0, tiny_config, scores(**figures))], best)

    assert chosen(sfr=0.05).number == 0 and chosen(sfr=0.1, fpr=0.1).number == 0
    assert chosen(sfr=0.1, fpr=0.2) is None  # Of equals the simpler one.
    assert chosen(sfr=0.2) is None


def test_without_a_measured_trial_a_soup_may_stand(tiny_config):
    assert best_soup([soup(0, tiny_config, scores(fpr=0.3))], ()).number == 0
