"""A run killed anywhere and resumed is the same run."""

import html
import json
import shutil

import pytest

from a3.store import read_lines
from tests.conftest import compose
from tests.runs import KillWhen, fresh_cache, result, run

pytestmark = pytest.mark.slow

PLACES = [
    ("explore, first answers", KillWhen("a3.target.local", "decode", 1)),
    ("explore, third round", KillWhen("a3.target.local", "decode", 4)),
    ("explore is made but not saved", KillWhen("a3.store.run_folder", "write_atomic", 1)),
    ("split", KillWhen("a3.pipeline", "split", 1)),
    ("baseline", KillWhen("a3.pipeline", "capability", 1)),
    ("respond", KillWhen("a3.methods.a3", "respond", 1)),
    ("training, fifth step", KillWhen("a3.training.backward", "labelled_loss", 5)),
    ("adapter is trained but not in the cache", KillWhen("pathlib", "Path.rename", 1)),
    ("adapter is in the cache but not in the run", KillWhen("pathlib", "Path.rename", 2)),
    ("second trial measured on validation", KillWhen("a3.executor.local", "validate", 2)),
    ("trial is finished but not saved", KillWhen("a3.methods.trial", "objective", 1)),
    ("evaluate, repaired on ood", KillWhen("a3.evaluate", "answer_and_judge", 4)),
    ("evaluate, KL", KillWhen("a3.evaluate", "kl", 2)),
    ("result.json", KillWhen("a3.report.finish", "save", 1)),
]


@pytest.fixture(scope="module")
def config():
    return compose("model=tiny", "budget=smoke", "budget.trials=2", "seed=3")


@pytest.fixture(scope="module")
def undisturbed(config, tmp_path_factory):
    """One run from start to end, with everything it generated."""
    base = tmp_path_factory.mktemp("undisturbed")
    assert run(config, base / "run", fresh_cache(base / "cache")) == 0
    return base / "run"


@pytest.mark.parametrize(("place", "kill"), PLACES, ids=[p for p, _ in PLACES])
def test_killed_and_resumed(config, undisturbed, tmp_path, place, kill):
    cache, folder = fresh_cache(tmp_path / "cache"), tmp_path / "run"
    assert run(config, folder, cache, hook=kill) == -9, place
    assert not (folder / "result.json").exists()
    before = {p: p.read_bytes() for p in (folder / "stages").rglob("*.json")}
    assert run(config, folder, cache, resumed=True) == 0
    assert result(folder) == result(undisturbed)
    # What was finished stays as it was, to the byte.
    assert all(path.read_bytes() == text for path, text in before.items())
    # Nothing is paid for twice beyond the batch in flight.
    spent, needed = (json.loads((f / "cost.json").read_text()) for f in (folder, undisturbed))
    assert spent["generated_tokens"] <= needed["generated_tokens"]
    # No second, empty folder; every line of the log is whole.
    assert [p.name for p in tmp_path.iterdir() if p.is_dir() and p.name.startswith("run")] == [
        "run"
    ]
    assert all(json.loads(line) for line in read_lines(folder / "log.jsonl"))


def test_a_warm_run_generates_and_trains_nothing(config, undisturbed, tmp_path):
    cache = undisturbed.parent / "cache"
    assert run(config, tmp_path / "run", cache) == 0
    assert result(tmp_path / "run") == result(undisturbed)
    cost = json.loads((tmp_path / "run/cost.json").read_text())
    assert cost["generated_tokens"] == 0 and cost["cached_answers"] > 0
    assert cost["trained_tokens"] == 0 and cost["cached_trials"] == 2
    spent = json.loads((undisturbed / "cost.json").read_text())
    assert spent["trained_tokens"] > 0 and spent["cached_trials"] == 0


def test_a_run_resumed_under_other_code_says_under_which_it_was_before(
    config, undisturbed, tmp_path
):
    folder = tmp_path / "run"
    shutil.copytree(undisturbed, folder)
    (line,) = read_lines(folder / "provenance.jsonl")
    earlier = {**json.loads(line), "commit": "earlier"}
    (folder / "provenance.jsonl").write_text(json.dumps(earlier) + "\n")
    assert run(config, folder, undisturbed.parent / "cache", resumed=True) == 0
    found = json.loads((folder / "result.json").read_text())
    assert found["provenance"] == json.loads(line) and found["earlier"] == [earlier]
    for name in ("result.md", "report.html"):
        assert "under other code or versions (1 before" in (folder / name).read_text()
        assert "under other code" not in (undisturbed / name).read_text()


def test_every_trial_is_told_in_the_run_folder(undisturbed):
    trials = [json.loads(line) for line in read_lines(undisturbed / "trials.jsonl")]
    found = json.loads((undisturbed / "result.json").read_text())
    assert [t["number"] for t in trials] == [t["number"] for t in found["trials"]] == [0, 1]
    kept = {t["number"] for t in found["trials"] if t["front"]} | {found["best_trial"]} - {None}
    assert {int(p.name) for p in (undisturbed / "adapters/trial").iterdir()} == kept
    assert {t["number"] for t in trials if t["adapter"]} == kept
    assert [s["scale"] for s in found["soups"]] == [1.0, 1.4]
    assert all(s["trials"] == [0, 1] for s in found["soups"])
    assert all(s["dropped"] is (s["sfr"] is None) for s in found["soups"])
    for trial in trials:
        assert trial["losses"] and trial["seconds"]["train"] > 0
        if trial["state"] == "dropped":
            assert trial["partial"]["answered"] < trial["partial"]["total"]
        else:
            assert trial["scores"]["validation"]["by_hypothesis"]
    page = (undisturbed / "report.html").read_text()
    assert "<h2>Trials</h2>" in page and "SFR and mean FPR of every trial" in page


def test_what_was_learned_from_is_shown_with_the_result(undisturbed):
    examples = json.loads((undisturbed / "stages/respond.json").read_text())["examples"]
    found = json.loads((undisturbed / "result.json").read_text())["learned"]
    assert sum(row["n"] for row in found) == len(examples) > 0
    assert {row["stratum"] for row in found} == {e["stratum"] for e in examples}
    page = (undisturbed / "report.html").read_text()
    assert "<h2>What it learned from</h2>" in page
    assert all(html.escape(row["answer"]) in page for row in found)
    assert "| learned from |" in (undisturbed / "result.md").read_text()
