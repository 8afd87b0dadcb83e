"""Claude through the Messages API (https://docs.claude.com/en/api/messages)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from a3.llm.provider import NO_KEY, Call, client, send
from a3.store import fingerprint
from a3.types.chat import Conversation
from a3.types.endpoint import EndpointSpec
from a3.types.llm import ChatReply, ChatRequest, ReplyStop, TokenUsage

STOPS = {
    "max_tokens": ReplyStop.LENGTH,
    "model_context_window_exceeded": ReplyStop.LENGTH,
    "refusal": ReplyStop.REFUSAL,
}
"""Every other reason to stop is the model's own end."""
KEPT = {"type": "ephemeral", "ttl": "1h"}
"""Marks the end of a prefix that the service keeps for an hour after its last use.

A trial may take longer than the default of five minutes. Such a write costs twice the price of
input, a read a tenth (https://platform.claude.com/docs/en/build-with-claude/prompt-caching).
"""


class Anthropic:
    """One model of the Messages API."""

    def __init__(self, spec: EndpointSpec, key: str | None) -> None:
        self._spec, self._key = spec, key or NO_KEY

    @property
    def key(self) -> str:
        """Model, service and settings."""
        return f"{self._spec.model}-{fingerprint(self._spec.base_url, self._spec.settings)[:8]}"

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Call]:
        """A client of the SDK."""
        import anthropic

        async with client(anthropic.AsyncAnthropic, self._spec, self._key) as found:
            create = found.messages.with_raw_response.create
            yield lambda request: send(anthropic, create, self._body(request), _reply, self._key)

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        stable = _stable(request)
        body: dict[str, Any] = {
            "model": self._spec.model,
            "max_tokens": request.max_tokens,
            "messages": _messages(request.conversation),
        }
        if system := [{"type": "text", "text": t} for t in _said_before(request.conversation)]:
            stable = [*stable, *system]
        if stable:
            body["system"] = stable
        output = dict(self._spec.settings.get("output_config", {}))
        if request.json_schema is not None:
            output["format"] = {"type": "json_schema", "schema": request.json_schema}
        more = {k: v for k, v in self._spec.settings.items() if k != "output_config"}
        if request.temperature is not None:  # No argument of the SDK any more.
            more["temperature"] = request.temperature
        return body | ({"output_config": output} if output else {}) | {"extra_body": more}


def _stable(request: ChatRequest) -> list[dict[str, Any]]:
    """Instructions, then the log part by part: what is cached ends after either of them."""
    blocks: list[dict[str, Any]] = [
        {"type": "text", "text": text} for text in (request.system, *request.log) if text
    ]
    for end in {0, len(blocks) - 1} if blocks else ():  # The service takes four marks at most.
        blocks[end]["cache_control"] = KEPT
    return blocks


def _said_before(conversation: Conversation) -> list[str]:
    """System turns, which this API takes apart from the others."""
    return [m.content for m in conversation.messages if m.role == "system"]


def _messages(conversation: Conversation) -> list[dict[str, str]]:
    return [
        {"role": m.role, "content": m.content} for m in conversation.messages if m.role != "system"
    ]


def _reply(message: Any) -> ChatReply:
    usage = message.usage
    return ChatReply(
        text="".join(block.text for block in message.content if block.type == "text"),
        stop=STOPS.get(message.stop_reason, ReplyStop.END),
        usage=TokenUsage(
            input=usage.input_tokens,
            cache_read=usage.cache_read_input_tokens or 0,
            cache_write=usage.cache_creation_input_tokens or 0,
            output=usage.output_tokens,
        ),
    )
