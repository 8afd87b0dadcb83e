"""Whole runs in processes of their own, cheap because the server has everything imported."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from a3.config import Config

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["a3.pipeline", "tests.runs", "lm_eval.evaluator", "optuna", "peft"])

VOLATILE = ("run_id", "seconds", "cost", "adapter")
"""What may differ between two runs of one configuration."""


def _run(
    config: Config, folder: Path, cache: Path, resumed: bool, hook: Callable[[], None] | None
) -> None:
    os.environ["A3_CACHE_DIR"] = str(cache)
    os.chdir(folder.parent)
    import torch

    torch.set_num_threads(2)
    if hook is not None:
        hook()
    from a3 import pipeline

    with (folder.parent / "output.txt").open("a") as output, contextlib.redirect_stdout(output):
        pipeline.run(config, folder, [], resumed=resumed)


def run(
    config: Config, folder: Path, cache: Path, resumed: bool = False, hook: Any = None
) -> int | None:
    """Exit code of a whole run (negative: the signal that killed it)."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    child = _SERVER.Process(target=_run, args=(config, folder, cache, resumed, hook))
    child.start()
    child.join(600)
    return child.exitcode


def result(folder: Path) -> dict[str, Any]:
    """result.json without times, ids and cost."""
    values = json.loads((folder / "result.json").read_text())
    return {k: v for k, v in values.items() if k not in VOLATILE}


class KillWhen:
    """Kills the process, as kill -9 does, the n-th time something is called."""

    def __init__(self, module: str, name: str, nth: int = 1) -> None:
        self.module, self.name, self.nth = module, name, nth

    def __call__(self) -> None:
        import importlib

        module = importlib.import_module(self.module)
        owner, _, attribute = self.name.rpartition(".")
        holder = getattr(module, owner) if owner else module
        real, calls = getattr(holder, attribute), [0]

        def fatal(*arguments: Any, **keywords: Any) -> Any:
            calls[0] += 1
            if calls[0] == self.nth:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **keywords)

        setattr(holder, attribute, fatal)


__all__ = ["KillWhen", "result", "run"]
