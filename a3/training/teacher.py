"""The frozen base as teacher: what it would say to the clean prompt, word by word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import compress
from typing import Any

from a3.target import chat
from a3.target.devices import trim
from a3.target.generate import batches
from a3.target.head import soft_targets
from a3.target.memory import Backoff
from a3.types.chat import Conversation
from a3.types.observer import Observer, Silent
from a3.types.trials import TrainingExample

KEPT = 64
"""Words kept of each distribution; the others, a twentieth of it on general data, count as one."""
BATCH_TOKENS = 2048

Lesson = tuple[Conversation, str]
"""A clean question with its answer, and the opening that the answer has."""
Memory = dict[tuple[Lesson, ...], dict[Lesson, chat.SoftTargets]]
"""Lessons -> what the base says to them. All or nothing, as a batch's company moves the last bits:
a resumed run must learn what the unbroken one did."""


def taught(
    model: Any,
    tokenizer: Any,
    examples: Sequence[TrainingExample],
    memory: Memory,
    observer: Observer | None = None,
) -> dict[TrainingExample, chat.Rendered]:
    """Every example rendered, with soft targets where it has a teacher prompt.

    These say of an answer that was cut off, too, how likely the base would end it there
    (docs/decisions.md).
    `model` must still be the base: an adapter that was never stepped adds nothing. `memory` holds
    what it taught last: the trials of a run differ in how they train, not in the lessons.
    """
    rows = {
        example: chat.render(
            tokenizer,
            example.conversation,
            example.loss_spans,
            example.complete or example.teacher is not None,
        )
        for example in dict.fromkeys(examples)
    }
    learners = [e for e in rows if e.teacher is not None]
    lessons = tuple(dict.fromkeys(map(_lesson, learners)))
    if lessons not in memory:
        memory.clear()
        memory[lessons] = _softened(model, tokenizer, lessons, observer or Silent())
    soft = memory[lessons]
    for example in learners:
        rows[example] = replace(rows[example], soft=soft[_lesson(example)])
    return rows


def _lesson(example: TrainingExample) -> Lesson:
    """The clean question with its answer; many examples share one."""
    assert example.teacher is not None
    answered = example.teacher.then(example.conversation.last)
    return answered, example.opening


def _softened(
    model: Any, tokenizer: Any, lessons: Sequence[Lesson], observer: Observer
) -> dict[Lesson, chat.SoftTargets]:
    rows = [chat.render(tokenizer, c, (len(c.messages) - 1,)) for c, _ in lessons]
    found: dict[Lesson, chat.SoftTargets] = {}

    def go_on(parts: int) -> None:
        left = [i for i, lesson in enumerate(lessons) if lesson not in found]
        for batch in batches([len(rows[i].ids) for i in left], 0, BATCH_TOKENS // parts):
            mine = [left[i] for i in batch]
            targets = soft_targets(model, [rows[i] for i in mine], KEPT)
            for i, soft in zip(mine, targets, strict=True):
                _keep(soft, rows[i], chat.shared_ids(tokenizer, rows[i], lessons[i][1]))
                found[lessons[i]] = soft
            trim()

    Backoff("teaching", observer)(go_on)
    return found


def _keep(soft: chat.SoftTargets, row: chat.Rendered, n: int) -> None:
    """Let the first `n` labelled ids stand for themselves."""
    soft.words[:n, 0] = soft.words.new_tensor(list(compress(row.ids, row.labelled))[:n])
    soft.probabilities[:n] = 0
    soft.probabilities[:n, 0] = 1
