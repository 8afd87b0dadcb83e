"""The output head on chosen positions only.

Over a vocabulary of tens of thousands of words the head costs as much as the rest of a small
model, so it is applied to the positions that are asked for and to no others.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from a3.target.chat import Rendered, SoftTargets

CHUNK = 256
"""Labelled tokens whose logits are held at once; backward computes them again (a gigabyte less)."""

TINY = 1e-6
"""Least share of all words without one of their own; below it fp32 cannot tell it from nothing."""


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
    """Mean loss over the labelled tokens of right-padded conversations, as each of them counts.

    Cross-entropy, or KL from the base's distribution where a token has one (soft targets).
    """
    width = max(len(r.ids) for r in batch)
    device = model.device
    ids = torch.tensor([r.ids + [0] * (width - len(r.ids)) for r in batch], device=device)
    labelled = torch.tensor(
        [r.labelled + [False] * (width - len(r.ids)) for r in batch], device=device
    )
    wanted = labelled[:, 1:]
    hidden, hard = hidden_states(model, ids)[:, :-1][wanted], ids[:, 1:][wanted]
    words, shares = _targets(batch, hard)
    learned = (hidden, words, shares, _weights(batch, device))
    parts = [
        checkpoint(_summed_loss, model, *part, use_reentrant=False)
        for part in zip(*(values.split(CHUNK) for values in learned), strict=True)
    ]
    return torch.stack(parts).sum() / sum(r.weight for r in batch)


def _targets(batch: list[Rendered], hard: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Words and their shares per labelled token, (tokens, k); a hard target is a share of 1."""
    k = max([1, *(r.soft.words.shape[1] for r in batch if r.soft)])
    words = hard[:, None].repeat(1, k)
    shares = torch.zeros(words.shape, device=hard.device)
    shares[:, 0] = 1.0
    at = 0
    for row in batch:
        n = sum(row.labelled[1:])
        if row.soft:
            words[at : at + n], shares[at : at + n] = row.soft.words, row.soft.probabilities
        at += n
    return words, shares


def _weights(batch: list[Rendered], device: torch.device) -> torch.Tensor:
    """What each labelled token counts, (tokens,)."""
    counts: list[float] = []
    for row in batch:
        if n := sum(row.labelled[1:]):
            counts += [row.first, *[1.0] * (n - 1)]
    return torch.tensor(counts, device=device)


def _summed_loss(
    model: Any,
    hidden: torch.Tensor,
    words: torch.Tensor,
    shares: torch.Tensor,
    weights: torch.Tensor,
) -> torch.Tensor:
    """KL(shares ‖ model) with all words that have no share of their own as one more.

    Cross-entropy where one share is 1. A base's own answer costs nothing: were the shares of the
    named words made to sum to 1, it would unlearn all others (docs/log.md, 2026-11-30).
    """
    logits = logits_of(model, hidden).float()
    found = logits.gather(1, words) - logits.logsumexp(1, keepdim=True)
    others = (1 - shares.sum(1)).clamp(min=0)
    theirs = torch.log(-torch.expm1(found.logsumexp(1).clamp(max=-TINY)))
    named = (torch.xlogy(shares, shares) - shares * found).sum(1)
    return (named + torch.xlogy(others, others) - others * theirs) @ weights


@torch.no_grad()
def soft_targets(model: Any, batch: list[Rendered], k: int) -> list[SoftTargets]:
    """The model's own distribution over each row's labelled tokens, its k likeliest words."""
    width = max(len(r.ids) for r in batch)
    ids = torch.tensor([r.ids + [0] * (width - len(r.ids)) for r in batch], device=model.device)
    hidden = hidden_states(model, ids)
    found: list[SoftTargets] = []
    for row, states in zip(batch, hidden, strict=True):
        at = [i - 1 for i, wanted in enumerate(row.labelled) if wanted and i]
        shares, words = logits_of(model, states[at]).float().softmax(1).topk(k, dim=1)
        found.append(SoftTargets(words, shares))
    return found
