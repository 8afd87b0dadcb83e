"""What headers say of a service's limits, in all their forms."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a3.llm.limits import LIMITS, retry_after, seconds_until, until_more


def later(seconds):
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("", 0), (None, 0), ("2", 2), ("1.5s", 1.5), ("250ms", 0.25), ("1m30s", 90), ("1h", 3600)],
)
def test_resets_in_all_their_forms(header, seconds):
    assert seconds_until(header) == pytest.approx(seconds)


def test_a_reset_may_be_a_time():
    soon = later(40).isoformat().replace("+00:00", "Z")
    assert 35 < seconds_until(soon) <= 40
    assert seconds_until(later(-40).isoformat()) == 0


def test_the_limit_that_is_used_up_longest_counts():
    headers = {name: "0" for name, _ in LIMITS[:3]}
    headers |= {reset: f"{i}s" for i, (_, reset) in enumerate(LIMITS[:3], start=1)}
    assert until_more(headers) == 3
    assert until_more(headers | {LIMITS[2][0]: "1"}) == 2
    assert until_more({}) == until_more({LIMITS[0][1]: "9s"}) == 0


@pytest.mark.parametrize(("left", "reset"), LIMITS)
def test_a_refused_call_waits_for_the_limit_where_no_retry_after_is_named(left, reset):
    used_up = {left: "0", reset: "20s"}
    assert retry_after(used_up, refused=True) == 20
    assert retry_after({reset: "20s"}, refused=True) == 20  # No count: it was this one, perhaps.
    assert retry_after({reset: "20s"}, refused=False) is None
    assert retry_after(used_up | {left: "5"}, refused=True) is None
    assert retry_after(used_up | {"retry-after": "3"}, refused=True) == 3
    assert retry_after(used_up | {"retry-after": "soon"}, refused=True) == 20


def test_retry_after_may_be_a_date():
    assert 35 < retry_after({"retry-after": format_datetime(later(40), usegmt=True)}, True) <= 40
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, True) == 0
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 -0000"}, True) == 0


@pytest.mark.parametrize(
    "header", ["inf", "nan", "soon", "Wed, 41 Oct 2026 07:28:00 GMT", "1 Jan 99999999999999 0:0"]
)
def test_what_is_no_time_names_none(header):
    assert retry_after({"retry-after": header}, refused=True) is None


@given(st.text(max_size=20))
def test_no_header_is_an_exception(header):
    assert seconds_until(header) >= 0
    wait = retry_after({"retry-after": header}, refused=True)
    assert wait is None or wait >= 0
