"""One factor at a time: which forks are started, and the table of what came of them."""

import json
from pathlib import Path

import pytest

from benchmarks import factors
from benchmarks.factors import CURVE, ROWS, SHORT, WIDE, run_rows, table
from benchmarks.finished import Finished
from tests.benchmarks.test_compare import N, finished
from tests.conftest import compose


@pytest.fixture
def started(monkeypatch):
    """Commands that were started; each ends in a result of its own."""
    commands = []

    def start(command, **_):
        words = [str(word) for word in command[2:]]
        commands.append(words)
        folder = words[1].removeprefix("resume=") if words[0] == "a3" else words[2]
        store(Path(folder))

    monkeypatch.setattr(factors.subprocess, "run", start)
    return commands


def store(folder):
    made = finished()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(made.config))
    (folder / "result.json").write_text(made.result.model_dump_json())


def test_a_row_is_a_short_fork_of_every_run_and_what_is_there_is_not_run_again(started, tmp_path):
    to, run = tmp_path / "to", tmp_path / "one"
    template = "respond=template", to / "respond_template" / "one"
    halted = "train.objective=sft", to / "train.objective_sft" / "one"
    store(to / "as_configured" / "one")
    halted[1].mkdir(parents=True)
    found = run_rows(to, [run], ["", template[0], halted[0]])
    assert started == [
        ["benchmarks.fork", str(run), str(template[1]), *SHORT, *WIDE, template[0]],
        ["a3", f"resume={halted[1]}"],
    ]
    assert [len(runs) for runs in found.values()] == [1, 1, 1]


def cells(rows: dict[str, list[Finished]]) -> list[dict[str, str]]:
    lines = [line[2:-2].split(" | ") for line in table(rows, 0.95)]
    head, _, *body = lines
    return [dict(zip(head, line, strict=True)) for line in body]


def test_rows_pool_the_items_of_all_seeds_and_differ_from_the_first_query_by_query():
    first = [finished(seed=0, fails=4), finished(seed=1, fails=6)]
    second = [finished(seed=0, fails=2, right=12), finished(seed=1, fails=2, right=12)]
    base, one, other = cells({"": first, "respond=template": second})
    assert [row["change"] for row in (base, one, other)] == [
        "base",
        "as configured",
        "`respond=template`",
    ]
    assert [row["SFR ood"] for row in (base, one, other)] == ["100.0", "25.0", "10.0"]
    assert one["less the first row's"] == ""
    assert other["less the first row's"].startswith("-15.0 [")
    assert (one["capability"], other["capability"]) == ("40.0", f"{100 * 12 / N:.1f}")
    assert (base["KL neutral"], one["KL neutral"]) == ("", "0.250")


def test_rows_that_were_asked_other_queries_are_not_paired():
    """So are those whose answers are not stored."""
    _, _, other = cells({"": [finished()], "respond=template": [finished(stored=False)]})
    assert other["less the first row's"] == "other queries"


@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_a_configuration(row):
    config = compose("model=smollm2", "budget=standard", *SHORT, *WIDE, *row.split())
    standard = compose("model=smollm2", "budget=standard", *SHORT, *WIDE)
    assert (config == standard) == (row == "") and config.trials == 1
    asked = config.budget.epoch_tokens * config.search.default.epochs
    equal = asked == standard.budget.epoch_tokens * standard.search.default.epochs
    assert equal == (row not in CURVE)


def test_what_was_not_measured_is_no_figure():
    run = finished()
    unmeasured = run.result.model_copy(
        update={"repaired": run.result.repaired.model_copy(update={"kl_neutral": None})}
    )
    _, row = cells({"": [Finished(run.config, unmeasured, run.evaluation)]})
    assert row["KL neutral"] == "-" and row["kept"] == "-" and row["FPR own"] == "-"
