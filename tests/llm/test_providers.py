"""Both providers against the loopback service: what goes out, and what each answer becomes."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

import pytest

from a3.errors import BudgetError, ConfigError
from a3.llm.anthropic import Anthropic
from a3.llm.connect import connect
from a3.llm.endpoint import Endpoint, dollars
from a3.llm.gate import Time
from a3.llm.line import Line
from a3.llm.openai_compatible import OpenAICompatible
from a3.store import Cache
from a3.types.chat import Conversation, Message, ask, assistant, user
from a3.types.endpoint import EndpointSpec, Price
from a3.types.events import CallsPaused
from a3.types.llm import CallFailed, ChatReply, ChatRequest, FailureKind, ReplyStop, TokenUsage
from tests.conftest import compose
from tests.llm.server import Says, serving
from tests.observers import Heard

CLIENTS = {"anthropic": Anthropic, "openai_compatible": OpenAICompatible}
PROVIDERS = tuple(CLIENTS)
PRICE = Price(input=3, output=15, cache_read=0.3)


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


@pytest.fixture(params=PROVIDERS)
def provider(request):
    return request.param


def test_a_reply_with_its_usage_and_price(provider):
    with serving(lambda body, n: Says("Good day.", cached=40)) as service:
        model, heard, _ = endpoint(provider, service.url)
        (reply,) = said(model, request())
    assert reply.text == "Good day." and reply.stop is ReplyStop.END
    assert reply.usage.cache_read == 40 and reply.usage.input > 0 and reply.usage.output == 2
    ((name, usage, usd),) = heard.calls
    assert (name, usage) == ("claude-test", reply.usage)
    assert usd == pytest.approx((usage.input * 3 + 40 * 0.3 + 2 * 15) / 1e6)


def test_what_goes_out(provider):
    talk = Conversation(messages=(user("a"), assistant("b"), user("c")))
    schema = {"type": "object", "properties": {}, "additionalProperties": False, "required": []}
    asked = ChatRequest(
        system="Rules.", log=("H0.", "H1."), conversation=talk, json_schema=schema, max_tokens=50
    )
    with serving(lambda body, n: Says("{}")) as service:
        model, _, _ = endpoint(provider, service.url, settings={"output_config": {"effort": "low"}})
        said(model, asked)
    (body,) = service.asked
    assert body["model"] == "claude-test" and body["max_tokens"] == 50
    assert "temperature" not in body and "tool_choice" not in body
    assert [m["content"] for m in body["messages"]][-3:] == ["a", "b", "c"]
    if provider == "anthropic":
        assert [part["text"] for part in body["system"]] == ["Rules.", "H0.", "H1."]
        ends = ["cache_control" in part for part in body["system"]]
        assert ends == [True, False, True]
        assert body["system"][2]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
        wanted = {"effort": "low", "format": {"type": "json_schema", "schema": schema}}
        assert body["output_config"] == wanted
    else:
        assert body["messages"][0] == {"role": "system", "content": "Rules.\n\nH0.\n\nH1."}
        assert body["response_format"]["json_schema"]["schema"] == schema
    (headers,) = service.headers
    assert headers.get("x-api-key") == "key" or headers["authorization"] == "Bearer key"


def test_reasoning_models_are_told_the_limit_under_their_own_name():
    with serving(lambda body, n: Says("ok")) as service:
        changes = {"max_tokens_field": "max_completion_tokens"}
        model, _, _ = endpoint("openai_compatible", service.url, **changes)
        (reply,) = said(model, request())
    (body,) = service.asked
    assert reply.text == "ok" and body["max_completion_tokens"] == 50 and "max_tokens" not in body


def test_system_turns_are_passed_on(provider):
    talk = Conversation(messages=(Message(role="system", content="Be brief."), user("c")))
    with serving(lambda body, n: Says()) as service:
        model, _, _ = endpoint(provider, service.url)
        said(model, ChatRequest(conversation=talk, max_tokens=50))
    (body,) = service.asked
    if provider == "anthropic":
        assert [part["text"] for part in body["system"]] == ["Be brief."]
        assert [m["role"] for m in body["messages"]] == ["user"]
    else:
        assert [m["role"] for m in body["messages"]] == ["system", "user"]


@pytest.mark.parametrize(
    ("stop", "found"),
    [("max_tokens", ReplyStop.LENGTH), ("refusal", ReplyStop.REFUSAL), ("end_turn", ReplyStop.END)],
)
def test_why_a_reply_ended(provider, stop, found):
    with serving(lambda body, n: Says("text", stop=stop)) as service:
        (reply,) = said(endpoint(provider, service.url)[0], request())
    assert isinstance(reply, ChatReply) and reply.stop is found


@pytest.mark.parametrize(
    "wrong",
    [
        Says(status=500, text="oops"),
        Says(status=529, text="overloaded"),
        Says(status=429, text="slow down"),
        Says(cut=True, text="A long answer that never arrives in full. " * 50),
        Says(raw="<html>gateway</html>", status=502),
        Says(raw="<html>gateway</html>", headers={"content-type": "text/html"}),
        Says(raw='{"id": "1", "content": [{"ty'),
        Says(raw='{"hello": "world"}'),
        Says(raw='{"content": [7], "choices": [7], "usage": "much"}'),
        Says(raw="[]"),
        Says(raw="[" * 100_000),
    ],
)
def test_what_passes_is_tried_again(provider, wrong):
    with serving(lambda body, n: wrong if n < 2 else Says("at last")) as service:
        model, heard, slept = endpoint(provider, service.url)
        (reply,) = said(model, request())
    assert reply.text == "at last" and len(service.asked) == 3
    assert len(heard.calls) == 1 and len(slept) >= 2


def test_a_time_out_is_tried_again(provider):
    with serving(lambda body, n: Says("late", delay=0.5) if n == 0 else Says("now")) as service:
        (reply,) = said(endpoint(provider, service.url, timeout_s=0.2)[0], request())
    assert reply.text == "now"


def test_waits_as_long_as_the_server_says_and_everyone_does(provider):
    def script(body, n):
        return Says(status=429, headers={"retry-after": "7"}) if n == 0 else Says("ok")

    with serving(script) as service:
        model, heard, slept = endpoint(provider, service.url, concurrency=1)
        replies = said(model, request("a"), request("b"))
    assert [r.text for r in replies] == ["ok", "ok"]
    assert max(slept) == 7.0 and len(service.asked) == 3
    (paused,) = [e for e in heard.events if isinstance(e, CallsPaused)]
    assert paused.seconds == 7.0


def test_waits_grow_with_jitter_where_the_server_says_nothing(provider):
    with serving(lambda body, n: Says(status=500)) as service:
        (failed,) = said((made := endpoint(provider, service.url))[0], request())
    assert isinstance(failed, CallFailed) and failed.kind is FailureKind.TRANSPORT
    assert "500" in failed.reason and len(service.asked) == 4
    _, _, slept = made
    assert len(slept) == 3  # None after the last attempt.
    assert all(2**i / 2 <= wait <= 2**i for i, wait in enumerate(slept))


@pytest.mark.parametrize("header", ["inf", "nan", "Wed, 21 Oct 2015 07:28:00 GMT", "-3"])
def test_no_header_makes_it_wait_for_ever(provider, header):
    def script(body, n):
        return Says(status=429, headers={"retry-after": header}) if n == 0 else Says("ok")

    with serving(script) as service:
        model, _, slept = endpoint(provider, service.url)
        (reply,) = said(model, request())
    assert reply.text == "ok" and all(0 <= wait <= 1 for wait in slept)


def limits(provider, left):
    """Tokens of a minute as either provider tells of them; its reset lies 40 seconds ahead."""
    if provider == "openai_compatible":
        return {"x-ratelimit-remaining-tokens": left, "x-ratelimit-reset-tokens": "40s"}
    reset = (datetime.now(UTC) + timedelta(seconds=40)).isoformat().replace("+00:00", "Z")
    name = "anthropic-ratelimit-output-tokens"
    return {f"{name}-remaining": left, f"{name}-reset": reset}


@pytest.mark.parametrize("status", [200, 429])
def test_when_no_tokens_are_left_it_waits_for_more(provider, status):
    def script(body, n):
        return Says("ok", status=200 if n else status, headers=limits(provider, "90" if n else "0"))

    with serving(script) as service:
        model, _, slept = endpoint(provider, service.url, concurrency=1)
        replies = said(model, request("a"), request("b"))
    assert [r.text for r in replies] == ["ok", "ok"]
    assert [wait for wait in slept if wait > 10] and all(wait <= 40 for wait in slept)


def test_a_date_to_retry_after_is_kept_to(provider):
    def script(body, n):
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
        return Says(status=429, headers={"retry-after": date}) if n == 0 else Says("ok")

    with serving(script) as service:
        model, _, slept = endpoint(provider, service.url)
        (reply,) = said(model, request())
    assert reply.text == "ok" and 10 < max(slept) <= 40


def test_a_batch_keeps_to_the_room_that_the_one_before_it_found(provider):
    with serving(lambda body, n: Says("ok", status=429 if n < 3 else 200, delay=0.05)) as service:
        model, _, _ = endpoint(provider, service.url)
        said(model, request())  # Eight calls in flight, then four, two, one.
        said(model, *(request(str(i)) for i in range(8)))
    assert service.most_in_flight < 8


def test_a_server_that_asks_for_no_key_gets_none(provider):
    with serving(lambda body, n: Says("ok")) as service:
        (reply,) = said(connect(spec(provider, service.url), Line()), request())
    assert reply.text == "ok"


def test_a_key_that_is_sent_back_goes_no_further(provider):
    key = "sk-fake-4f1d7c0be2a98653"

    def script(body, n):
        return Says(status=401, text=f"no such key: {key}") if n == 0 else Says(f"It is {key}.")

    with serving(script) as service:
        made = spec(provider, service.url)
        model = Endpoint(made, CLIENTS[provider](made, key), Line())
        (failed,), (reply,) = said(model, request()), said(model, request())
        assert any(key in value for value in service.headers[0].values())
    assert "no such key: ***" in failed.reason and key not in failed.reason
    assert reply.text == "It is ***."


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_what_does_not_pass_is_not_tried_again(provider, status):
    with serving(lambda body, n: Says(status=status, text="no such model")) as service:
        (failed,) = said(endpoint(provider, service.url)[0], request())
    assert isinstance(failed, CallFailed) and str(status) in failed.reason
    assert len(service.asked) == 1


def test_no_connection_is_told_with_its_cause_and_tried_again(provider):
    model, _, slept = endpoint(provider, "http://127.0.0.1:9")
    (failed,) = said(model, request())
    assert "Connection error" in failed.reason and "(ConnectError: " in failed.reason
    assert len(slept) == 3


@pytest.mark.parametrize("url", ["htp://h", "127.0.0.1:8000", "http://h:port", "http://h\x00"])
def test_what_is_no_address_is_tried_once(provider, url):
    model, heard, slept = endpoint(provider, url)
    replies = said(model, request("a"), request("b"))
    assert [reply.kind for reply in replies] == [FailureKind.TRANSPORT] * 2
    assert all("UnsupportedProtocol" in r.reason or "InvalidURL" in r.reason for r in replies)
    assert slept == [] and not heard.spent.get("failed_calls")


@pytest.mark.parametrize("key", ["sk-fake\n4f1d7c0b", 'sk-fake-4f1d\\"\n0b'])
def test_what_is_no_key_is_tried_once_and_goes_no_further(provider, key):
    with serving(lambda body, n: Says("ok")) as service:
        said(endpoint(provider, service.url)[0], request())  # For a connection at all.
        model, heard, slept = endpoint(provider, service.url, key=key)
        (failed,) = said(model, request())
        assert len(service.asked) == 1
    assert "LocalProtocolError" in failed.reason and "***" in failed.reason
    assert "4f1d" not in failed.reason
    assert slept == [] and not heard.spent.get("failed_calls")


def test_text_that_cannot_be_sent_fails_and_takes_nothing_with_it(provider):
    with serving(lambda body, n: Says("ok")) as service:
        model, _, slept = endpoint(provider, service.url)
        failed, reply = said(model, request("\ud800"), request("a"))
    assert isinstance(failed, CallFailed) and reply.text == "ok" and slept == []


def test_what_is_no_address_or_no_key_is_told_before_anything_is_spent(provider, monkeypatch):
    with pytest.raises(ConfigError, match="no address like https://"):
        connect(spec(provider, "127.0.0.1:8000"), Line())
    monkeypatch.setenv("FAKE_KEY", "sk-fake\n4f1d7c0b")
    with pytest.raises(ConfigError, match="FAKE_KEY holds a character") as error:
        connect(spec(provider, "http://127.0.0.1:9", key_variable="FAKE_KEY"), Line())
    assert "4f1d" not in str(error.value)


def test_one_failure_takes_no_other_reply_with_it(provider):
    def script(body, n):
        bad = body["messages"][-1]["content"] == "bad"
        return Says(status=400, text="bad") if bad else Says("good")

    with serving(script) as service:
        replies = said(
            endpoint(provider, service.url)[0], request("x"), request("bad"), request("y")
        )
    assert [isinstance(r, CallFailed) for r in replies] == [False, True, False]


def test_no_more_calls_in_flight_than_allowed_and_no_fewer(provider):
    with serving(lambda body, n: Says("ok", delay=0.05)) as service:
        model, _, _ = endpoint(provider, service.url, concurrency=5)
        said(model, *(request(str(i)) for i in range(30)))
    assert service.most_in_flight == 5


def test_equal_requests_are_asked_once_and_paid_for_once(provider, tmp_path):
    cache = Cache(tmp_path / "content.sqlite")
    with serving(lambda body, n: Says(f"reply {n}")) as service:
        model, heard, _ = endpoint(provider, service.url, cache)
        first = said(model, request("a"), request("a"), request("b"))
        again, more, _ = endpoint(provider, service.url, cache)
        second = said(again, request("b"), request("a"))
    assert first[0] == first[1] and second == [first[2], first[0]]
    assert len(service.asked) == 2 and len(heard.calls) == 2
    assert more.calls == [] and more.spent["cached_calls"] == 2


def test_a_failed_call_is_not_cached(provider, tmp_path):
    cache = Cache(tmp_path / "content.sqlite")
    with serving(lambda body, n: Says(status=400) if n == 0 else Says("ok")) as service:
        (failed,) = said(endpoint(provider, service.url, cache)[0], request())
        (reply,) = said(endpoint(provider, service.url, cache)[0], request())
    assert isinstance(failed, CallFailed) and reply.text == "ok"


def test_a_cap_lets_what_is_in_flight_arrive_and_ends_with_the_reason(provider, tmp_path):
    cache = Cache(tmp_path / "content.sqlite")
    with serving(lambda body, n: Says(f"reply {n}", delay=0.02)) as service:
        model, _, _ = endpoint(provider, service.url, cache, most=3, concurrency=2)
        with pytest.raises(BudgetError, match=r"3 of 3 calls are made; 7 of 10 calls are left"):
            said(model, *(request(str(i)) for i in range(10)))
        assert len(service.asked) == 3  # What is in flight has its place under the cap.
        again, _, _ = endpoint(provider, service.url, cache)
        assert len(said(again, *(request(str(i)) for i in range(10)))) == 10
    assert len(service.asked) == 10  # Nothing was paid for twice.


@pytest.mark.parametrize(
    "wrong", [Says(raw='{"hello": "world"}'), Says(cut=True), Says(status=500), Says(status=429)]
)
def test_calls_without_a_reply_count_towards_the_cap(provider, wrong):
    with serving(lambda body, n: wrong) as service:
        model, heard, _ = endpoint(provider, service.url, most=10, concurrency=3)
        with pytest.raises(BudgetError, match=r"10 of 10 calls are made; \d of 8 calls are left"):
            said(model, *(request(str(i)) for i in range(8)))
    assert len(service.asked) == 10
    assert heard.calls == [] and heard.spent["failed_calls"] == 10


def test_calls_that_could_not_be_sent_count_for_nothing(provider):
    model, heard, _ = endpoint(provider, "http://127.0.0.1:9", most=3)
    replies = said(model, *(request(str(i)) for i in range(8)))
    assert all(isinstance(reply, CallFailed) for reply in replies)
    assert heard.spent.get("failed_calls", 0) == 0


def test_another_setting_is_another_reply(provider, tmp_path):
    cache = Cache(tmp_path / "content.sqlite")
    with serving(lambda body, n: Says(f"reply {n}")) as service:
        one, _, _ = endpoint(provider, service.url, cache)
        other, _, _ = endpoint(provider, service.url, cache, settings={"stop_sequences": ["x"]})
        assert said(one, request()) != said(other, request())


def test_another_service_is_another_reply_and_so_is_another_draw(provider, tmp_path):
    cache = Cache(tmp_path / "content.sqlite")
    with serving(lambda body, n: Says("fake")) as fake, serving(lambda b, n: Says("real")) as real:
        one, two = (endpoint(provider, s.url, cache)[0] for s in (fake, real))
        assert [said(m, request())[0].text for m in (one, two)] == ["fake", "real"]
        assert one.key != two.key
        other = Endpoint(two.spec, two._provider, Line(cache, Heard()), draw=7)
        said(other, request())
        said(other, request())
    assert len(real.asked) == 2


def test_no_more_marks_than_the_service_takes_however_alike_the_log_s_parts(provider):
    if provider != "anthropic":
        pytest.skip("marks are the Messages API's")
    asked = ChatRequest(system="S", log=("same",) * 6, conversation=ask("a"), max_tokens=5)
    with serving(lambda body, n: Says("{}")) as service:
        said(endpoint(provider, service.url)[0], asked)
    (body,) = service.asked
    assert sum("cache_control" in part for part in body["system"]) == 2


def test_an_unknown_price_is_unknown():
    assert dollars(None, TokenUsage(input=10)) is None
    assert dollars(PRICE, TokenUsage()) is None  # The server counted nothing.
    assert dollars(
        Price(input=1, output=2), TokenUsage(cache_read=10, cache_write=5, output=5)
    ) == (pytest.approx(25e-6))


@pytest.mark.parametrize(
    "url",
    [
        "http://me:hunter22@127.0.0.1/v1",
        "https://hunter22@host/v1",
        "hunter22@host/v1",
        "https://host/v1?api_key=hunter22",
        "https://host/v1#hunter22",
        "http://hunter22@[::1/v1",
        "https://hunter22\uff20host/v1?",
    ],
)
def test_a_secret_in_the_address_is_refused_and_not_shown(url):
    address = f"judge.endpoint.base_url='{url}'"
    with pytest.raises(ConfigError) as error:
        compose("model=tiny", "judge=endpoint", "judge.endpoint.model=m", address)
    assert "key_variable" in str(error.value) and "hunter22" not in str(error.value)


def test_a_path_may_hold_an_at():
    assert spec("anthropic", "https://host/@team/v1").base_url == "https://host/@team/v1"


def test_a_key_is_read_without_the_line_break_behind_it(provider, monkeypatch):
    monkeypatch.setenv("FAKE_KEY", " sk-fake-91b7\n")
    with serving(lambda body, n: Says("You sent sk-fake-91b7.")) as service:
        model = connect(spec(provider, service.url, key_variable="FAKE_KEY"), Line())
        (reply,) = said(model, request())
    (headers,) = service.headers
    assert any(value.endswith("sk-fake-91b7") for value in headers.values())
    assert reply.text == "You sent ***."


def test_a_blank_key_is_none(provider, monkeypatch):
    monkeypatch.setenv("FAKE_KEY", " \n")
    with pytest.raises(ConfigError, match="FAKE_KEY is not set"):
        connect(spec(provider, "http://127.0.0.1:9", key_variable="FAKE_KEY"), Line())
