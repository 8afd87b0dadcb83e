"""Endpoints over the loopback service, for tests: no key, and no wait in earnest."""

import asyncio
from random import Random

from a3.llm.anthropic import Anthropic
from a3.llm.endpoint import Endpoint
from a3.llm.gate import Time
from a3.llm.line import Line
from a3.llm.openai_compatible import OpenAICompatible
from a3.store import Cache
from a3.types.chat import ask
from a3.types.endpoint import EndpointSpec, Price
from a3.types.llm import ChatRequest
from tests.observers import Heard

CLIENTS = {"anthropic": Anthropic, "openai_compatible": OpenAICompatible}
PROVIDERS = tuple(CLIENTS)
PRICE = Price(input=3, output=15, cache_read=0.1)


class Counted(Heard):
    """Events, and what each call cost."""

    def __init__(self):
        super().__init__()
        self.calls, self.spent = [], {}

    def called(self, model, usage, usd):
        self.calls.append((model, usage, usd))

    def spend(self, what, amount):
        self.spent[what] = self.spent.get(what, 0) + amount


def spec(provider, url, **changes):
    usual = {
        "provider": provider,
        "model": "claude-test",
        "base_url": url if provider == "anthropic" else f"{url}/v1",
        "max_tokens": 100,
        "concurrency": 8,
        "attempts": 4,
        "timeout_s": 5.0,
        "price": PRICE,
    }
    return EndpointSpec.model_validate(usual | changes)


def endpoint(provider, url, cache=None, most=None, key="key", **changes):
    """An endpoint that never sleeps in earnest: it notes how long it would have.

    It may make `most` calls.
    """
    made, heard, slept = spec(provider, url, **changes), Counted(), []

    def over(in_flight):
        n = len(heard.calls) + heard.spent.get("failed_calls", 0)
        return None if most is None or n + in_flight < most else f"{n} of {most} calls are made"

    client = CLIENTS[provider](made, key)
    now = [0.0]

    async def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    time = Time(now=lambda: now[0], sleep=sleep, jitter=Random(0).uniform)
    found = Endpoint(made, client, Line(cache or Cache(None), heard, over), time)
    return found, heard, slept


def request(text="Hi", **more):
    return ChatRequest(conversation=ask(text), max_tokens=50, **more)


def said(model, *requests):
    return asyncio.run(model.reply(requests, "test"))
