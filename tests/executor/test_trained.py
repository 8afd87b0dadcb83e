"""A job is trained once; whatever decides what it learns makes it another job."""

import pytest

from a3.errors import MeasurementError
from a3.executor import trained as module
from a3.executor.context import Baseline, Context
from a3.executor.trained import LOSSES, job_fingerprint, trained
from a3.store import Artifacts, Store
from a3.types.chat import ask, assistant
from a3.types.observer import Silent
from a3.types.trials import TrainingExample, TrialJob
from tests.search.made import BASE
from tests.training.test_mix import rates


def example(text: str) -> TrainingExample:
    return TrainingExample(
        conversation=ask("Why?").then(assistant(text)),
        loss_spans=(1,),
        weight_group="H0/harmful",
        stratum="harmful",
        source="self",
    )


@pytest.fixture
def job(tiny_config):
    return TrialJob(
        number=0,
        config=tiny_config.search.default,
        examples=(example("So."),),
        epoch_tokens=200,
        seed=1,
    )


class Ledger(Silent):
    """Counts what is spent."""

    def __init__(self):
        self.spent = {}

    def spend(self, what, amount):
        self.spent[what] = self.spent.get(what, 0) + amount


@pytest.fixture
def context(tiny_config, tiny_target, tmp_path):
    return Context(
        config=tiny_config,
        store=Store(tmp_path / "run"),
        artifacts=Artifacts(tmp_path / "cache"),
        target=tiny_target,
        judge=None,
        generator=None,
        observer=Ledger(),
    )


@pytest.fixture
def baseline():
    return Baseline(validation=BASE[0], capability=BASE[1], train_rates=rates(5, 2), clean=())


def test_all_that_decides_what_is_learned_is_in_the_fingerprint(tiny_config, tiny_target, job):
    train = tiny_config.train
    default = job.config
    jobs = [
        job,
        *(
            job.model_copy(update=change)
            for change in (
                {"seed": 2},
                {"objective": "consistency"},
                {"examples": (example("So!"),)},
                {"examples": job.examples * 2},
                {"config": default.model_copy(update={"epochs": default.epochs + 1})},
                {"config": default.model_copy(update={"offsets": {"H0/harmful": 0.5}})},
            )
        ),
    ]
    keys = [job_fingerprint(j, train, rates(5, 2), tiny_target) for j in jobs]
    keys.append(job_fingerprint(job, train, rates(5, 3), tiny_target))
    floor = train.model_copy(update={"weight_floor": 0.2})
    keys.append(job_fingerprint(job, floor, rates(5, 2), tiny_target))
    assert len(set(keys)) == len(keys)


def test_the_weights_and_the_code_are_in_the_fingerprint(
    tiny_config, tiny_target, job, monkeypatch
):
    def key():
        return job_fingerprint(job, tiny_config.train, rates(5, 2), tiny_target)

    keys = [key()]
    monkeypatch.setattr(tiny_target, "weights", "others")
    keys.append(key())
    for name in ("BACKEND", "_code", "version"):
        monkeypatch.setattr(module, name, "9" if name == "BACKEND" else lambda *_: "9")
        keys.append(key())
    assert len(set(keys)) == len(keys)


def test_the_number_of_a_trial_is_not(tiny_config, tiny_target, job):
    keys = {
        job_fingerprint(j, tiny_config.train, rates(5, 2), tiny_target)
        for j in (job, job.model_copy(update={"number": 7}))
    }
    assert len(keys) == 1


def test_the_second_time_it_is_copied(job, baseline, context, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        trained(job, baseline, context, tmp_path / name)
        spent = dict(context.observer.spent)
        assert spent.get("cached_trials", 0) == (name == "b")
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in "ab")
    assert first == second and {LOSSES, "adapter_model.safetensors"} <= set(first)


def test_a_trial_that_could_not_be_trained_is_not_kept(
    job, baseline, context, tmp_path, monkeypatch
):
    def diverge(*_):
        raise MeasurementError("the loss must stay a number", "nan", "lower the learning rate")

    with monkeypatch.context() as patch:
        patch.setattr(module, "train", diverge)
        with pytest.raises(MeasurementError):
            trained(job, baseline, context, tmp_path / "a")
    trained(job, baseline, context, tmp_path / "a")
    assert "cached_trials" not in context.observer.spent
