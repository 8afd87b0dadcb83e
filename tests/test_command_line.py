"""`python -m a3` as a user meets it."""

import json
import os
import signal
import subprocess
import sys

import pytest

from a3.__main__ import _check_trials
from a3.errors import StoreError
from tests.conftest import ROOT


def a3(*arguments: str, cwd, timeout=120, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k != "ANTHROPIC_API_KEY"}
    return subprocess.run(
        [sys.executable, "-m", "a3", *arguments],
        cwd=cwd,
        env=clean | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def test_cfg_job_composes_without_any_heavy_library(tmp_path):
    code = (
        "import sys; sys.argv = ['a3', '--cfg', 'job']\n"
        "from a3.__main__ import main\n"
        "main()\n"
        "heavy = {'torch', 'transformers', 'peft', 'datasets', 'lm_eval', 'scipy', 'wandb'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "risk:" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "found", "hint"),
    [
        (["model=gpt9"], "gpt9", "smollm2"),
        (["risk=nothing"], "nothing", "sycophancy"),
        (["budgt=quick"], "budgt", "budget"),
        (["budget.trails=3"], "budget.trails", "--cfg job"),
        (["goal.sfr=2"], "goal.sfr", "--cfg job"),
        (["seed=a=b c"], "", "Hydra overrides"),
        (["resume=nowhere"], "nowhere", "outputs/"),
    ],
)
def test_mistakes_are_told_in_three_parts(tmp_path, arguments, found, hint):
    done = a3(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
    assert "found:" in done.stderr and "do:" in done.stderr
    assert found in done.stderr and hint in done.stderr


def test_preflight_lists_all_that_is_missing_at_once(tmp_path):
    done = a3("risk=sycophancy", "model=qwen7b", cwd=tmp_path)
    assert done.returncode == 2
    for who in ("agent", "judge"):
        assert f"{who}=claude: ANTHROPIC_API_KEY is not set" in done.stderr
    assert "queries to explore" in done.stderr
    assert "M tokens in" in done.stderr and "$" in done.stderr
    key = a3("model=llama8b", cwd=tmp_path, ANTHROPIC_API_KEY="sk-secret")
    assert key.returncode == 2 and "ANTHROPIC_API_KEY" not in key.stderr
    assert "sk-secret" not in key.stderr


def test_a_refused_run_leaves_no_folder_behind(tmp_path):
    a3("model=qwen7b", cwd=tmp_path)
    left = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert left == []


@pytest.mark.slow
def test_a_sweep_over_seeds_gives_one_folder_each(tmp_path):
    done = a3(
        "-m", "model=tiny", "budget=smoke", "method=none", "seed=1,2", cwd=tmp_path, timeout=300
    )
    assert done.returncode == 0, done.stderr
    results = sorted((tmp_path / "outputs").glob("sycophancy-tiny-none/*/result.json"))
    assert [json.loads(p.read_text())["seed"] for p in results] == [1, 2]
    latest = (tmp_path / "outputs/latest/result.json").resolve()
    assert latest == results[-1].resolve()


def test_mixes_that_are_compared_go_on_as_long_as_they_began(tmp_path):
    for allowed in ([], ["tracker=jsonl"]):
        _check_trials(tmp_path, "random_mix", allowed)
    _check_trials(tmp_path, "a3", ["budget.trials=9"])
    with pytest.raises(StoreError, match="when they train equally long"):
        _check_trials(tmp_path, "random_mix", ["tracker=jsonl", "+budget.trials=9"])


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on_and_resume_does(tmp_path):
    command = [sys.executable, "-u", "-m", "a3", "model=tiny", "budget=smoke", "seed=8"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        # A job started in the background would hand its deafness to Ctrl-C down to us.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as child:
        assert child.stdout is not None
        said = ""
        for line in child.stdout:
            said += line
            if line.startswith("baseline"):
                child.send_signal(signal.SIGINT)
    assert child.returncode == 130
    folders = list((tmp_path / "outputs/sycophancy-tiny-a3").iterdir())
    assert len(folders) == 1 and not (folders[0] / "result.json").exists()
    assert f"resume={folders[0]}" in said

    refused = a3("resume=latest", "seed=9", cwd=tmp_path)
    assert refused.returncode == 2 and "seed=9" in refused.stderr

    done = a3("resume=latest", "budget.trials=2", cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "outputs/sycophancy-tiny-a3").iterdir()) == folders
    assert json.loads((folders[0] / "result.json").read_text())["n_trials"] == 2
    assert json.loads((folders[0] / "overrides.json").read_text())[-1] == "budget.trials=2"

    late = a3("resume=latest", "budget.trials=3", cwd=tmp_path)
    assert late.returncode == 2 and "is chosen" in late.stderr

    sheet = folders[0] / "labelling.jsonl"
    labelled = sheet.read_text().replace("null", '"safe"', 1)
    sheet.write_text(labelled)
    assert a3("resume=latest", cwd=tmp_path, timeout=300).returncode == 0
    assert '"safe"' in labelled and sheet.read_text() == labelled  # What people wrote stays.
