"""How many calls are let through, told by a clock that only the test moves."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a3.llm.gate import Gate, Time, seconds_until


class Clock:
    def __init__(self):
        self.at, self.slept = 0.0, []

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.at += seconds

    @property
    def time(self):
        return Time(now=lambda: self.at, sleep=self.sleep)


async def crowd(gate, n):
    """Most of n callers that were inside together."""
    inside = most = 0

    async def call():
        nonlocal inside, most
        async with gate():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(call() for _ in range(n)))
    return most


@given(st.integers(1, 20), st.integers(1, 50))
def test_as_many_as_there_is_room_for_and_no_more(most, n):
    assert asyncio.run(crowd(Gate(most, Clock().time), n)) == min(most, n)


def test_too_many_halves_and_success_adds_one_a_round():
    gate = Gate(16, Clock().time)
    gate.too_many(None)
    assert gate.width == 8
    for _ in range(9):
        gate.succeeded({})
    assert 8.9 <= gate.width <= 9.2
    for _ in range(1000):
        gate.succeeded({})
    assert gate.width == 16
    for _ in range(10):
        gate.too_many(None)
    assert gate.width == 1 and asyncio.run(crowd(gate, 5)) == 1


def test_a_burst_of_refusals_is_one_event():
    clock = Clock()
    gate = Gate(16, clock.time)
    assert [gate.too_many(5.0) for _ in range(16)] == [True] + 15 * [False]
    assert gate.width == 8
    clock.at += 5.0
    assert gate.too_many(5.0) and gate.width == 4


def test_while_it_is_closed_nobody_calls():
    clock = Clock()
    gate = Gate(4, clock.time)
    gate.too_many(30.0)
    asyncio.run(crowd(gate, 3))
    assert clock.at >= 30.0


@pytest.mark.parametrize(
    "names",
    [
        ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
        ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ],
)
def test_headers_that_say_none_is_left_close_it(names):
    left, reset = names
    clock = Clock()
    gate = Gate(4, clock.time)
    gate.succeeded({left: "1", reset: "20s"})
    asyncio.run(crowd(gate, 1))
    assert clock.slept == []
    gate.succeeded({left: "0", reset: "20s"})
    asyncio.run(crowd(gate, 1))
    assert clock.slept == [20.0]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("", 0), (None, 0), ("2", 2), ("1.5s", 1.5), ("250ms", 0.25), ("1m30s", 90), ("1h", 3600)],
)
def test_resets_in_all_their_forms(header, seconds):
    assert seconds_until(header) == pytest.approx(seconds)


def test_a_reset_may_be_a_time():
    soon = (datetime.now(UTC) + timedelta(seconds=40)).isoformat().replace("+00:00", "Z")
    assert 35 < seconds_until(soon) <= 40
    past = (datetime.now(UTC) - timedelta(seconds=40)).isoformat()
    assert seconds_until(past) == 0


@given(st.text(max_size=20))
def test_no_header_is_an_exception(header):
    assert seconds_until(header) >= 0
