"""What a local judge needs is listed with what the target does."""

import subprocess
import sys

import pytest

from a3 import preflight
from a3.errors import PreflightError
from a3.target.local import WORK
from tests.conftest import ROOT, compose


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """A machine without a GPU, models or a network."""
    monkeypatch.setattr(preflight, "_no_gpu", lambda: "there is none on this machine")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_nothing_heavy_is_loaded_to_tell_what_is_missing():
    code = (
        "import sys, a3.preflight\n"
        "heavy = {'torch', 'transformers', 'peft', 'datasets', 'lm_eval', 'scipy', 'optuna'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def missing(*overrides):
    with pytest.raises(PreflightError) as caught:
        preflight.check(compose("model=tiny", "budget=smoke", "judge=local", *overrides))
    return str(caught.value)


def test_a_large_judge_needs_a_gpu_and_its_weights():
    found = missing("model@judge.model=qwen7b")
    assert "Qwen/Qwen2.5-7B-Instruct needs a GPU with about 20 GB" in found
    assert "not in the Hugging Face cache and HF_HUB_OFFLINE" in found
    assert (
        "a download of Qwen/Qwen2.5-7B-Instruct first (15 GB)\n  cost:  no calls to any API, $0"
        in found
    )


def test_a_target_that_trains_stands_twice_in_memory():
    with pytest.raises(PreflightError, match="with about 40 GB"):
        preflight.check(compose("model=qwen7b", "agent=offline", "judge=rules"))
    with pytest.raises(PreflightError, match="with about 20 GB"):
        preflight.check(compose("model=qwen7b", "agent=offline", "judge=rules", "method=none"))
    assert preflight.BYTES_PER_PARAMETER == 2 * WORK  # As the target reckons, in bf16.


def test_weights_that_cannot_come_are_missing_whatever_their_size():
    assert "org/name is not in the Hugging Face cache" in missing("judge.model.source.id=org/name")
    folder = missing("model@judge.model=local", "judge.model.source.path=/nowhere/mine")
    assert "judge.model.source.path: there is no folder /nowhere/mine" in folder


SERVER = ("judge=endpoint", "judge.endpoint.base_url=http://127.0.0.1:9/v1")
QWEN = (*SERVER, "judge.endpoint.model=qwen")


def test_an_address_without_a_protocol_is_none():
    found = missing(*QWEN, "judge.endpoint.base_url=127.0.0.1:8000/v1")
    assert "judge=endpoint: base_url=127.0.0.1:8000/v1 is no address like https://" in found


def test_a_cap_in_dollars_needs_every_price():
    found = missing(*QWEN, "budget.caps.usd=5")
    assert "judge.endpoint.price: what qwen costs is not known, and budget.caps.usd is 5" in found
    assert "judge.endpoint.price={model: qwen, input: ..., output: ...}" in found
    preflight.check(compose("model=tiny", *QWEN, "budget.caps.calls=5"))
    price = "judge.endpoint.price={model: qwen, input: 1, output: 2}"
    preflight.check(compose("model=tiny", *QWEN, "budget.caps.usd=5", price))


def test_the_price_of_another_model_is_none(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-fake")
    chosen = ["agent=claude", "judge=claude", "judge.final=claude", "budget.caps.usd=0"]
    preflight.check(compose("model=tiny", *chosen))
    others = [f"{who}.endpoint.model=claude-other" for who in ("agent", "judge.final")]
    found = missing(*chosen, *others)
    assert "agent.endpoint.price: what claude-other costs" in found
    assert "judge.final.endpoint.price: what claude-other costs" in found
    assert "judge.endpoint.price:" not in found


def test_the_price_of_a_target_counts_too():
    place = ["model=endpoint", "method=none", "agent=offline", "judge=rules", "budget=smoke"]
    source = [f"model.source.endpoint.{k}" for k in ("model=m", "base_url=http://127.0.0.1:9/v1")]
    with pytest.raises(PreflightError, match=r"model\.source\.endpoint\.price: what m costs"):
        preflight.check(compose(*place, *source, "budget.caps.usd=5"))


def test_with_a_gpu_and_the_weights_nothing_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(preflight, "_no_gpu", lambda: "")
    config = tmp_path / "models--Qwen--Qwen2.5-7B-Instruct" / "snapshots" / "1" / "config.json"
    config.parent.mkdir(parents=True)
    config.write_text("{}")
    preflight.check(
        compose("model=tiny", "budget=smoke", "judge=local", "model@judge.model=qwen7b")
    )


def test_a_torch_for_the_cpu_finds_no_gpu(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(preflight.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(preflight, "version", lambda name: "2.13.0+cpu")
    assert "with about 20 GB; torch 2.13.0+cpu is the CPU build" in missing(
        "model@judge.model=qwen7b"
    )
    monkeypatch.setattr(preflight, "version", lambda name: "2.13.0")
    assert preflight._no_gpu() == ""


def test_a_risk_without_tables_needs_a_model_as_agent():
    for empty in ("risk.facts=[]", "risk.grammar=''"):
        found = missing("agent=offline", "model@judge.model=qwen7b", empty)
        assert "risk=sycophancy has none; use agent=claude judge=claude" in found


def test_the_cache_of_models_is_looked_for_where_the_hub_s_library_keeps_it(monkeypatch, tmp_path):
    source = compose("model=qwen7b", "agent=offline", "judge=rules").model.source
    snapshot = tmp_path / "huggingface/hub/models--Qwen--Qwen2.5-7B-Instruct/snapshots/1"
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.delenv("HF_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert not preflight._in_hub_cache(source)
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").touch()
    assert preflight._in_hub_cache(source)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_HOME", "~/huggingface")
    assert preflight._in_hub_cache(source)
