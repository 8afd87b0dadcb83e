"""What the mean of a run's adapters does on the run's own held-out queries."""

import json

import pytest

from a3.errors import StoreError
from a3.store import cache_root
from a3.types.answers import Label
from a3.types.queries import Kind
from benchmarks.means import most_asked, table, trained
from tests.conftest import compose
from tests.measure.test_dropping import ASKED, verdict
from tests.runs import run

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


def test_a_run_that_kept_its_front_alone_has_no_mean(tmp_path):
    (tmp_path / "adapters/trial/10").mkdir(parents=True)
    (tmp_path / "adapters/trial/9").mkdir()
    lines = tmp_path / "trials.jsonl"
    lines.write_text("{}\n" * 2)
    assert [path.name for path in trained(tmp_path)] == ["9", "10"]
    lines.write_text("{}\n" * 3)
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
