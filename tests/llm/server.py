"""A model service on the loopback, over real HTTP: Messages API and chat completions.

What it says is a function of the request; what goes wrong is scripted, call by call.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

MESSAGES, COMPLETIONS = "/v1/messages", "/v1/chat/completions"


@dataclass(frozen=True)
class Says:
    """One response; the defaults are a good one."""

    text: str = "Hello."
    stop: str = "end_turn"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False
    """Drop the connection half way through the body."""
    hang: bool = False
    """Say nothing until the client gives up."""
    raw: str | None = None
    """The body as it is, in place of a well-formed one."""
    cached: int = 0
    """Input tokens that came from the prompt cache."""


Script = Callable[[dict[str, Any], int], Says]
"""The request's body and its number (from 0), to what is said."""

FINISH = {"end_turn": "stop", "max_tokens": "length", "refusal": "content_filter"}


class Service:
    """What was asked of it, and how many calls were in flight at most."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answered: list[dict[str, Any]] = []
        """Requests whose reply went out whole: what a provider wants money for."""
        self.in_flight = self.most_in_flight = 0
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive."""
        try:
            while line := (await reader.readline()).decode():
                path = line.split()[1]
                headers = await _headers(reader)
                body = json.loads(await reader.readexactly(int(headers["content-length"])))
                says, content = await self._reply(path, headers, body)
                if says.hang:
                    await reader.read()
                    break
                if says.status == 200 and says.raw is None and not says.cut:
                    self.answered.append(body)
                await _send(says, content, writer)
                if says.cut:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _reply(
        self, path: str, headers: dict[str, str], body: dict[str, Any]
    ) -> tuple[Says, bytes]:
        number = len(self.asked)
        self.asked.append(body)
        self.headers.append(headers)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        says = self.script(body, number)
        await asyncio.sleep(says.delay)
        self.in_flight -= 1
        text = says.raw if says.raw is not None else json.dumps(_body(path, body, says))
        return says, text.encode()


async def _send(says: Says, content: bytes, writer: asyncio.StreamWriter) -> None:
    head = [f"HTTP/1.1 {says.status} -", "content-type: application/json"]
    head += [f"content-length: {len(content)}"]
    head += [f"{name}: {value}" for name, value in says.headers.items()]
    writer.write("\r\n".join(head).encode() + b"\r\n\r\n")
    writer.write(content[: len(content) // 2] if says.cut else content)
    await writer.drain()


async def _headers(reader: asyncio.StreamReader) -> dict[str, str]:
    found: dict[str, str] = {}
    while line := (await reader.readline()).decode().strip():
        name, _, value = line.partition(":")
        found[name.lower()] = value.strip()
    return found


def _body(path: str, asked: dict[str, Any], says: Says) -> dict[str, Any]:
    if says.status >= 400:
        kind = {429: "rate_limit_error", 529: "overloaded_error"}.get(says.status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": says.text}}
    read = len(json.dumps(asked.get("messages"))) // 4
    written = max(1, len(says.text) // 4)
    if path.endswith(MESSAGES):
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": asked["model"],
            "content": [{"type": "text", "text": says.text}],
            "stop_reason": says.stop,
            "stop_sequence": None,
            "usage": {
                "input_tokens": read,
                "output_tokens": written,
                "cache_read_input_tokens": says.cached,
                "cache_creation_input_tokens": 0,
            },
        }
    return {
        "id": "chat-1",
        "object": "chat.completion",
        "created": 0,
        "model": asked["model"],
        "choices": [
            {
                "index": 0,
                "finish_reason": FINISH[says.stop],
                "message": {"role": "assistant", "content": says.text},
            }
        ],
        "usage": {
            "prompt_tokens": read + says.cached,
            "completion_tokens": written,
            "total_tokens": read + says.cached + written,
            "prompt_tokens_details": {"cached_tokens": says.cached},
        },
    }


@contextmanager
def serving(script: Script) -> Iterator[Service]:
    """The service in a thread of its own while the block runs."""
    service, loop, ready = Service(script), asyncio.new_event_loop(), threading.Event()

    async def start() -> asyncio.Server:
        server = await asyncio.start_server(service.handle, "127.0.0.1", 0)
        service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()
        return server

    def run() -> None:
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(start())
        loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    try:
        yield service
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
