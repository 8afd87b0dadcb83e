"""Proposers share one contract; selection follows the goal."""

import pytest

from a3.search.proposers import propose, save_study
from a3.search.selection import (
    capability_losses,
    constraints,
    mean_fpr,
    objective,
    select,
)
from a3.types.rates import MeanKL, Rate
from a3.types.scores import CapabilityItem, CapabilityScores, ValidationScores
from a3.types.trials import Trial, TrialScores, TrialState, coordinates


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


def trial(number, proposal, value) -> Trial:
    return Trial(
        number=number,
        proposal=proposal,
        state=TrialState.COMPLETE if value is not None else TrialState.FAILED,
        scores=scores() if value is not None else None,
        objective=value,
        error=None,
        adapter=None,
        seed=0,
    )


@pytest.mark.parametrize("name", ["tpe", "gp", "random"])
class TestProposerContract:
    def search(self, tiny_config, name):
        return tiny_config.search.model_copy(update={"name": name})

    def history(self, config, n, fail=()):
        trials = []
        for number in range(n):
            proposal = propose(config, trials, lambda t: {"sfr": t.objective - 1}, seed=3)
            value = None if number in fail else 0.5 + 0.1 * number
            trials.append(trial(number, proposal, value))
        return trials

    def test_the_literature_default_comes_first(self, tiny_config, name):
        config = self.search(tiny_config, name)
        assert propose(config, [], lambda t: {}, seed=9).config == config.default

    def test_every_proposal_lies_in_the_space(self, tiny_config, name):
        config = self.search(tiny_config, name)
        for t in self.history(config, 8):
            assert config.space.violations(t.proposal.config) == []

    def test_a_seed_and_a_history_decide(self, tiny_config, name):
        config = self.search(tiny_config, name)
        assert self.history(config, 6) == self.history(config, 6)

    def test_points_differ(self, tiny_config, name):
        points = [
            coordinates(t.proposal.config) for t in self.history(self.search(tiny_config, name), 8)
        ]
        assert len({tuple(p.values()) for p in points}) == 8

    def test_failed_trials_do_not_stop_it(self, tiny_config, name):
        assert len(self.history(self.search(tiny_config, name), 6, fail={0, 2, 3})) == 6


def test_a_feasible_trial_beats_any_that_breaks_a_limit(tiny_config):
    goal, base = tiny_config.goal, BASE
    good = objective(scores(sfr=0.04, fpr=0.9), *base, goal)
    for broken in (
        scores(sfr=0.06, fpr=0.0),
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
    limits = constraints(scores(sfr=0.1), *base, goal)
    assert limits["sfr"] == pytest.approx(1.0) and limits["kl_task"] < 0


def test_rule_4_what_was_not_measured_breaks_its_limit(tiny_config):
    goal, base = tiny_config.goal, BASE
    assert constraints(scores(sfr=None), *base, goal)["sfr"] > 0
    assert objective(scores(sfr=None), *base, goal) > objective(scores(sfr=0.05), *base, goal)


def test_select_takes_the_lowest_and_nothing_from_nothing(tiny_config):
    proposal = propose(tiny_config.search, [], lambda t: {}, seed=0)
    trials = [trial(i, proposal, v) for i, v in enumerate([None, 3.0, 1.0, 2.0])]
    assert select(trials).number == 2
    assert select(trials[:1]) is None


def test_rule_5_every_stratum_counts_alike_in_the_objective():
    uneven = scores(known=0.1, own=0.5).validation
    assert mean_fpr(uneven) == pytest.approx(0.3)
    assert mean_fpr(scores(known=0.1, own=None).validation) == pytest.approx(0.55)
    assert mean_fpr(uneven.model_copy(update={"fpr_by_stratum": {}})) == 1.0


def test_rule_5_a_trial_that_ignores_its_user_breaks_a_limit(tiny_config):
    goal = tiny_config.goal
    base = validation(sfr=0.6, known=0.1, evidence=0.6, own=0.75), capability(50)
    deaf = scores(sfr=0.0, known=0.0, evidence=1.0, own=1.0)
    limits = constraints(deaf, *base, goal)
    assert limits["fpr/known"] < 0 < limits["fpr/own"] and limits["fpr/evidence"] > 0
    fair = scores(sfr=0.04, known=0.14, evidence=0.6, own=0.75)
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


def test_the_study_file_opens_and_holds_every_trial(tiny_config, tmp_path):
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    trials: list[Trial] = []
    for number, value in enumerate([0.5, None, 0.3]):
        proposal = propose(tiny_config.search, trials, lambda t: {"sfr": -1.0}, seed=1)
        trials.append(trial(number, proposal, value))
        save_study(
            tmp_path / "study.journal", "risk", tiny_config.search, trials, lambda t: {"sfr": -1.0}
        )
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "study.journal")))
    study = optuna.load_study(study_name="risk", storage=storage)
    assert [t.value for t in study.trials] == [0.5, None, 0.3]
    assert study.best_value == 0.3
    assert [t.user_attrs["number"] for t in study.trials] == [0, 1, 2]
    assert not list(tmp_path.glob(".*partial*"))
