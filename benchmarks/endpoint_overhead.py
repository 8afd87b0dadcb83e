"""Calls through an endpoint, and what they cost over the provider's bare SDK.

.venv/bin/python -m benchmarks.endpoint_overhead

The service of the tests answers from a process of its own. 1 s: 512 calls, 64 in flight; the ideal
is eight seconds. 50 ms: 1,024 calls, 64 in flight, through the SDK with nothing but a semaphore and
through an endpoint as runs have it: cache, ledger, caps, limits. Ways alternate; the median of
three passes is shown. CPU time is the client's own: that ratio also holds on a busy machine.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from a3.budget import Ledger
from a3.config.groups import CapsConfig
from a3.llm.connect import connect
from a3.llm.line import Line
from a3.store import Cache
from a3.types.chat import ask
from a3.types.endpoint import EndpointSpec, Price
from a3.types.llm import ChatReply, ChatRequest
from tests.llm.server import Says, serving

IN_FLIGHT, PASSES = 64, 3
SLOW_CALLS, FAST_CALLS = 512, 1024
SLOW, FAST = 1.0, 0.05
"""Latency, seconds; sent to the service as the model's name."""
PROVIDERS = ("anthropic", "openai_compatible")
Way = Callable[[EndpointSpec, Sequence[ChatRequest]], Awaitable[None]]


def _serve(pipe: Any) -> None:
    with serving(lambda body, n: Says("Good.", delay=float(body["model"]))) as service:
        pipe.send(service.url)
        pipe.recv()


@contextmanager
def served() -> Iterator[str]:
    """The address of a service in a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there,))
    process.start()
    try:
        yield here.recv()
    finally:
        here.send(None)
        process.join()


def spec_of(provider: str, url: str, latency: float) -> EndpointSpec:
    return EndpointSpec.model_validate(
        {
            "provider": provider,
            "model": str(latency),
            "base_url": url if provider == "anthropic" else f"{url}/v1",
            "max_tokens": 100,
            "concurrency": IN_FLIGHT,
            "attempts": 1,
            "timeout_s": 60.0,
            "price": Price(input=3, output=15),
        }
    )


def requests_of(n: int) -> list[ChatRequest]:
    """Each asks something else, as long as a case that a judge is shown."""
    return [ChatRequest(conversation=ask(f"{i}: {'fact ' * 200}"), max_tokens=50) for i in range(n)]


async def bare(spec: EndpointSpec, requests: Sequence[ChatRequest]) -> None:
    import anthropic
    import openai

    sdk = anthropic.AsyncAnthropic if spec.provider == "anthropic" else openai.AsyncOpenAI
    room = asyncio.Semaphore(IN_FLIGHT)
    async with sdk(api_key="none", base_url=spec.base_url, timeout=60.0, max_retries=0) as client:
        messages: Any = getattr(client, "messages", None) or client.chat.completions

        async def one(request: ChatRequest) -> None:
            said = [{"role": m.role, "content": m.content} for m in request.conversation.messages]
            async with room:
                await messages.create(model=spec.model, max_tokens=50, messages=said)

        await asyncio.gather(*map(one, requests))


async def ours(spec: EndpointSpec, requests: Sequence[ChatRequest]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "cost.json")
        caps = CapsConfig(calls=10**9, usd=1e9)
        line = Line(Cache(Path(folder) / "content.sqlite"), ledger, partial(ledger.over, caps))
        replies = await connect(spec, line).reply(requests, "benchmark")
        assert all(isinstance(reply, ChatReply) for reply in replies)
        assert ledger.cost.llm_calls == len(requests)


def timed(way: Way, spec: EndpointSpec, requests: Sequence[ChatRequest]) -> tuple[float, float]:
    """Wall-clock and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    asyncio.run(way(spec, requests))
    return time.perf_counter() - wall, time.process_time() - cpu


def compare(provider: str, url: str) -> None:
    spec, requests = spec_of(provider, url, FAST), requests_of(FAST_CALLS)
    found: dict[str, list[tuple[float, float]]] = {"bare": [], "ours": []}
    for _ in range(PASSES):
        for name, way in (("bare", bare), ("ours", ours)):
            found[name].append(timed(way, spec, requests))
    medians = {
        name: [statistics.median(t) for t in zip(*f, strict=True)] for name, f in found.items()
    }
    for name, (wall, cpu) in medians.items():
        rate, each = FAST_CALLS / wall, 1000 * cpu / FAST_CALLS
        print(f"| {provider} | 50 ms | {name} | {rate:.0f} calls/s | {each:.2f} ms CPU a call |")
    (plain, plain_cpu), (mine, mine_cpu) = medians["bare"], medians["ours"]
    ratios = f"rate: {plain / mine:.0%} of bare | CPU: {mine_cpu / plain_cpu:.2f} x"
    print(f"| {provider} | 50 ms | {ratios} |")


def main() -> None:
    with served() as url:
        for provider in PROVIDERS:
            timed(
                ours, spec_of(provider, url, 0.0), requests_of(1)
            )  # Imports and first connection.
            wall, _ = timed(ours, spec_of(provider, url, SLOW), requests_of(SLOW_CALLS))
            ideal = SLOW * SLOW_CALLS / IN_FLIGHT
            print(
                f"| {provider} | 1 s | {wall:.2f} s | ideal {ideal:.0f} s | {wall / ideal:.2f} x |"
            )
            compare(provider, url)


if __name__ == "__main__":
    main()
