"""A run on another run's explore and split."""

import json

import pytest

from a3.config import dump
from a3.errors import ConfigError, StoreError
from a3.experiment_log import read_log
from a3.types.events import StageStarted
from benchmarks.fork import TAKEN, fork, main
from tests.conftest import compose

ASKED = ["model=tiny", "budget=smoke", "seed=5"]


@pytest.fixture
def baselined(tmp_path):
    """A run folder that has come as far as its baseline."""
    run = tmp_path / "run"
    for name in TAKEN:
        path = run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(name))
    (run / "config.json").write_text(json.dumps(dump(compose(*ASKED))))
    (run / "overrides.json").write_text(json.dumps(ASKED))
    return run


def test_a_fork_takes_over_what_comes_before_repair_and_changes_what_comes_after(
    baselined, tmp_path
):
    to = tmp_path / "fork"
    changes = ["respond=template", "search.default.epochs=4", "budget.trials=3", "method=none"]
    config, overrides = fork(baselined, to, changes)
    assert overrides == ASKED + changes
    assert (config.seed, config.respond.source, config.budget.trials) == (5, "template", 3)
    assert (config.search.default.epochs, config.method.name) == (4, "none")
    for name in TAKEN:
        assert json.loads((to / name).read_text()) == name


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ("seed=6", "seed"),
        ("budget.facts=99", "budget"),
        ("budget=quick", "budget"),
        ("respond.cross=[own]", "respond"),
        ("explore.reserve=0.45", "explore"),
        ("model.max_new_tokens=9", "model"),
    ],
)
def test_what_a_shared_stage_reads_stays(baselined, tmp_path, change, names):
    with pytest.raises(ConfigError, match=rf"\b{names}\b"):
        fork(baselined, tmp_path / "fork", [change])
    assert not (tmp_path / "fork").exists()


def test_an_unfinished_run_and_a_taken_folder_are_refused(baselined, tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(StoreError, match="folder of its own"):
        fork(baselined, tmp_path / "taken", [])
    (baselined / "stages/split.json").unlink()
    with pytest.raises(StoreError, match="no split in"):
        fork(baselined, tmp_path / "fork", [])


@pytest.mark.slow
def test_a_fork_repairs_and_evaluates_on_the_same_split(tmp_path, monkeypatch):
    from a3.store import cache_root
    from tests.runs import run

    folder, to = tmp_path / "run", tmp_path / "fork"
    assert run(compose(*ASKED, "budget.trials=1"), folder, cache_root()) == 0
    (folder / "overrides.json").write_text(json.dumps([*ASKED, "budget.trials=1"]))
    monkeypatch.setattr("sys.argv", ["fork", str(folder), str(to), "method=none"])
    main()
    begun = [e.stage for e in read_log(to / "log.jsonl") if isinstance(e, StageStarted)]
    assert begun == ["repair", "evaluate"]
    mine, theirs = (json.loads((f / "result.json").read_text()) for f in (to, folder))
    assert mine["base"]["confirm"] == theirs["base"]["confirm"]
    assert mine["repaired"]["confirm"] == mine["base"]["confirm"]
