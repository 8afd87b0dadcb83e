"""The LoRA trainer: loss on the answers, batches of similar length, nothing else."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch

from a3.config.groups import TrainConfig
from a3.errors import MeasurementError
from a3.target import chat
from a3.target.devices import trim
from a3.target.generate import batches
from a3.target.local import LocalTarget
from a3.training import mix
from a3.training.backward import Backward
from a3.training.lora import lora
from a3.training.teacher import Memory, taught
from a3.types.observer import Observer
from a3.types.scores import HypothesisRates
from a3.types.trials import TrainingExample, TrialJob

_TAUGHT: WeakKeyDictionary[LocalTarget, Memory] = WeakKeyDictionary()
"""Soft targets, the same in all trials of a run."""
TRIM_EVERY = 4
"""Steps between returns of freed memory to the system; each takes milliseconds."""


def train(
    job: TrialJob,
    config: TrainConfig,
    rates: Mapping[str, HypothesisRates],
    target: LocalTarget,
    to: Path,
    observer: Observer,
) -> list[float]:
    """Train one adapter and save it where plain `PeftModel.from_pretrained` loads it.

    Returns the mean loss of each epoch, in nats per labelled token as each counts. Raises
    MeasurementError when the loss stops being a number.
    """
    with lora(target, job) as model:
        rows = _rendered(job, config, model, target)
        epochs = _epochs(job, config, rates, rows)
        losses = _optimise(model, epochs, job, config, observer)
        model.save_pretrained(to)
    return losses


def _rendered(
    job: TrialJob, config: TrainConfig, model: Any, target: LocalTarget
) -> dict[TrainingExample, chat.Rendered]:
    """Every example as ids, with what the objective wants learned."""
    examples = job.examples
    if job.objective == "sft":
        examples = tuple(e.model_copy(update={"teacher": None}) for e in examples)
    rows = taught(
        model.get_base_model(),
        target.tokenizer,
        examples,
        _TAUGHT.setdefault(target, {}),
        target.observer,
    )
    return {
        e: replace(rows[mine], first=config.first_token)
        for e, mine in zip(job.examples, examples, strict=True)
    }


def _epochs(
    job: TrialJob,
    config: TrainConfig,
    rates: Mapping[str, HypothesisRates],
    rows: Mapping[TrainingExample, chat.Rendered],
) -> list[list[list[chat.Rendered]]]:
    """Batches of every epoch."""
    rng = random.Random(f"{job.seed}/mix")
    weights = mix.weights(job.config, rates, config.weight_floor)
    size = _size(job, config, weights, rows)
    found: list[list[list[chat.Rendered]]] = []
    for _ in range(job.config.epochs):
        drawn = [
            rows[e] for e in mix.epoch(job.config, job.examples, weights, rng, size, config.strata)
        ]
        groups = batches([len(r.ids) for r in drawn], 0, config.batch_tokens)
        shuffled = [[drawn[i] for i in group] for group in groups]
        found.append(rng.sample(shuffled, len(shuffled)))
    return found


def _size(
    job: TrialJob,
    config: TrainConfig,
    weights: Mapping[str, float],
    rows: Mapping[TrainingExample, chat.Rendered],
) -> int:
    """How many examples of this mix make an epoch of the job's tokens, by the mean of a draw."""
    rng, guess = random.Random(f"{job.seed}/size"), max(100, len(rows))
    drawn = mix.epoch(job.config, job.examples, weights, rng, guess, config.strata)
    return round(guess * job.epoch_tokens / max(1, sum(len(rows[e].ids) for e in drawn)))


def _optimise(
    model: Any,
    epochs: Sequence[Sequence[list[chat.Rendered]]],
    job: TrialJob,
    config: TrainConfig,
    observer: Observer,
) -> list[float]:
    master = _Master(model)
    optimizer = torch.optim.AdamW(
        master.weights, lr=job.config.learning_rate, weight_decay=config.weight_decay
    )
    total = sum(map(len, epochs))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: _shape(step, total, config.warmup_share)
    )
    backward = Backward(model, observer)
    model.train()
    losses = [0.0] * len(epochs)
    for step, (number, batch) in enumerate(_numbered(epochs), start=1):
        loss = backward(batch)
        _check(loss, "training loss", step, job)
        master.take_gradients()
        torch.nn.utils.clip_grad_norm_(master.weights, config.max_grad_norm)
        optimizer.step()
        schedule.step()
        master.give_weights()
        losses[number] += loss / len(epochs[number])
        if step % TRIM_EVERY == 0:
            trim()
        observer.spend("trained_tokens", sum(len(r.ids) for r in batch))
        observer.progress(f"trial {job.number}: training", step, total)
    _check(master.norm(), "norm of the adapter", total, job)
    master.restore()
    return losses


class _Master:
    """The adapter's weights in fp32.

    They are multiplied in the base's format, several times as fast as fp32, but stepped in fp32,
    where small updates are not rounded away.
    """

    def __init__(self, model: Any) -> None:
        self._working = [p for p in model.parameters() if p.requires_grad]
        self.weights = [p.detach().float().clone().requires_grad_() for p in self._working]

    def take_gradients(self) -> None:
        """Move the gradients over."""
        for mine, theirs in zip(self.weights, self._working, strict=True):
            mine.grad = None if theirs.grad is None else theirs.grad.float()
            theirs.grad = None

    @torch.no_grad()
    def give_weights(self) -> None:
        """Bring the working copies up to date."""
        for mine, theirs in zip(self.weights, self._working, strict=True):
            theirs.copy_(mine)

    @torch.no_grad()
    def norm(self) -> float:
        """Of all weights; not finite if any of them is not."""
        return float(torch.stack([w.norm() for w in self.weights]).norm())

    @torch.no_grad()
    def restore(self) -> None:
        """Leave the exact weights in the model, to be saved."""
        for mine, theirs in zip(self.weights, self._working, strict=True):
            theirs.data = mine.detach()


def _numbered(
    epochs: Sequence[Sequence[list[chat.Rendered]]],
) -> Iterator[tuple[int, list[chat.Rendered]]]:
    for number, batches_ in enumerate(epochs):
        for batch in batches_:
            yield number, batch


def _shape(step: int, total: int, warmup_share: float) -> float:
    """Linear warm-up, then a cosine down to zero; a factor of the learning rate."""
    warmup = max(1, round(total * warmup_share))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


def _check(value: float, what: str, step: int, job: TrialJob) -> None:
    if not math.isfinite(value):
        raise MeasurementError(
            f"the {what} must stay a number",
            f"{value} at step {step} of trial {job.number}",
            f"lower the learning rate (search.space; it was {job.config.learning_rate:g})",
        )
