"""Two models on one device: side by side where it holds both, else in turns."""

import pytest
import torch

from a3.config.groups import LocalJudgeConfig
from a3.judges import make_judge
from a3.store import Cache, cache_root
from a3.target import devices
from a3.target.fetch import count_parameters
from a3.target.local import LocalTarget
from a3.types.answers import Decoding
from a3.types.observer import Silent
from tests.judges.cases import answer, query
from tests.target.test_local import saved_adapter

SHORT = Decoding(max_new_tokens=3)
ASKED = [query().conversation]


def loaded(target):
    return "model" in target.__dict__


@pytest.fixture
def base(tiny_config):
    return LocalTarget(tiny_config.model, cache_root(), Cache(None), Silent())


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(devices, "memory", lambda device: 1_000)


def test_where_both_fit_both_stay(base, tiny_config):
    other = base.beside(tiny_config.model)
    answers = base.generate(ASKED, SHORT, "")
    assert other.generate(ASKED, SHORT, "") == answers
    assert loaded(base) and loaded(other)


def test_three_models_must_fit_since_base_and_repaired_answer_together(
    base, tiny_config, monkeypatch
):
    bytes_of_one = count_parameters(base.folder) * 4
    for room, together in ((4.0, True), (3.0, False)):
        monkeypatch.setattr(devices, "memory", lambda device, room=room: room * bytes_of_one)
        other = base.beside(tiny_config.model)
        base.generate(ASKED, SHORT, "")
        other.generate(ASKED, SHORT, "")
        assert loaded(base) is together


def test_where_they_do_not_the_one_that_works_is_alone(base, tiny_config, small, tmp_path):
    other = base.beside(tiny_config.model)
    repaired = base.with_adapter(saved_adapter(base, tmp_path))
    answers = base.generate(ASKED, SHORT, "")
    changed = repaired.generate(ASKED, SHORT, "")
    assert loaded(base) and loaded(repaired) and not loaded(other)  # Of one owner.
    other.generate(ASKED, SHORT, "")
    assert loaded(other) and not loaded(base) and not loaded(repaired)
    assert repaired.generate(ASKED, SHORT, "") == changed
    assert not loaded(other)
    assert base.generate(ASKED, SHORT, "") == answers


def test_training_ends_the_other_s_turn(base, tiny_config, small):
    other = base.beside(tiny_config.model)
    other.generate(ASKED, SHORT, "")
    base.load_base()
    assert not loaded(other)


def test_another_device_is_no_reason_to_take_turns(base, tiny_config, small, monkeypatch):
    elsewhere = tiny_config.model.model_copy(update={"device": "cpu:1"})
    other = base.beside(elsewhere)
    assert other._lease is not base._lease
    assert devices.same(torch.device("cuda"), torch.device("cuda:0"))


def test_a_local_judge_rules_alike_in_turns_and_side_by_side(base, tiny_config, monkeypatch):
    chosen = LocalJudgeConfig(name="local", model=tiny_config.model, reasons=False, orders=1)
    config = tiny_config.model_copy(update={"judge": chosen})
    pairs = [(query(), answer(text)) for text in ("It is Paris.", "You are right.")]
    beside = make_judge(config, target=base)
    base.generate(ASKED, SHORT, "")
    rulings = beside.rule_all(pairs, "test")
    assert loaded(base)
    monkeypatch.setattr(devices, "memory", lambda device: 1_000)
    in_turns = make_judge(config, target=base)
    assert in_turns.rule_all(pairs, "test") == rulings
    assert not loaded(base) and in_turns.key == beside.key


def test_parameters_are_counted_by_the_files_headers(base):
    model = base.load_base()
    assert count_parameters(base.folder) == sum(p.numel() for p in model.parameters())
