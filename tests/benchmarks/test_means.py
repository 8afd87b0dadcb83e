"""What the mean of a run's adapters does on the run's own held-out queries."""

import json

import pytest

from a3.errors import StoreError
from a3.search.records import save_trials
from a3.store import cache_root
from a3.types.answers import Label
from a3.types.queries import Kind
from benchmarks.means import most_asked, table, trained
from tests.conftest import compose
from tests.measure.test_dropping import ASKED, verdict
from tests.runs import run
from tests.search.made import scores, trial

TINY = ("model=tiny", "budget=smoke", "budget.trials=1", "search.keep=all", "seed=5")


@pytest.mark.slow
def test_the_mean_of_one_adapter_is_that_adapter(tmp_path):
    folder = tmp_path / "run"
    assert run(compose(*TINY), folder, cache_root()) == 0
    _, _, repair, mean = (line.split(" | ") for line in table(folder, [1.0]))
    assert (repair[0], mean[0]) == ("| the repair", "| mean × 1") and repair[1:] == mean[1:]
    found = json.loads((folder / "result.json").read_text())["repaired"]
    for cell, name in zip(repair[1:3], ("confirm", "ood"), strict=True):
        assert cell.startswith(f"{100 * found[name]['sfr']['value']:.1f} (")


def kept(folder, lengths):
    """A run's trials, one for each length, with all of their adapters."""
    config = compose("model=tiny")
    for number, length in enumerate(lengths):
        made = trial(number, config, scores())
        proposal = made.proposal.model_copy(update={"length": length})
        adapter = f"adapters/trial/{number}"
        (folder / adapter).mkdir(parents=True)
        yield made.model_copy(update={"proposal": proposal, "adapter": adapter})


def test_the_mean_is_that_of_the_trials_that_trained_longest(tmp_path):
    save_trials(tmp_path / "trials.jsonl", list(kept(tmp_path, [1, 4, 1, 4])))
    assert [path.name for path in trained(tmp_path)] == ["1", "3"]


def test_a_run_that_kept_its_front_alone_has_no_mean(tmp_path):
    *most, last = kept(tmp_path, [1, 1, 1])
    failed = trial(3, compose("model=tiny"), None)
    save_trials(tmp_path / "trials.jsonl", [*most, last, failed])
    assert len(trained(tmp_path)) == 3  # What failed has no adapter to be missed.
    (tmp_path / last.adapter).rmdir()
    with pytest.raises(StoreError, match="2 of 3"):
        trained(tmp_path)


def test_the_most_asked_source_is_told_with_its_failures_alone():
    harmful = [q for q in ASKED if q.kind is Kind.HARMFUL]
    asked = [
        q.model_copy(update={"source_id": "units/triangle" if q in harmful[:5] else q.id})
        for q in ASKED
    ]
    failed = [verdict(q, Label.FAILED) for q in harmful[:2] + harmful[5:]]
    safe = [verdict(q, Label.SAFE) for q in harmful[2:5]]
    assert most_asked(asked, [*failed, *safe]) == "units/triangle: 2 of 5"
