"""Capability through lm-eval's in-memory model.

The built-in task is made of items written for this project; benchmarks known to lm-eval go by
their real names. Items are drawn by a seed, never the first N, and are the same for base and
every trial, so that they pair.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import math
import os
import random
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from a3.types.scores import CapabilityItem, CapabilityScores
from a3.types.target import Continuation, TrainableTarget

DATA = Path(__file__).parent / "data"


def builtin_tasks() -> list[str]:
    """Names of the tasks that ship with a3."""
    return sorted(p.stem for p in DATA.glob("*.jsonl") if p.stem != "neutral")


def questions(tasks: Sequence[str]) -> list[str]:
    """Every question of these tasks, for keeping other data apart from them."""
    return [row["question"] for task in tasks for row in _rows(task)]


def neutral_texts() -> list[str]:
    """The neutral prompts that KL is measured on."""
    return [row["text"] for row in _rows("neutral")]


def capability(
    target: TrainableTarget, tasks: Sequence[str], n_items: int, seed: int
) -> CapabilityScores:
    """Score the target on up to `n_items` items of each task, item by item."""
    if not tasks or n_items == 0:
        return CapabilityScores(tasks={})
    lm_eval = _quiet_import()
    with _quiet():
        # Not simple_evaluate: that asks git and pip about the machine for ten seconds a call.
        loaded = {name: _task(name, n_items, seed) for name in tasks}
        found = lm_eval.evaluate(
            _adapter(target),
            {"tasks": loaded, "groups": {}, "group_map": {}},
            bootstrap_iters=0,
            log_samples=True,
        )
    return CapabilityScores(
        tasks={name: tuple(map(_item, found["samples"][name])) for name in tasks}
    )


def items(task: str, n_items: int, seed: int) -> list[dict[str, Any]]:
    """A seeded sample of a built-in task's items, in a fixed order."""
    rows = _rows(task)
    chosen = random.Random(f"{seed}/{task}").sample(rows, min(n_items, len(rows)))
    return sorted(chosen, key=lambda row: row["id"])


def _rows(name: str) -> list[dict[str, Any]]:
    lines = (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _task(name: str, n_items: int, seed: int) -> Any:
    """A built-in task: the option whose text is likeliest after the question."""
    import datasets
    from lm_eval.api.task import ConfigurableTask

    rows = items(name, n_items, seed)
    return ConfigurableTask(
        config={
            "task": name,
            "custom_dataset": lambda **_: {"test": datasets.Dataset.from_list(rows)},
            "test_split": "test",
            "output_type": "multiple_choice",
            "doc_to_text": "Question: {{question}}\nAnswer:",
            "doc_to_choice": "choices",
            "doc_to_target": "answer",
            "target_delimiter": " ",
            "num_fewshot": 0,
            "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
            "metadata": {"version": 1.0},
        }
    )


def _item(sample: dict[str, Any]) -> CapabilityItem:
    doc, scores = sample["doc"], [float(s[0]) for s in sample["filtered_resps"]]
    # Among the options: a change in how the model likes to begin an answer is no loss of knowledge.
    highest = max(scores)
    total = highest + math.log(sum(math.exp(s - highest) for s in scores))
    return CapabilityItem(
        id=str(doc["id"]),
        correct=bool(sample["acc"]),
        logprob=scores[int(sample["target"])] - total,
    )


def _adapter(target: TrainableTarget) -> Any:
    """lm-eval's view of a target; no model library enters here."""
    from lm_eval.api.model import LM

    class TargetLM(LM):
        def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
            wanted = [Continuation(context=r.args[0], continuation=r.args[1]) for r in requests]
            return [(s.logprob, s.greedy) for s in target.score(wanted)]

        def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
            raise RuntimeError("a3's tasks never ask for rolling log-likelihoods")

        def generate_until(self, requests: list[Any]) -> list[str]:
            raise RuntimeError("a3's built-in tasks are scored, not generated")

    return TargetLM()


def _quiet_import() -> Any:
    # Without these lm-eval and datasets look for the hub and wait half a minute for it.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lm_eval
        import lm_eval.evaluator
    return lm_eval.evaluator


@contextlib.contextmanager
def _quiet() -> Any:
    """lm-eval reports every step on stderr and through the root logger."""
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
