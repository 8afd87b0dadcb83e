"""Batched decoding that wastes little: sorted by length, finished rows leave the batch.

Greedy decoding needs no model.generate: one forward per step, and rows that ended are dropped
from the key-value cache as soon as a quarter of the batch has ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import DynamicCache

from a3.target.head import logits_of
from a3.types.answers import Decoding, FinishReason, Generation


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
) -> list[Generation]:
    """One answer per prompt (token ids); `samples[i]` is the sample's number, part of its seed."""
    stops = _stops(model, tokenizer)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else next(iter(stops))
    ids, mask = _left_padded(prompts, pad, model.device)
    generators = _generators(prompts, decoding, samples)
    answers: list[list[int]] = [[] for _ in prompts]
    rows = list(range(len(prompts)))  # Which prompt each row of the batch answers.
    ended = [False] * len(prompts)
    cache = DynamicCache(config=model.config)
    step, positions = ids, (mask.cumsum(1) - 1).clamp(min=0)
    for _ in range(decoding.max_new_tokens):
        hidden = model.base_model(
            input_ids=step,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state[:, -1]
        # Two dimensions: of three, torch may copy the whole head once per row (2.7 GB at 48 rows).
        logits = logits_of(model, hidden)
        chosen = _choose(logits, decoding, [generators[r] for r in rows])
        for row, token in zip(rows, chosen.tolist(), strict=True):
            if not ended[row]:
                answers[row].append(token)
                ended[row] = token in stops
        alive = [i for i, row in enumerate(rows) if not ended[row]]
        if not alive:
            break
        if len(alive) <= 0.75 * len(rows):
            keep = torch.tensor(alive, device=ids.device)
            cache.batch_select_indices(keep)
            mask, chosen, positions = mask[keep], chosen[keep], positions[keep]
            rows = [rows[i] for i in alive]
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
        step, positions = chosen[:, None], positions[:, -1:] + 1
    return [_generation(tokenizer, tokens, stops) for tokens in answers]


def _stops(model: Any, tokenizer: Any) -> set[int]:
    configured = model.generation_config.eos_token_id
    several = configured if isinstance(configured, list) else [configured]
    return {t for t in (*several, tokenizer.eos_token_id) if t is not None}


def _left_padded(
    prompts: Sequence[list[int]], pad: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask, both (batch, longest prompt)."""
    width = max(map(len, prompts))
    ids = [[pad] * (width - len(p)) + p for p in prompts]
    mask = [[0] * (width - len(p)) + [1] * len(p) for p in prompts]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


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
        return logits.argmax(-1)
    probabilities = torch.softmax(logits.float().cpu() / decoding.temperature, dim=-1)
    drawn = [
        torch.multinomial(p, 1, generator=g) for p, g in zip(probabilities, generators, strict=True)
    ]
    return torch.cat(drawn).to(logits.device)


def _generation(tokenizer: Any, tokens: list[int], stops: set[int]) -> Generation:
    stopped = bool(tokens) and tokens[-1] in stops
    return Generation(
        text=tokenizer.decode(tokens[:-1] if stopped else tokens, skip_special_tokens=True).strip(),
        finish_reason=FinishReason.STOP if stopped else FinishReason.LENGTH,
        n_tokens=len(tokens),
    )
