"""The sheet that people label is blind, and calibrate reads it back."""

import json

import pytest

from a3.commands.calibrate import main
from a3.errors import ConfigError
from a3.judges.labelled import read_labelled
from a3.report.labelling import ROWS, sheet
from tests.benchmarks.test_compare import evaluated

FOUND = evaluated(fails=5, over=2, right=8)


def test_rows_are_blind_seeded_and_as_many_as_asked_for():
    rows = [json.loads(line) for line in sheet(FOUND, 0).splitlines()]
    answers = sum(len(v) for v in FOUND.verdicts.values())
    assert len(rows) == min(ROWS, answers)
    assert {row["label"] for row in rows} == {None} and {row["model"] for row in rows} == {""}
    assert {"label", "query", "answer", "model"} == set(rows[0])
    assert sheet(FOUND, 0) == sheet(FOUND, 0) != sheet(FOUND, 1)


def test_what_is_labelled_is_read_back_and_the_rest_is_left(tmp_path, capsys):
    path = tmp_path / "labelling.jsonl"
    path.write_text(sheet(FOUND, 0))
    with pytest.raises(ConfigError, match="must have labels"):
        read_labelled(str(path))
    lines = path.read_text().splitlines()
    lines[:4] = [line.replace('"label": null', '"label": "safe"') for line in lines[:4]]
    path.write_text("\n".join(lines) + "\n")
    assert len(read_labelled(str(path))[0]) == 4
    main(["judge=rules", f"data={path}"])
    assert "n=4" in capsys.readouterr().out
