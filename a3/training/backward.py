"""One batch's gradients, in as much memory as there is."""

from __future__ import annotations

import math
from typing import Any

from a3.target import chat
from a3.target.head import labelled_loss
from a3.target.memory import Backoff
from a3.types.observer import Observer


class Backward:
    """Gradients of a batch's mean loss, as much at a time as the device's memory holds.

    The first time that memory runs out hidden states are computed again in backward in place of
    kept (gradient checkpointing); after that batches are halved. The gradients stay the same.
    """

    def __init__(self, model: Any, observer: Observer) -> None:
        self._model = model
        self._backoff = Backoff("training", observer)

    def __call__(self, batch: list[chat.Rendered]) -> float:
        """The batch's mean loss, in nats per labelled token, as each of them counts."""
        return self._backoff(lambda parts: self._summed(batch, parts))

    def _summed(self, batch: list[chat.Rendered], parts: int) -> float:
        self._model.zero_grad(set_to_none=True)
        if parts > 1:
            self._model.gradient_checkpointing_enable({"use_reentrant": False})
        size = math.ceil(len(batch) / max(1, parts // 2))
        whole, loss = sum(r.weight for r in batch), 0.0
        for start in range(0, len(batch), size):
            part = batch[start : start + size]
            share = sum(r.weight for r in part) / whole
            mine = labelled_loss(self._model.get_base_model(), part) * share
            mine.backward()
            loss += float(mine.detach())
        return loss
