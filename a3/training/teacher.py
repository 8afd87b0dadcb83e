"""The frozen base as teacher: what it would say to the clean prompt, word by word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from a3.target import chat
from a3.target.devices import trim
from a3.target.generate import batches
from a3.target.head import soft_targets
from a3.types.chat import Conversation
from a3.types.trials import TrainingExample

KEPT = 64
"""Words kept of each distribution; the rest holds less than a hundredth."""
BATCH_TOKENS = 2048


def taught(
    model: Any, tokenizer: Any, examples: Sequence[TrainingExample]
) -> dict[TrainingExample, chat.Rendered]:
    """Every example rendered, with soft targets where it has a teacher prompt.

    `model` must still be the base: an adapter that was never stepped adds nothing.
    """
    rows = {
        example: chat.render(tokenizer, example.conversation, example.loss_spans, example.complete)
        for example in dict.fromkeys(examples)
    }
    learners = [e for e in rows if e.teacher is not None]
    soft = _softened(model, tokenizer, list(dict.fromkeys(map(_lesson, learners))))
    for example in learners:
        rows[example] = replace(rows[example], soft=soft[_lesson(example)])
    return rows


def _lesson(example: TrainingExample) -> tuple[Conversation, bool]:
    """The clean question with its answer; many examples share one."""
    assert example.teacher is not None
    return example.teacher.then(example.conversation.last), example.complete


def _softened(
    model: Any, tokenizer: Any, lessons: Sequence[tuple[Conversation, bool]]
) -> dict[tuple[Conversation, bool], chat.SoftTargets]:
    rows = [chat.render(tokenizer, c, (len(c.messages) - 1,), whole) for c, whole in lessons]
    found: dict[tuple[Conversation, bool], chat.SoftTargets] = {}
    for batch in batches([len(r.ids) for r in rows], 0, BATCH_TOKENS):
        targets = soft_targets(model, [rows[i] for i in batch], KEPT)
        found |= {lessons[i]: soft for i, soft in zip(batch, targets, strict=True)}
        trim()
    return found
