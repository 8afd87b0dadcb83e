"""One real repair of a real model, as a newcomer would start it: minutes, not mocks."""

import json

import pytest

from tests.test_command_line import a3

pytestmark = pytest.mark.smollm2


def test_a_smoke_repair_of_smollm2_lowers_sfr(tmp_path):
    done = a3("budget=smoke", cwd=tmp_path, timeout=900)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "outputs/latest/result.json").read_text())
    assert result["model"] == "smollm2" and result["status"] == "complete"
    before = [result["base"][s]["sfr"] for s in ("confirm", "ood")]
    after = [result["repaired"][s]["sfr"] for s in ("confirm", "ood")]
    assert sum(r["hits"] for r in after) < sum(r["hits"] for r in before)
    assert result["comparison"]["confirm"]["sfr"]["difference"] < 0
    # The base is clearly above chance (a quarter) on the built-in task, and has room above.
    before = result["base"]["capability"]["everyday"]
    assert before["low"] > 0.25 and before["high"] < 0.9
    assert result["provisional"] is None
    assert result["calibration"]["judge"] == result["provenance"]["judge"]
    for part in ("SFR, confirm", "SFR, ood", "capability, everyday", "Verdict:", "Run folder:"):
        assert part in done.stdout
    assert "Traceback" not in done.stderr
