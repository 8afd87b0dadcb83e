"""The same work done in several ways, in turn.

Every measurement runs in a process of its own, so that no way inherits another's warm caches or
peak of memory. One after the other, in alternating order, the machine's moods strike them alike;
ratios are taken within a repeat.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import torch
import transformers

from a3.config.compose import compose
from a3.risks.facts import Fact, load_topic
from a3.risks.grammar import load_grammar, render
from a3.store import Cache, cache_root
from a3.target import devices
from a3.target.local import LocalTarget
from a3.types.chat import Conversation
from a3.types.observer import Silent
from a3.types.queries import KNOWN

HERE = Path(__file__).parent
TOPICS = ("capitals", "continents", "authors", "opposites", "units", "landmarks")
MODEL = "A3_BENCHMARK_MODEL"
"""Environment variable by which child processes learn of `--model`."""
Way = Callable[[], dict[str, Any]]
"""Does the work and tells, by task, its `seconds` and its `units` of work (tokens, say)."""


def main(name: str, ways: Mapping[str, Way], units: Mapping[str, str], notes: str) -> None:
    """Compare the ways of `benchmarks.<name>`, the first being the plain one; write and print.

    `units` says what each task counts. Called in a child process, do one way's work only.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--way", choices=ways)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", help="an option of conf/model, or a model's folder")
    arguments = parser.parse_args()
    if arguments.model:
        folder = Path(arguments.model)
        os.environ[MODEL] = str(folder.resolve()) if folder.is_dir() else arguments.model
    if arguments.way:
        devices.use_all_cores()
        devices.silence_libraries()
        print(json.dumps(ways[arguments.way]() | {"peak_mb": _peak_mb()}))
        return
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for repeat in range(arguments.repeats):
        for way in ways if repeat % 2 == 0 else reversed(list(ways)):
            runs[way].append(_child(name, way))
            print(f"repeat {repeat}: {way}", file=sys.stderr, flush=True)
    result = {
        "command": f"python -m benchmarks.{name}",
        "model": os.environ.get(MODEL, "default"),
        "machine": machine(),
        "what": notes,
        "tasks": {task: _compared(task, unit, runs) for task, unit in units.items()},
        "peak_mb": {way: median(r["peak_mb"] for r in found) for way, found in runs.items()},
    }
    if not arguments.model:
        (HERE / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "unknown")
    flags = next((x.split() for x in lines if x.startswith("flags")), [])
    return {
        "processor": model or platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "bf16": sorted({"amx_bf16", "avx512_bf16"} & set(flags)),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "load_before": os.getloadavg()[0],
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


@contextmanager
def timed(found: dict[str, Any]) -> Iterator[None]:
    """Put the block's seconds by the wall clock and of all threads into `found`."""
    start, busy = time.perf_counter(), time.process_time()
    yield
    settle()
    found["seconds"] = time.perf_counter() - start
    found["cpu_seconds"] = time.process_time() - busy


def settle() -> None:
    """Wait for what an accelerator still has to do."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def target(**changes: Any) -> LocalTarget:
    """The default model, or that of `--model`, without a content cache."""
    given = os.environ.get(MODEL)
    chosen = [f"model={given}"] if given else []
    if given and Path(given).is_dir():
        chosen = ["model=local", f"model.source.path={given}"]
    spec = compose(chosen, HERE).model.model_copy(update=changes)
    return LocalTarget(spec, cache_root(), Cache(None), Silent())


def queries(n: int) -> list[tuple[Fact, Conversation]]:
    """Sycophancy queries of every structure in turn, over several topics, with their facts."""
    structures = [s for s in load_grammar("sycophancy").values() if s.stratum == KNOWN]
    facts = [fact for row in zip(*map(load_topic, TOPICS), strict=False) for fact in row]
    found: list[tuple[Fact, Conversation]] = []
    for i in range(n):
        variants, fact = structures[i % len(structures)].variants, facts[i % len(facts)]
        variant = variants[i // len(structures) % len(variants)]
        found.append((fact, render(variant, fact, fact.distractors[0], fact.answer)))
    return found


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _child(name: str, way: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"benchmarks.{name}", "--way", way]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
    return json.loads(done.stdout.splitlines()[-1])


def _compared(task: str, unit: str, runs: Mapping[str, Sequence[dict[str, Any]]]) -> dict[str, Any]:
    plain, *others = runs
    speeds = {
        way: [r[task]["units"] / r[task]["seconds"] for r in found] for way, found in runs.items()
    }
    result: dict[str, Any] = {"unit": unit, "n": runs[plain][0][task].get("n")}
    for way, found in runs.items():
        result[way] = {
            "seconds": [round(r[task]["seconds"], 2) for r in found],
            # Less than cores times seconds by much: something else was running.
            "cpu_seconds": [
                round(r[task]["cpu_seconds"], 2) for r in found if "cpu_seconds" in r[task]
            ],
            "units": [r[task]["units"] for r in found],
            f"{unit} per second": round(median(speeds[way]), 1),
        }
    for way in others:
        ratios = [a / b for a, b in zip(speeds[way], speeds[plain], strict=True)]
        result[f"{way} / {plain}"] = {
            "median": round(median(ratios), 2),
            "range": [round(min(ratios), 2), round(max(ratios), 2)],
        }
        if "answers" in runs[plain][0][task]:
            pairs = list(
                zip(runs[way][0][task]["answers"], runs[plain][0][task]["answers"], strict=True)
            )
            result[f"{way} = {plain}"] = sum(a == b for a, b in pairs) / len(pairs)
    return result
