"""What a trial has to beat, and what samplers make of a drop."""

import pytest

from a3.search.drop_rule import drop_rule
from a3.search.proposers import make_study, propose
from a3.search.records import save_study
from a3.search.selection import select
from a3.types.trials import (
    INFEASIBLE,
    DropRule,
    PartialScores,
    Proposal,
    Trial,
    TrialState,
    coordinates,
)
from tests.search.made import scores

RULE = DropRule(objective=0.4, limits={"sfr": 0.05}, parts=4)


def trial(number, config, value=None, state=TrialState.COMPLETE, at_least=None) -> Trial:
    partial = None
    if at_least is not None:
        state = TrialState.DROPPED
        partial = PartialScores(answered=5, total=20, objective_at_least=at_least, rule=RULE)
    return Trial(
        number=number,
        proposal=Proposal(config=config, rationale="-"),
        state=state,
        scores=None if value is None else scores(fpr=value % 10),
        objective=value,
        constraints={} if value is None else {"sfr": 1.0 if value > INFEASIBLE else -1.0},
        error=None,
        adapter=None,
        seed=0,
        partial=partial,
    )


@pytest.fixture
def search(tiny_config):
    return tiny_config.search


def test_rule_8_the_incumbent_is_the_best_measured_trial(search):
    trials = [
        trial(0, search.default, 0.5),
        trial(1, search.default, 0.4),
        trial(2, search.default, state=TrialState.FAILED),
        trial(3, search.default, at_least=0.45),
    ]
    rule = drop_rule(search, trials, {"sfr": 0.05})
    assert rule.objective == pytest.approx(0.4, abs=1e-3) and rule.fpr == pytest.approx(0.4)
    assert rule.limits == {"sfr": 0.05} and rule.parts == search.drop_parts and not rule.beside
    assert drop_rule(search, trials, {}, place=2).fpr == pytest.approx(0.5)


def test_rule_8_a_rerun_has_to_beat_the_mean_of_another_configuration_s_seeds(search):
    """And does so by its own configuration's mean; until one is whole nothing is dropped."""
    search = search.model_copy(update={"rerun_seeds": 2})
    trials = [trial(0, search.default, 0.5), trial(1, search.default, 0.4)]
    for value, of in ((0.3, 1), (0.5, 1), (0.2, 0)):
        assert drop_rule(search, trials, {}, rerun_of=1) is None
        again = Proposal(config=search.default, rationale="-", rerun_of=of)
        one = trial(len(trials), search.default, value)
        trials.append(one.model_copy(update={"proposal": again}))
    first = drop_rule(search, trials[:4], {"sfr": 0.05}, rerun_of=0)
    assert first.fpr == pytest.approx(0.4) and first.beside == ({},)
    second = drop_rule(search, trials, {"sfr": 0.05}, rerun_of=0)
    assert second.fpr == pytest.approx(0.4)
    assert second.beside == ({"sfr": 0.0, "incoherent": 0.0, "fpr/known": 0.2},)


def test_rule_8_nothing_is_dropped_without_an_incumbent_or_when_it_is_off(search):
    measured = [trial(0, search.default, 0.5)]
    assert drop_rule(search, [], {}) is None
    assert drop_rule(search, [trial(0, search.default, at_least=1.0)], {}) is None
    assert drop_rule(search, measured, {}, place=2) is None
    assert drop_rule(search.model_copy(update={"drop_parts": 1}), measured, {}) is None


def test_rule_8_a_dropped_trial_is_never_selected(search):
    trials = [trial(0, search.default, at_least=0.1), trial(1, search.default, 12.0)]
    assert [t.number for t in select(trials)] == [1]
    assert not select(trials[:1])


def history(search, n, at_least):
    """All but the first are dropped; the first broke its limits."""
    trials = [trial(0, search.default, 11.0)]
    while len(trials) < n:
        point = propose(search, trials, seed=5)[0].config
        trials.append(trial(len(trials), point, at_least=at_least))
    return trials


@pytest.mark.parametrize("name", ["tpe", "random"])
@pytest.mark.parametrize("at_least", [0.5, 12.0])
def test_proposers_go_elsewhere_after_a_drop(search, name, at_least):
    search = search.model_copy(update={"name": name})
    points = [tuple(coordinates(t.proposal.config).values()) for t in history(search, 9, at_least)]
    assert len(set(points)) == 9


@pytest.mark.parametrize("at_least", [0.6, 10.5])
def test_a_sampler_takes_no_dropped_trial_for_better_than_a_measured_one(search, at_least):
    """Of how bad it is only a lower bound is known."""
    measured = trial(0, search.default, 14.0)
    study = make_study(search, [measured, trial(1, search.default, at_least=at_least)], (), 0)
    (dropped,) = study.trials[1].constraints.values()
    assert dropped > sum(measured.constraints.values()) > 0


def test_the_gaussian_process_does_not_ask_for_a_dropped_point_again(search):
    search = search.model_copy(update={"name": "gp"})
    trials = []
    for number in range(4):
        point = propose(search, trials, seed=1)[0].config
        trials.append(trial(number, point, 0.5 + 0.1 * number))
    points = []
    for number in (4, 5):
        points.append(propose(search, trials, seed=1)[0].config)
        trials.append(trial(number, points[-1], at_least=0.6))
    shares = [
        [v / search.space.dimensions[d].high for d, v in coordinates(p).items()] for p in points
    ]
    assert max(abs(a - b) for a, b in zip(*shares, strict=True)) > 0.05


def test_rule_8_the_study_calls_it_pruned_and_holds_no_value(search, tmp_path):
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    for name in ("tpe", "gp"):
        path = tmp_path / f"{name}.journal"
        trials = [trial(0, search.default, 11.0), trial(1, search.default, at_least=12.5)]
        config = search.model_copy(update={"name": name})
        save_study(path, "risk", config, trials, [])
        study = optuna.load_study(
            study_name="risk", storage=JournalStorage(JournalFileBackend(str(path)))
        )
        assert study.trials[1].state is optuna.trial.TrialState.PRUNED
        assert study.trials[1].value is None
        # Without this Optuna would take it for better than all that break a limit.
        assert study.trials[1].constraints == {"dropped": 2.5}
