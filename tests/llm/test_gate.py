"""How many calls are let through, told by a clock that only the test moves."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a3.llm.gate import Gate, Time
from a3.llm.limits import LIMITS


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


@pytest.mark.parametrize(("left", "reset"), LIMITS)
def test_headers_that_say_none_is_left_close_it(left, reset):
    clock = Clock()
    gate = Gate(4, clock.time)
    gate.succeeded({left: "1", reset: "20s"})
    asyncio.run(crowd(gate, 1))
    assert clock.slept == []
    gate.succeeded({left: "0", reset: "20s"})
    asyncio.run(crowd(gate, 1))
    assert clock.slept == [20.0]


def test_another_event_loop_gets_an_empty_gate_that_knows_what_this_one_learned():
    clock = Clock()
    gate = Gate(16, clock.time)

    async def told():
        assert gate.here() is gate is gate.here()
        async with gate():
            gate.too_many(30.0)
            return gate.here()

    async def later(known):
        again = known.here()
        assert again is not known
        return again, await crowd(again, 20)

    again, most = asyncio.run(later(asyncio.run(told())))
    assert again.width == most == 8 and clock.at >= 30.0


def test_a_caller_that_was_let_in_and_gives_up_takes_no_place():
    async def give_up(gate):
        async with gate():
            one, *others = [asyncio.create_task(gate._enter()) for _ in range(2)]
            await asyncio.sleep(0)
        one.cancel()  # It was told of the room a moment ago.
        for _ in range(10):
            await asyncio.sleep(0)
        return [task.done() for task in (one, *others)]

    assert asyncio.run(give_up(Gate(1, Clock().time))) == [True, True]
