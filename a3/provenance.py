"""Where a figure came from: code, versions, weights, prompts."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from a3 import prompts
from a3.config import Config
from a3.store import append_line, fingerprint, read_lines
from a3.target.local import LocalTarget
from a3.target.remote import RemoteTarget
from a3.types.judge import Judge
from a3.types.results import Provenance

PACKAGES = ("a3-repair", "torch", "transformers", "peft", "lm_eval", "optuna", "datasets", "scipy")


ATTEMPTS = "provenance.jsonl"


def record(folder: Path, now: Provenance) -> None:
    """Keep what an attempt runs on, where the one before ran on something else."""
    if attempts(folder)[-1:] != [now]:
        append_line(folder / ATTEMPTS, now.model_dump_json())


def attempts(folder: Path) -> list[Provenance]:
    """What a run's attempts ran on, in their order."""
    return [Provenance.model_validate_json(line) for line in read_lines(folder / ATTEMPTS)]


def provenance(config: Config, target: LocalTarget | RemoteTarget, judge: Judge) -> Provenance:
    """Gather it."""
    diff = _git("diff", "HEAD")
    rubrics = {f"rubric/{kind}": fingerprint(text) for kind, text in config.risk.rubrics.items()}
    return Provenance(
        commit=_git("rev-parse", "HEAD"),
        dirty=hashlib.sha256(diff.encode()).hexdigest() if diff else None,
        python=platform.python_version(),
        versions={name: v for name in PACKAGES if (v := _version(name))},
        weights=target.weights,
        dtype=str(target.dtype).removeprefix("torch."),
        device=str(target.device),
        prompts=prompts.hashes() | rubrics,
        judge=judge.key,
    )


def _git(*arguments: str) -> str | None:
    """Git's answer in this package's own checkout; None outside of one."""
    here = Path(__file__).resolve().parent
    if not (here.parent / ".git").exists():
        return None
    try:
        done = subprocess.run(["git", "-C", str(here), *arguments], capture_output=True)
    except OSError:
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
