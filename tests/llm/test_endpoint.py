"""What makes a provider dependable, over HTTP: retries, limits, cache, counts and caps."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from a3.errors import BudgetError
from a3.llm.endpoint import Endpoint, dollars
from a3.llm.line import Line
from a3.store import Cache
from a3.types.endpoint import Price
from a3.types.events import CallsPaused
from a3.types.llm import CallFailed, FailureKind, TokenUsage
from tests.llm.endpoints import PRICE, PROVIDERS, endpoint, request, said
from tests.llm.server import Says, serving
from tests.observers import Heard


@pytest.fixture(params=PROVIDERS)
def provider(request):
    return request.param


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


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_what_does_not_pass_is_not_tried_again(provider, status):
    with serving(lambda body, n: Says(status=status, text="no such model")) as service:
        (failed,) = said(endpoint(provider, service.url)[0], request())
    assert isinstance(failed, CallFailed) and str(status) in failed.reason
    assert len(service.asked) == 1


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


def test_an_unknown_price_is_unknown():
    assert dollars(None, TokenUsage(input=10)) is None
    assert dollars(PRICE, TokenUsage()) is None  # The server counted nothing.
    assert dollars(
        Price(input=1, output=2), TokenUsage(cache_read=10, cache_write=5, output=5)
    ) == (pytest.approx(25e-6))
