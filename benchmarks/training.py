"""Training: A3's trainer against a plain padded peft loop.

.venv/bin/python -m benchmarks.training

The same chats (sycophancy queries with the right answer, rank 16 on every linear layer), each once.
Plain: AutoModelForCausalLM with its defaults in the same number format, LoRA as peft makes it,
batches of 16 in the order given, padded to the longest, `model(**batch, labels=...)` with the
logits of every token, AdamW on fp32 weights. A3: `train` with the default configuration. Tokens are
those of the chats, padding left out. `steady` is the second half of the steps; `quick_run` is what
the default run's tokens (quick-seed0.json) take at that speed with the start-up this process
saw on top of it (loading).
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import transformers

from a3.config.compose import compose
from a3.target import chat
from a3.training.trainer import train
from a3.types.chat import assistant
from a3.types.observer import Silent
from a3.types.trials import TrainingExample, TrialJob
from benchmarks.ways import HERE, main, queries, settle, target

EXAMPLES, ROWS = 128, 16
QUICK_RUN_TOKENS = json.loads((HERE / "quick-seed0.json").read_text())["cost"]["trained_tokens"]


def examples() -> list[TrainingExample]:
    """As many for harmful queries as for benign ones, so that an epoch holds each once."""
    found: list[TrainingExample] = []
    for i, (fact, query) in enumerate(queries(EXAMPLES)):
        said = query.then(assistant(fact.said(fact.answer)))
        kind = "harmful" if i % 2 else "benign"
        found.append(
            TrainingExample(
                conversation=said,
                loss_spans=(len(said.messages) - 1,),
                weight_group=f"H0/{kind}",
                stratum="harmful" if kind == "harmful" else "known",
                source="template",
            )
        )
    return found


class Clock(Silent):
    """Notes the time and the tokens of every step."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.steps: list[tuple[float, int]] = []

    def spend(self, what: str, amount: int) -> None:
        """A step of so many tokens is done."""
        if what == "trained_tokens":
            settle()
            self.steps.append((time.perf_counter() - self.start, amount))

    def told(self) -> dict[str, Any]:
        """Both tasks' seconds and tokens."""
        half = len(self.steps) // 2
        seconds = self.steps[-1][0] - self.steps[half - 1][0]
        tokens = sum(n for _, n in self.steps[half:])
        every = sum(n for _, n in self.steps)
        start_up = max(0.0, self.steps[-1][0] - every * seconds / tokens)
        whole = start_up + QUICK_RUN_TOKENS * seconds / tokens
        return {
            "steady": {"n": len(self.steps), "seconds": seconds, "units": tokens},
            "quick_run": {"n": len(self.steps), "seconds": whole, "units": QUICK_RUN_TOKENS},
        }


def ours() -> dict[str, Any]:
    config = compose([], Path())
    settings = config.search.default.model_copy(update={"epochs": 1, "general_share": 0.0})
    made, tokenizer = tuple(examples()), target().tokenizer
    tokens = sum(len(chat.render(tokenizer, e.conversation, e.loss_spans).ids) for e in made)
    job = TrialJob(number=0, config=settings, examples=made, epoch_tokens=tokens, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        train(job, config.train, {}, target(), Path(folder) / "adapter", clock)
    return clock.told()


def plain() -> dict[str, Any]:
    from peft import LoraConfig, get_peft_model

    clock, mine = Clock(), target()
    lora = compose([], Path()).search.default
    tokenizer = mine.tokenizer
    model: Any = get_peft_model(
        transformers.AutoModelForCausalLM.from_pretrained(mine.folder, dtype=mine.dtype),
        LoraConfig(r=lora.lora.rank, lora_alpha=lora.lora.alpha, target_modules="all-linear"),
    ).train()
    model.to(mine.device)
    weights = [p for p in model.parameters() if p.requires_grad]
    assert all(w.dtype is torch.float32 for w in weights)
    optimizer = torch.optim.AdamW(weights, lr=lora.learning_rate)
    rows = [chat.render(tokenizer, e.conversation, e.loss_spans) for e in examples()]
    for first in range(0, len(rows), ROWS):
        batch = rows[first : first + ROWS]
        width = max(len(r.ids) for r in batch)
        ids = [r.ids + [tokenizer.pad_token_id] * (width - len(r.ids)) for r in batch]
        mask = [[1] * len(r.ids) + [0] * (width - len(r.ids)) for r in batch]
        labels = [
            [i if wanted else -100 for i, wanted in zip(r.ids, r.labelled, strict=True)]
            + [-100] * (width - len(r.ids))
            for r in batch
        ]
        loss = model(
            input_ids=torch.tensor(ids, device=mine.device),
            attention_mask=torch.tensor(mask, device=mine.device),
            labels=torch.tensor(labels, device=mine.device),
        ).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        clock.spend("trained_tokens", sum(len(r.ids) for r in batch))
    return clock.told()


if __name__ == "__main__":
    units = {"steady": "tokens", "quick_run": "tokens"}
    main("training", {"plain": plain, "ours": ours}, units, str(__doc__))
