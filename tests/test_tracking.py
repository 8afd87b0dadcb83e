"""W&B, offline: what a real offline run holds when read back."""

import json
import os
import struct
from collections import defaultdict

import pytest

from a3.store import cache_root
from tests.conftest import compose
from tests.runs import run

pytestmark = pytest.mark.slow


def records(path):
    """Records of an offline run: a 7-byte header, then LevelDB log framing."""
    from wandb.proto import wandb_internal_pb2

    data, offset, buffer = path.read_bytes(), 7, b""
    while offset + 7 <= len(data):
        left = 32768 - offset % 32768
        if left < 7:
            offset += left
            continue
        _, length, kind = struct.unpack("<IHB", data[offset : offset + 7])
        offset += 7
        if kind == 0 and length == 0:
            break
        buffer += data[offset : offset + length]
        offset += length
        if kind in (1, 4):  # FULL or LAST
            record = wandb_internal_pb2.Record()
            record.ParseFromString(buffer)
            buffer = b""
            yield record


def read_back(path):
    """Run id, group, job type, config, history and artifacts of one offline run."""
    found = defaultdict(dict)
    found["history"], found["artifacts"], found["summary"] = [], [], {}
    for record in records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            found |= {
                "id": record.run.run_id,
                "group": record.run.run_group,
                "job_type": record.run.job_type,
            }
            for item in record.run.config.update:
                found["config"][item.key or ".".join(item.nested_key)] = json.loads(item.value_json)
        elif kind == "history":
            found["history"].append(
                {
                    i.key or ".".join(i.nested_key): json.loads(i.value_json)
                    for i in record.history.item
                }
            )
        elif kind == "artifact":
            found["artifacts"].append(record.artifact.name)
        elif kind == "request" and record.request.WhichOneof("request_type") == "log_artifact":
            found["artifacts"].append(record.request.log_artifact.artifact.name)
    return found


class Environment:
    """Sets variables in the run's process."""

    def __init__(self, **values):
        self.values = values

    def __call__(self):
        for name in list(os.environ):
            if name.startswith("WANDB_"):
                del os.environ[name]
        os.environ.update(self.values)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wandb") / "run"
    config = compose("model=tiny", "budget=smoke", "tracker=wandb", "budget.trials=2")
    home = Environment(
        WANDB_RUN_ID="sweep7",
        WANDB_SWEEP_ID="s1",
        HOME=str(folder.parent),
        WANDB_DATA_DIR=str(folder.parent / "data"),
        WANDB_CACHE_DIR=str(folder.parent / "wandb-cache"),
    )
    assert run(config, folder, cache_root(), hook=home) == 0
    found = [read_back(p) for p in sorted(folder.glob("wandb/offline-run-*/*.wandb"))]
    return folder, found


def test_one_group_with_a_result_run_and_a_run_per_trial(runs):
    _, found = runs
    assert sorted(r["job_type"] for r in found) == ["result", "trial", "trial"]
    assert len({r["group"] for r in found}) == 1


def test_the_result_run_owns_the_sweep_s_id(runs):
    _, found = runs
    ids = {r["job_type"]: r["id"] for r in found}
    assert ids["result"] == "sweep7" and ids["trial"] != "sweep7"


def test_it_logs_what_result_json_says(runs):
    folder, found = runs
    written = json.loads((folder / "result.json").read_text())
    result = next(r for r in found if r["job_type"] == "result")
    logged = {k: v for row in result["history"] for k, v in row.items()}
    assert logged["confirm/sfr"] == pytest.approx(written["repaired"]["confirm"]["sfr"]["value"])
    assert logged["ood/fpr"] == pytest.approx(written["repaired"]["ood"]["fpr"]["value"])
    assert logged["base/ood/sfr"] == pytest.approx(written["base"]["ood"]["sfr"]["value"])
    assert logged["objective"] == pytest.approx(written["objective"])
    assert result["config"]["budget"]["trials"] == 2


def test_a_trial_has_configuration_metrics_and_adapter(runs):
    _, found = runs
    for trial in (r for r in found if r["job_type"] == "trial"):
        assert "learning_rate" in trial["config"]
        logged = {k for row in trial["history"] for k in row}
        whole = {"validation/sfr", "objective", "kl/task"}
        dropped = trial["config"]["state"] == "dropped"
        assert {"train/loss"} | ({"validation/answered"} if dropped else whole) <= logged
        assert not (dropped and whole & logged)
        assert any(name.startswith("adapter-") for name in trial["artifacts"])


def test_held_out_figures_are_in_no_trial(runs):
    _, found = runs
    for trial in (r for r in found if r["job_type"] == "trial"):
        names = {k for row in trial["history"] for k in row}
        assert not any(name.startswith(("confirm", "ood", "base/ood")) for name in names)


def test_metrics_are_in_the_run_folder_too(runs):
    folder, _ = runs
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert {r["trial"] for r in rows if "trial" in r} == {0, 1}
    assert any("confirm/sfr" in r for r in rows)
