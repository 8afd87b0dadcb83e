"""Whole runs in processes of their own, cheap because the server has everything imported."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from a3.config import Config
from a3.store import cache_root

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["a3.pipeline", "tests.runs", "lm_eval.evaluator", "optuna", "peft"])

VOLATILE = ("run_id", "seconds", "cost", "adapter")
"""What may differ between two runs of one configuration."""


def _run(
    config: Config, folder: Path, cache: Path, resumed: bool, hook: Callable[[], None] | None
) -> None:
    os.environ["A3_CACHE_DIR"] = str(cache)
    os.chdir(folder.parent)
    _two_threads()
    if hook is not None:
        hook()
    from a3 import pipeline

    with (folder.parent / "output.txt").open("a") as output, contextlib.redirect_stdout(output):
        pipeline.run(config, folder, [], resumed=resumed)


def _two_threads() -> None:
    """Sums of floats depend on it."""
    import torch

    torch.set_num_threads(2)


def run(
    config: Config, folder: Path, cache: Path, resumed: bool = False, hook: Any = None
) -> int | None:
    """Exit code of a whole run (negative: the signal that killed it)."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    child = _SERVER.Process(target=_run, args=(config, folder, cache, resumed, hook))
    child.start()
    child.join(600)
    return child.exitcode


def _command(arguments: list[str], folder: Path, cache: Path, hook: Callable[[], None]) -> None:
    output = os.open(folder / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.environ["A3_CACHE_DIR"] = str(cache)
    os.chdir(folder)
    _two_threads()
    hook()
    sys.argv = ["a3", *arguments]
    from a3.__main__ import main

    main()


def command(arguments: list[str], folder: Path, cache: Path, hook: Any) -> tuple[int | None, str]:
    """Exit code of `python -m a3` in a folder, and all that it said."""
    child = _SERVER.Process(target=_command, args=(arguments, folder, cache, hook))
    child.start()
    child.join(600)
    return child.exitcode, (folder / "output.txt").read_text()


def result(folder: Path) -> dict[str, Any]:
    """result.json without times, ids and cost."""
    values = json.loads((folder / "result.json").read_text())
    return {k: v for k, v in values.items() if k not in VOLATILE}


def fresh_cache(folder: Path) -> Path:
    """An empty content cache; weights are shared."""
    folder.mkdir()
    (folder / "models").symlink_to((cache_root() / "models").resolve())
    return folder


def everywhere(text: str, *folders: Path) -> list[Path]:
    """Files that hold a text, output and databases included."""
    files = [p for folder in folders for p in folder.rglob("*") if p.is_file()]
    holding = [p for p in files if text.encode() in p.read_bytes()]
    for path in (p for p in files if p.suffix == ".sqlite"):
        # A value may be cut in two by the pages of the file.
        with contextlib.closing(sqlite3.connect(path)) as db:
            rows = db.execute("SELECT count(*) FROM entries WHERE instr(value, ?)", [text])
            holding += [path] * rows.fetchone()[0]
    return holding


class Before:
    """What a run's process does before it starts, then perhaps another hook.

    A server that names no time is asked again at once; environment variables are set; and `orders`
    stand at the end of every answer that a language model is asked to judge.
    """

    def __init__(
        self, environment: Mapping[str, str] | None = None, orders: str = "", then: Any = None
    ) -> None:
        self.environment, self.orders, self.then = dict(environment or {}), orders, then

    def __call__(self) -> None:
        from a3.judges.model import ModelJudge
        from a3.llm import endpoint

        os.environ.update(self.environment)
        endpoint.FIRST_WAIT = 0.001
        real, orders = ModelJudge.rule_all, self.orders

        def ordered(judge: Any, answers: Any, what: str) -> Any:
            said = [(q, a.model_copy(update={"text": a.text + orders})) for q, a in answers]
            return real(judge, said, what)

        ModelJudge.rule_all = ordered
        if self.then is not None:
            self.then()


class KillWhen:
    """Kills the process, as kill -9 (or Ctrl-C) does, the n-th time something is called."""

    def __init__(
        self, module: str, name: str, nth: int = 1, how: signal.Signals = signal.SIGKILL
    ) -> None:
        self.module, self.name, self.nth, self.how = module, name, nth, how

    def __call__(self) -> None:
        import importlib

        if self.how is signal.SIGINT:  # A shell's background jobs are started deaf to it.
            signal.signal(signal.SIGINT, signal.default_int_handler)
        module = importlib.import_module(self.module)
        owner, _, attribute = self.name.rpartition(".")
        holder = getattr(module, owner) if owner else module
        real, calls = getattr(holder, attribute), [0]

        def fatal(*arguments: Any, **keywords: Any) -> Any:
            calls[0] += 1
            if calls[0] == self.nth:
                os.kill(os.getpid(), self.how)
            return real(*arguments, **keywords)

        setattr(holder, attribute, fatal)


__all__ = ["Before", "KillWhen", "command", "everywhere", "fresh_cache", "result", "run"]
