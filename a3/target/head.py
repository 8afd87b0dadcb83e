"""The output head on chosen positions only.

Over a vocabulary of tens of thousands of words the head costs as much as the rest of a small
model, so it is applied to the positions that are asked for and to no others.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from a3.target.chat import Rendered

CHUNK = 256
"""Labelled tokens whose logits are held at once; backward computes them again (a gigabyte less)."""


def hidden_states(model: Any, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    """Last hidden states, (batch, length, width).

    Without a mask, padding must stand right of all that is read: causal attention never looks
    ahead.
    """
    return model.base_model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state


def logits_of(model: Any, hidden: torch.Tensor) -> torch.Tensor:
    """The head with what some families put behind it (Gemma caps, Granite and Cohere scale)."""
    logits = model.get_output_embeddings()(hidden)
    config = model.config
    if scale := getattr(config, "logit_scale", None):
        logits = logits * scale
    if scaling := getattr(config, "logits_scaling", None):
        logits = logits / scaling
    if cap := getattr(config, "final_logit_softcapping", None):
        logits = torch.tanh(logits / cap) * cap
    return logits


def labelled_loss(model: Any, batch: list[Rendered]) -> torch.Tensor:
    """Mean cross-entropy over the labelled tokens of right-padded conversations."""
    width = max(len(r.ids) for r in batch)
    device = model.device
    ids = torch.tensor([r.ids + [0] * (width - len(r.ids)) for r in batch], device=device)
    labelled = torch.tensor(
        [r.labelled + [False] * (width - len(r.ids)) for r in batch], device=device
    )
    wanted = labelled[:, 1:]
    hidden, words = hidden_states(model, ids)[:, :-1][wanted], ids[:, 1:][wanted]
    parts = [
        checkpoint(_summed_loss, model, h, w, use_reentrant=False)
        for h, w in zip(hidden.split(CHUNK), words.split(CHUNK), strict=True)
    ]
    return torch.stack(parts).sum() / len(words)


def _summed_loss(model: Any, hidden: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.cross_entropy(
        logits_of(model, hidden).float(), words, reduction="sum"
    )
