"""One run and its collaborators: folder, log, progress, tracker, target, judge."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from a3 import estimate
from a3.agents.generators import make_generator
from a3.agents.model.persistent import Persistent
from a3.budget import Ledger
from a3.config import Config, dump
from a3.config.groups import ModelAgent
from a3.console import ConsoleObserver
from a3.errors import StoreError
from a3.executor.context import Context
from a3.experiment_log import ExperimentLog, Metrics
from a3.judges import make_final_judge, make_judge
from a3.llm.connect import connect
from a3.llm.line import Line
from a3.provenance import provenance, record
from a3.store import Artifacts, Store, cache_root, shared_cache, write_atomic
from a3.target import chat
from a3.target.local import LocalTarget
from a3.target.remote import RemoteTarget
from a3.tracking import make_tracker
from a3.types.events import RunStarted, StageFinished, StageStarted
from a3.types.model import EndpointSource
from a3.types.observer import Observer, Observers

T = TypeVar("T")
PIPED_WIDTH = 130


@dataclass(frozen=True)
class Run:
    """An open run."""

    id: str
    context: Context
    ledger: Ledger
    console: Console

    def stage(self, name: str, kind: Any, make: Callable[[], T]) -> T:
        """A stage's value: made once, however often the run is interrupted."""
        store, observer = self.context.store, self.context.observer
        if store.has(name):
            return store.once(name, kind, make)
        observer.event(StageStarted(stage=name))
        start = time.perf_counter()
        value = store.once(name, kind, make)
        seconds = store.once(("seconds", name), float, lambda: time.perf_counter() - start)
        observer.event(StageFinished(stage=name, seconds=seconds))
        return value

    def seconds(self) -> dict[str, float]:
        """Wall-clock seconds of each finished stage (of its last attempt)."""
        folder = self.context.store.root / "stages" / "seconds"
        return {p.stem: json.loads(p.read_text()) for p in sorted(folder.glob("*.json"))}


@contextlib.contextmanager
def open_run(config: Config, folder: Path, overrides: list[str], resumed: bool) -> Iterator[Run]:
    """Set everything up; on Ctrl-C say how to go on."""
    folder.mkdir(parents=True, exist_ok=True)
    if not resumed:
        _claim(folder)
    if overrides or not resumed:
        write_atomic(folder / "overrides.json", json.dumps(overrides))
    write_atomic(folder / "config.json", json.dumps(dump(config), indent=1))
    run_id = f"{config.risk.name}-{config.model.name}-{config.method.name}-{folder.name}"
    console = _console()
    ledger = Ledger(folder / "cost.json")
    with ConsoleObserver(console, lambda: ledger.cost) as progress:
        observer = Observers(
            ledger,
            ExperimentLog(folder / "log.jsonl"),
            Metrics(folder / "metrics.jsonl"),
            progress,
            make_tracker(config, folder, run_id),
        )
        observer.event(_started(config, run_id, resumed))
        context = _context(config, folder, ledger, observer)
        record(folder, provenance(config, context.target, context.final_judge))
        try:
            yield Run(run_id, context, ledger, console)
        except KeyboardInterrupt:
            # The write in flight is finished or was never begun: every write is atomic.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            console.print(f"\ninterrupted; go on with: python -m a3 resume={folder}")
            raise


def _console() -> Console:
    """Wide enough for the table where output goes to a file or a pipe."""
    console = Console(file=sys.stdout)  # This one, whatever libraries are silenced by in between.
    return console if console.is_terminal else Console(file=sys.stdout, width=PIPED_WIDTH)


def _context(config: Config, folder: Path, ledger: Ledger, observer: Observer) -> Context:
    root = cache_root()
    line = Line(shared_cache(), observer, over=partial(ledger.over, config.budget.caps))
    target = _target(config, root, line)
    local = target if isinstance(target, LocalTarget) else None
    agent = None
    if isinstance(config.agent, ModelAgent):  # Each seed has an agent's replies of its own.
        agent = Persistent(connect(config.agent.endpoint, line, config.seed))
    return Context(
        config=config,
        store=Store(folder),
        artifacts=Artifacts(root / "trials"),
        target=target,
        judge=make_judge(config, line, local),
        final=make_final_judge(config, line, local),
        observer=observer,
        generator=make_generator(config, agent, target, observer),
        agent=agent,
        left=lambda: ledger.left(config.budget.caps),
    )


def _target(config: Config, root: Path, line: Line) -> LocalTarget | RemoteTarget:
    spec = config.model
    if isinstance(spec.source, EndpointSource):
        endpoint = spec.source.endpoint
        # Drawn answers are the seed's own; greedy ones are the same whoever asks.
        draw = config.seed if spec.temperature > 0 else 0
        return RemoteTarget(connect(endpoint, line, draw), endpoint.takes_temperature)
    target = LocalTarget(spec, root, line.cache, line.observer)
    if config.trials:
        chat.check(target.tokenizer)
    return target


def _claim(folder: Path) -> None:
    """A fresh run's folder must not hold another run."""
    if (folder / "config.json").is_file():
        raise StoreError(
            "a new run needs a folder of its own",
            f"{folder} holds a run already",
            f"continue it with resume={folder}, or choose another hydra.run.dir",
        )
    _point_latest(folder)


def _point_latest(folder: Path) -> None:
    """outputs/latest names the newest run; replaced in one step."""
    outputs = Path("outputs").absolute()
    outputs.mkdir(exist_ok=True)
    partial = outputs / f".latest.{os.getpid()}"
    partial.unlink(missing_ok=True)
    partial.symlink_to(os.path.relpath(folder.absolute(), outputs))
    partial.replace(outputs / "latest")


def _started(config: Config, run_id: str, resumed: bool) -> RunStarted:
    return RunStarted(
        run_id=run_id,
        risk=config.risk.name,
        model=config.model.name,
        method=config.method.name,
        seed=config.seed,
        resumed=resumed,
        cost="" if resumed or not estimate.calls(config) else estimate.told(config),
    )
