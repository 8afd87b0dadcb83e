"""Prepared items -> what a target answered, through lm-eval's in-memory model."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import math
import warnings
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from a3.types.answers import Decoding, FinishReason
from a3.types.chat import Conversation
from a3.types.scores import CapabilityItem
from a3.types.target import Continuation, ScoringTarget

BUILTIN = {
    "output_type": "multiple_choice",
    "doc_to_text": "Question: {{question}}\nAnswer:",
    "doc_to_choice": "choices",
    "doc_to_target": "answer",
    "target_delimiter": " ",
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    "metadata": {"version": 1.0},
}
"""A built-in task: the option whose text is likeliest after the question."""


@dataclass(frozen=True)
class Prepared:
    """The chosen items of one lm-eval task."""

    name: str
    config: Mapping[str, Any]
    """The task's lm-eval configuration, data apart."""
    rows: Sequence[dict[str, Any]]
    ids: Sequence[str]
    """One id a row, as results name it."""
    shots: Sequence[dict[str, Any]]
    """Examples shown before each question, in order."""
    chat: bool
    """Whether the question is a user turn; else the target reads raw text."""
    setting: str
    """How the whole benchmark was asked, for the report."""

    @staticmethod
    def builtin(name: str, rows: Sequence[dict[str, Any]], setting: str) -> Prepared:
        """Items of a built-in task."""
        return Prepared(name, BUILTIN, rows, [row["id"] for row in rows], (), False, setting)


def run(
    target: ScoringTarget, tasks: Mapping[str, Sequence[Prepared]], max_gen_toks: int
) -> dict[str, tuple[CapabilityItem, ...]]:
    """Every item of every task, in order; at most `max_gen_toks` tokens are written per answer."""
    parts = [part for several in tasks.values() for part in several]
    found: dict[str, tuple[CapabilityItem, ...]] = {}
    for chat in (False, True):
        mine = [part for part in parts if part.chat is chat]
        if mine:
            found |= _evaluate(target, mine, chat, max_gen_toks)
    return {
        name: tuple(item for part in several for item in found[part.name])
        for name, several in tasks.items()
    }


def _evaluate(
    target: ScoringTarget, parts: Sequence[Prepared], chat: bool, max_gen_toks: int
) -> dict[str, tuple[CapabilityItem, ...]]:
    from lm_eval.evaluator import evaluate

    tasks = {part.name: _task(part) for part in parts}
    # Not simple_evaluate: that asks git and pip about the machine for ten seconds a call.
    found: Any = evaluate(
        _adapter(target, chat, max_gen_toks),
        {"tasks": tasks, "groups": {}, "group_map": {}},
        bootstrap_iters=0,
        log_samples=True,
        apply_chat_template=chat,
        fewshot_as_multiturn=chat,
    )
    return {
        part.name: tuple(_items(part, tasks[part.name], found["samples"][part.name]))
        for part in parts
    }


def _task(part: Prepared) -> Any:
    """lm-eval's task over these rows alone."""
    import datasets
    from lm_eval.api.task import ConfigurableTask

    data = {"asked": datasets.Dataset.from_list(list(part.rows))}
    if part.shots:
        data["shots"] = datasets.Dataset.from_list(list(part.shots))
    return ConfigurableTask(
        config={
            **part.config,
            "task": part.name,
            "custom_dataset": lambda **_: data,
            "training_split": None,
            "validation_split": None,
            "test_split": "asked",
            "fewshot_split": "shots" if part.shots else None,
            "num_fewshot": len(part.shots),
        }
    )


def _items(part: Prepared, task: Any, samples: Any) -> Iterator[CapabilityItem]:
    """One item a row; where a task reads answers in several ways, the first it names counts."""
    for sample in samples:
        if sample["filter"] == samples[0]["filter"]:
            metric = next(name for name in ("acc", "exact_match") if name in sample)
            yield CapabilityItem(
                id=str(part.ids[sample["doc_id"]]),
                correct=bool(sample[metric]),
                logprob=_logprob(task, sample),
            )


