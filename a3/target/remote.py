"""A target behind an endpoint: it can be asked, but neither trained nor looked into."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from a3.types.answers import Decoding, FinishReason, Generation
from a3.types.chat import Conversation
from a3.types.llm import CallFailed, ChatModel, ChatReply, ChatRequest, ReplyStop

FINISH = {ReplyStop.END: FinishReason.STOP, ReplyStop.LENGTH: FinishReason.LENGTH}


class RemoteTarget:
    """Answers come as text; a refusal is an answer, a failed call is none."""

    dtype, device = "unknown", "remote"

    def __init__(self, model: ChatModel, takes_temperature: bool) -> None:
        self._model, self._takes_temperature = model, takes_temperature

    @property
    def key(self) -> str:
        """The model with its settings; its weights may change behind the name."""
        return f"remote-{self._model.key}"

    weights = key

    def generate(
        self, conversations: Sequence[Conversation], decoding: Decoding, what: str
    ) -> list[list[Generation]]:
        """Answers, as many of each as decoding says; the endpoint caches them."""
        n = decoding.samples
        requests = [self._request(c, decoding, i) for c in conversations for i in range(n)]
        if not requests:
            return []
        replies = asyncio.run(self._model.reply(requests, what))
        found = [_generation(reply) for reply in replies]
        return [found[i : i + n] for i in range(0, len(found), n)]

    def _request(self, conversation: Conversation, decoding: Decoding, sample: int) -> ChatRequest:
        return ChatRequest(
            conversation=conversation,
            max_tokens=decoding.max_new_tokens,
            temperature=decoding.temperature if self._takes_temperature else None,
            vote=sample,
        )


def _generation(reply: ChatReply | CallFailed) -> Generation:
    if isinstance(reply, CallFailed):
        text = f"{reply.kind}: {reply.reason}"
        return Generation(text=text, finish_reason=FinishReason.ERROR, n_tokens=0)
    return Generation(
        text=reply.text,
        finish_reason=FINISH.get(reply.stop, FinishReason.STOP),
        n_tokens=reply.usage.output,
    )
