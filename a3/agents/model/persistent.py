"""A model that is asked again what it refused: another draw of the same may be answered."""

from __future__ import annotations

from collections.abc import Sequence

from a3.types.llm import CallFailed, ChatModel, ChatReply, ChatRequest, FailureKind, ReplyStop

TRIES = 4
"""Draws of one request, at most."""


class Persistent:
    """A ChatModel that refuses only what it refused so many times in a row.

    Every draw has a place of its own in the cache: a refusal that was paid for is not the last
    word, and a resumed run finds the same draws again without paying.
    """

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    @property
    def key(self) -> str:
        """The model's own."""
        return self._model.key

    async def reply(
        self, requests: Sequence[ChatRequest], what: str
    ) -> list[ChatReply | CallFailed]:
        """A reply to each request, in order; of refused ones the last draw."""
        found = await self._model.reply(requests, what)
        for draw in range(1, TRIES):
            refused = [i for i, reply in enumerate(found) if _refused(reply)]
            if not refused:
                break
            again = [drawn(requests[i], draw) for i in refused]
            for i, reply in zip(refused, await self._model.reply(again, what), strict=True):
                found[i] = reply
        return found


def drawn(request: ChatRequest, draw: int) -> ChatRequest:
    """The same words, told apart from earlier draws of them."""
    return request.model_copy(update={"vote": request.vote + draw})


def _refused(reply: ChatReply | CallFailed) -> bool:
    if isinstance(reply, CallFailed):
        return reply.kind is FailureKind.REFUSED
    return reply.stop is ReplyStop.REFUSAL
