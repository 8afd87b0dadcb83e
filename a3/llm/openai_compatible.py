"""Any server that speaks OpenAI's chat completions: vLLM, Ollama, OpenRouter, OpenAI itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from a3.llm.provider import NO_KEY, Call, CallError, client, send
from a3.store import fingerprint
from a3.types.endpoint import EndpointSpec
from a3.types.llm import ChatReply, ChatRequest, ReplyStop, TokenUsage

STOPS = {"length": ReplyStop.LENGTH, "content_filter": ReplyStop.REFUSAL}
"""Every other reason to stop is the model's own end."""


class OpenAICompatible:
    """One model of a chat completions server."""

    def __init__(self, spec: EndpointSpec, key: str | None) -> None:
        self._spec, self._key = spec, key or NO_KEY

    @property
    def key(self) -> str:
        """Model, place and settings."""
        where = fingerprint(self._spec.base_url, self._spec.settings)[:8]
        return f"{self._spec.model}-{where}"

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Call]:
        """A client of the SDK."""
        import openai

        async with client(openai.AsyncOpenAI, self._spec, self._key) as found:
            create = found.chat.completions.with_raw_response.create
            yield lambda request: send(openai, create, self._body(request), _reply, self._key)

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        stable = "\n\n".join(text for text in (request.system, *request.log) if text)
        messages = [{"role": "system", "content": stable}] if stable else []
        messages += [{"role": m.role, "content": m.content} for m in request.conversation.messages]
        body: dict[str, Any] = {
            "model": self._spec.model,
            self._spec.max_tokens_field: request.max_tokens,
            "messages": messages,
        }
        if request.json_schema is not None:
            schema = {"name": "reply", "strict": True, "schema": request.json_schema}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if request.temperature is not None:
            body["temperature"] = request.temperature
        return body | {"extra_body": self._spec.settings}


def _reply(found: Any) -> ChatReply:
    if not found.choices:
        raise CallError("the server sent no choice")
    choice, usage = found.choices[0], found.usage
    refused = getattr(choice.message, "refusal", None)
    cached = getattr(getattr(usage, "prompt_tokens_details", None), "cached_tokens", None) or 0
    return ChatReply(
        text=choice.message.content or refused or "",
        stop=ReplyStop.REFUSAL if refused else STOPS.get(choice.finish_reason, ReplyStop.END),
        usage=TokenUsage(
            input=usage.prompt_tokens - cached, cache_read=cached, output=usage.completion_tokens
        )
        if usage
        else TokenUsage(),
    )
