"""The files of a search open, and say what happened."""

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from a3.search.proposers import propose
from a3.search.records import save_study, save_trials
from a3.search.selection import aim
from a3.store import read_lines
from a3.types.trials import Trial, coordinates
from tests.search.made import proposed, scores, trial

FOUND = [scores(sfr=0.02, fpr=0.3), None, scores(sfr=0.5, fpr=0.1), scores(kl=None)]


@pytest.fixture(scope="module")
def trials(tiny_config):
    """Two batches with a failed and a hardly measured trial, then a rerun."""
    found = []
    for start in (0, 2):
        for proposal in propose(tiny_config.search, found, 1, n=2):
            found.append(proposed(len(found), tiny_config, proposal, FOUND[len(found)]))
        assert len(found) == start + 2
    return [*found, trial(4, tiny_config, scores(fpr=0.2), rerun_of=0, losses=(2.0, 1.0))]


@pytest.fixture(scope="module")
def study(trials, tiny_config, tmp_path_factory):
    """The study as whoever opens the file sees it, in the middle of a batch."""
    path = tmp_path_factory.mktemp("run") / "study.journal"
    pending = propose(tiny_config.search, trials, 1, n=2)
    for n in (1, 3, 5):  # Written anew each time.
        save_study(path, "risk", tiny_config.search, trials[:n], pending)
    assert [p.name for p in path.parent.iterdir()] == ["study.journal"]
    storage = JournalStorage(JournalFileBackend(str(path)))
    return optuna.load_study(study_name="risk", storage=storage), pending


def test_every_trial_is_there_in_its_state(study, trials):
    states = [t.state for t in study[0].trials]
    done, failed, running = TrialState.COMPLETE, TrialState.FAIL, TrialState.RUNNING
    assert states == [done, failed, done, done, done, running, running]
    assert [t.user_attrs.get("number") for t in study[0].trials] == [0, 1, 2, 3, 4, None, None]
    assert study[0].trials[1].user_attrs["error"] == "the loss is no number"


def test_points_values_and_constraints_are_the_trials_own(study, trials):
    for mine, theirs in zip(trials, study[0].trials, strict=False):
        assert theirs.params == pytest.approx(coordinates(mine.proposal.config))
        assert theirs.value == (None if mine.scores is None else pytest.approx(aim(mine.scores)))
        if mine.scores is not None:
            assert theirs.constraints == pytest.approx(mine.constraints)
    for proposal, theirs in zip(study[1], study[0].trials[5:], strict=True):
        assert theirs.params == pytest.approx(coordinates(proposal.config))


def test_the_best_trial_keeps_the_limits(study):
    """Trial 2 has the lowest FPR of all and breaks the limit of SFR, trial 3 was not measured."""
    assert study[0].best_trial.user_attrs["number"] == 4
    assert study[0].best_value == pytest.approx(0.2 + 1e-4)


def test_what_a_person_wants_to_know_stands_beside_the_value(study):
    first, _, _, half, again, *_ = study[0].trials
    assert first.user_attrs["sfr"] == 0.02 and first.user_attrs["fpr/known"] == 0.3
    assert first.user_attrs["rationale"].startswith("The literature default")
    assert "kl_task" not in half.user_attrs and "rerun_of" not in first.user_attrs
    assert again.user_attrs["rerun_of"] == 0
    assert again.intermediate_values == {0: 2.0, 1: 1.0}  # The loss of each epoch.


def test_trials_are_kept_one_a_line_with_everything(trials, tmp_path):
    save_trials(tmp_path / "trials.jsonl", trials)
    lines = read_lines(tmp_path / "trials.jsonl")
    assert [Trial.model_validate_json(line) for line in lines] == trials
