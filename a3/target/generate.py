"""Continuous batching: answers that ended make room for prompts that wait.

Greedy decoding needs no model.generate: one forward per step, and as soon as a quarter of the rows
has ended, others take their places (or the batch shrinks, once nobody waits).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from a3.target.head import logits_of
from a3.target.prefill import Prefill, Rows, advanced, stacked
from a3.types.answers import Decoding, FinishReason, Generation

KEPT = 0.75
"""Share of rows under way below which those that ended are replaced."""


def batches(lengths: Sequence[int], new_tokens: int, budget: int) -> Iterator[list[int]]:
    """Indices in batches of similar length, longest first, within a budget of padded tokens.

    Longest first, so that a batch that does not fit in memory fails at the start.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    batch: list[int] = []
    for index in order:
        width = lengths[batch[0]] if batch else lengths[index]
        if batch and (len(batch) + 1) * (width + new_tokens) > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


@torch.inference_mode()
def decode(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[list[int]],
    decoding: Decoding,
    samples: Sequence[int],
    room: Callable[[int], int],
) -> Iterator[dict[int, Generation]]:
    """Answers to prompts (token ids) by index, as they come.

    `samples[i]` is the sample's number, part of its seed; `room(length)` is how many may be under
    way together when the longest prompt among them has `length` ids.
    """
    spoken = _Spoken(model, tokenizer, prompts, decoding, samples)
    prefill = Prefill(model, prompts)
    # Longest first, so that what does not fit in memory fails at the start.
    waiting = sorted(range(len(prompts)), key=lambda i: (-len(prompts[i]), i))
    under_way: list[tuple[Rows, list[int]]] = []
    tokens = torch.empty(0, dtype=torch.long, device=model.device)
    while waiting or under_way:
        going = [rows.owners[i] for rows, alive in under_way for i in alive]
        free = room(max(len(prompts[i]) for i in [*going, *waiting[:1]])) - len(going)
        if waiting and free > 0 and (prefill.joinable or not going):
            for fresh, hidden in prefill(waiting[:free]):
                under_way.append((fresh, list(range(len(fresh.owners)))))
                tokens = torch.cat([tokens, spoken.add(fresh.owners, hidden)])
            waiting = waiting[free:]
        rows = stacked(under_way)
        alive = spoken.alive(rows.owners)
        while len(alive) > KEPT * len(rows.owners):
            rows, hidden = advanced(model, rows, tokens)
            tokens = spoken.add(rows.owners, hidden)
            alive = spoken.alive(rows.owners)
        yield spoken.ended(rows.owners)
        under_way, tokens = [(rows, alive)] if alive else [], tokens[alive]


class _Spoken:
    """What every answer holds so far."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        prompts: Sequence[list[int]],
        decoding: Decoding,
        samples: Sequence[int],
    ) -> None:
        self._model, self._tokenizer, self._decoding = model, tokenizer, decoding
        self._stops = _stops(model, tokenizer)
        self._streams = _generators(prompts, decoding, samples)
        self._tokens: list[list[int]] = [[] for _ in prompts]

    def add(self, owners: Sequence[int], hidden: torch.Tensor) -> torch.Tensor:
        """Choose the next token of each row, (rows,), and write it down unless the answer ended."""
        # Two dimensions: of three, torch may copy the whole head once per row (2.7 GB at 48 rows).
        logits = logits_of(self._model, hidden)
        chosen = _choose(logits, self._decoding, [self._streams[i] for i in owners])
        for owner, token in zip(owners, chosen.tolist(), strict=True):
            if not self._ended(owner):
                self._tokens[owner].append(token)
        return chosen

    def alive(self, owners: Sequence[int]) -> list[int]:
        """Rows whose answers go on."""
        return [row for row, owner in enumerate(owners) if not self._ended(owner)]

    def ended(self, owners: Sequence[int]) -> dict[int, Generation]:
        """The answers of those rows that ended."""
        return {owner: self._generation(owner) for owner in owners if self._ended(owner)}

    def _generation(self, owner: int) -> Generation:
        tokens = self._tokens[owner]
        stopped = tokens[-1] in self._stops
        return Generation(
            text=self._tokenizer.decode(
                tokens[:-1] if stopped else tokens, skip_special_tokens=True
            ).strip(),
            finish_reason=FinishReason.STOP if stopped else FinishReason.LENGTH,
            n_tokens=len(tokens),
        )

    def _ended(self, owner: int) -> bool:
        tokens = self._tokens[owner]
        return len(tokens) == self._decoding.max_new_tokens or (
            bool(tokens) and tokens[-1] in self._stops
        )


def _stops(model: Any, tokenizer: Any) -> set[int]:
    configured = model.generation_config.eos_token_id
    several = configured if isinstance(configured, list) else [configured]
    return {t for t in (*several, tokenizer.eos_token_id) if t is not None}


def _generators(
    prompts: Sequence[list[int]], decoding: Decoding, samples: Sequence[int]
) -> list[torch.Generator | None]:
    """One random stream per item, so that a sample does not depend on who shares its batch."""
    if decoding.temperature == 0:
        return [None] * len(prompts)
    streams: list[torch.Generator | None] = []
    for prompt, sample in zip(prompts, samples, strict=True):
        name = f"{decoding.seed}/{sample}/{prompt}".encode()
        seed = int.from_bytes(hashlib.sha256(name).digest()[:8], "big") >> 1
        streams.append(torch.Generator().manual_seed(seed))
    return streams


def _choose(
    logits: torch.Tensor, decoding: Decoding, generators: Sequence[torch.Generator | None]
) -> torch.Tensor:
    """The next token of each row, (batch,)."""
    if decoding.temperature == 0:
        return logits.max(-1).indices  # argmax takes five times as long in bf16 on a CPU.
    probabilities = torch.softmax(logits.float().cpu() / decoding.temperature, dim=-1)
    drawn = [
        torch.multinomial(p, 1, generator=g) for p, g in zip(probabilities, generators, strict=True)
    ]
    return torch.cat(drawn).to(logits.device)
