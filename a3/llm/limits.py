"""What a service's headers say of its limits: how much is left, and when to come back."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LIMITS = (
    *(
        (f"anthropic-ratelimit-{what}-remaining", f"anthropic-ratelimit-{what}-reset")
        for what in ("requests", "tokens", "input-tokens", "output-tokens")
    ),
    *(
        (f"x-ratelimit-remaining-{what}", f"x-ratelimit-reset-{what}")
        for what in ("requests", "tokens")
    ),
)
"""Headers of providers: calls or tokens left, and when there are more."""
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


def until_more(headers: Mapping[str, str], refused: bool = False) -> float:
    """Seconds until every limit that is used up leaves room again; 0 where none is.

    Of a service that `refused` a call, a limit without a count is taken for one that is used up.
    """
    unsaid = "0" if refused else None
    used_up = [reset for left, reset in LIMITS if headers.get(left, unsaid) == "0"]
    return max((seconds_until(headers.get(reset)) for reset in used_up), default=0.0)


def retry_after(headers: Mapping[str, str], refused: bool) -> float | None:
    """Seconds that a failed call should wait; None where the service does not say."""
    named = _seconds(headers.get("retry-after"))
    return (until_more(headers, refused) or None) if named is None else named


def _seconds(header: str | None) -> float | None:
    """A retry-after header: seconds or an HTTP date; None where it is missing or neither."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        return _until_date(header)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _until_date(header: str) -> float | None:
    try:
        return _from_now(parsedate_to_datetime(header))
    except (ValueError, TypeError, IndexError, OverflowError):  # However it is broken.
        return None


def seconds_until(when: str | None) -> float:
    """A reset header in seconds from now: a time (RFC 3339), seconds, or "1m30s", "250ms".

    0 for what is none of these.
    """
    if not when:
        return 0.0
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s|)", when, re.ASCII)
    if parts and "".join(number + unit for number, unit in parts) == when:
        return sum(float(number) * UNITS[unit] for number, unit in parts)
    try:
        return _from_now(datetime.fromisoformat(when))
    except (ValueError, OverflowError):
        return 0.0


def _from_now(then: datetime) -> float:
    aware = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
