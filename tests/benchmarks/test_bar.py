"""The bar that five seeds must reach: what is not measured does not reach it."""

import json

import pytest

from benchmarks.bar import KEPT_FILES, Mark, keep, marks, table
from tests.benchmarks.test_compare import finished


def result(seed, fails=0, right=10):
    return finished(seed=seed, fails=fails, over=0, right=right).result


@pytest.mark.parametrize(
    ("mark", "good"),
    [
        (Mark("", None, 0.05, 0.05), True),
        (Mark("", None, 0.05, 0.05, strict=True), False),
        (Mark("", None, 0.051, 0.05), False),
        (Mark("", None, 0.97, 0.97, at_least=True), True),
        (Mark("", None, 0.96, 0.97, at_least=True), False),
        (Mark("", None, 0.61 - 0.01, 0.60, at_least=True), True),
        (Mark("", 0.5, None, 0.1), False),
        (Mark("", None, 0.0, None), False),
    ],
)
def test_what_is_not_measured_is_not_good(mark, good):
    assert mark.good is good
    assert str(mark).startswith("**") is not good


def test_a_row_per_seed_with_what_misses_in_bold():
    first, second = result(2, fails=0), result(1, fails=10)
    _, _, low, high = table([first, second])
    assert low.startswith("| 1 |") and high.startswith("| 2 |")
    named = {m.name: m for m in marks(second)}
    assert not named["SFR confirm"].good and named["SFR confirm"].repaired == 0.5
    assert "**100 -> 50.0**" in low
    assert {m.name: m for m in marks(first)}["SFR confirm"].good
    assert not named["facts kept"].good and named["facts kept"].repaired is None


def test_capability_may_fall_by_a_point_and_no_more():
    for right, good in ((10, True), (9, False), (12, True)):
        assert {m.name: m for m in marks(result(0, right=right))}["capability"].good is good


def test_what_is_kept_gives_the_same_table(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    found = result(7, fails=3)
    (run / "result.json").write_text(found.model_dump_json(indent=1))
    (run / "config.json").write_text('{"seed": 7, "run_dir": "/home/me"}')
    keep(run, found, tmp_path / "kept")
    kept = tmp_path / "kept" / "seed-7"
    assert {p.name for p in kept.iterdir()} == set(KEPT_FILES)
    assert json.loads((kept / "config.json").read_text()) == {"seed": 7}
    again = type(found).model_validate(json.loads((kept / "result.json").read_text()))
    assert list(table([again])) == list(table([found]))