def _logprob(task: Any, sample: dict[str, Any]) -> float | None:
    if task.OUTPUT_TYPE != "multiple_choice":
        return None
    scores = [float(s[0]) for s in sample["filtered_resps"]]
    right = task.doc_to_target(sample["doc"])
    if not isinstance(right, int):
        right = task.doc_to_choice(sample["doc"]).index(right)
    if not all(map(math.isfinite, scores)):
        return None
    # Among the options: a change in how the model likes to begin an answer is no loss of knowledge.
    highest = max(scores)
    total = highest + math.log(sum(math.exp(s - highest) for s in scores))
    return scores[right] - total


def _adapter(target: ScoringTarget, chat: bool, max_gen_toks: int) -> Any:
    """lm-eval's view of a target; no model library enters here."""
    from lm_eval.api.model import LM

    class TargetLM(LM):
        @property
        def tokenizer_name(self) -> str:
            return target.key

        def apply_chat_template(
            self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
        ) -> str:
            # lm-eval carries prompts as text: the chat itself travels, and the target renders it.
            return json.dumps(chat_history)

        def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
            read = (lambda text: target.prompt_text(_chat(text))) if chat else str
            found: dict[int, tuple[float, bool]] = {}
            for mine in _alike(r.task_name for r in requests):
                wanted = [
                    Continuation(context=read(r.args[0]), continuation=r.args[1])
                    for r in map(requests.__getitem__, mine)
                ]
                scores = target.score(wanted, "capability")
                found |= {i: (s.logprob, s.greedy) for i, s in zip(mine, scores, strict=True)}
            return [found[i] for i in range(len(requests))]

        def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
            raise RuntimeError("a3's tasks never ask for rolling log-likelihoods")

        def generate_until(self, requests: list[Any]) -> list[str]:
            return _generated(target, requests, max_gen_toks)

    return TargetLM()


def _generated(target: ScoringTarget, requests: Sequence[Any], most: int) -> list[str]:
    """An answer to each chat, cut where the task says that answers end."""
    answers: dict[int, str] = {}
    chats = [_chat(r.args[0]) for r in requests]
    decodings = [_decoding(r.args[1], most) for r in requests]
    # Without worked examples too little is shared to be worth smaller batches.
    tasks = [
        r.task_name if len(c.messages) > 2 else "" for r, c in zip(requests, chats, strict=True)
    ]
    for mine in _alike(zip(decodings, tasks, strict=True)):
        asked = [chats[i] for i in mine]
        found = target.generate(asked, decodings[mine[0]], "capability")
        for i, samples in zip(mine, found, strict=True):
            failed = samples[0].finish_reason is FinishReason.ERROR
            answers[i] = "" if failed else _until(samples[0].text, requests[i].args[1]["until"])
    return [answers[i] for i in range(len(requests))]


def _alike(keys: Iterable[Hashable]) -> list[list[int]]:
    """Indices of equal keys, together.

    The items of one task share their system turn and worked examples, which the target computes
    once for what it is asked at once; the items of all tasks share a few words only.
    """
    found: dict[Hashable, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        found[key].append(i)
    return list(found.values())


def _decoding(wanted: Mapping[str, Any], most: int) -> Decoding:
    """The task's own decoding, with at most `most` tokens; greedy unless it asks for samples."""
    temperature = float(wanted.get("temperature") or 0.0) if wanted.get("do_sample") else 0.0
    return Decoding(
        max_new_tokens=min(most, int(wanted.get("max_gen_toks") or most)), temperature=temperature
    )


def _until(text: str, stops: str | Sequence[str]) -> str:
    for stop in [stops] if isinstance(stops, str) else stops:
        text = text.split(stop)[0] if stop else text
    return text


def _chat(text: str) -> Conversation:
    return Conversation.model_validate({"messages": json.loads(text)})


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """lm-eval reports every step on stderr and through the root logger."""
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
