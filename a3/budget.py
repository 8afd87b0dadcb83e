"""What a run spends, kept across interruptions."""

from __future__ import annotations

import json
from pathlib import Path

from a3.config.groups import CapsConfig
from a3.store import append_line, read_lines, write_atomic
from a3.types.base import Frozen
from a3.types.events import Event, StageStarted
from a3.types.llm import TokenUsage
from a3.types.observer import Silent
from a3.types.results import CallCost, Cost


class PaidCall(Frozen):
    """One call that brought a reply."""

    number: int
    """From 1, in the order they were paid for."""
    stage: str
    model: str
    usage: TokenUsage
    usd: float | None


class Ledger(Silent):
    """Counts tokens, answers and calls, so that a resumed run goes on.

    Sums are saved with every event. A call is a line of calls.jsonl beside them as soon as it is
    paid for: one line costs microseconds, while saving the sums waits for the disk.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._calls = path, path.with_name("calls.jsonl")
        self._stage = "start"
        self._spent = Cost()
        if path.is_file():
            self._spent = Cost.model_validate_json(path.read_text())
        for call in map(PaidCall.model_validate_json, read_lines(self._calls)):
            if call.number > self._spent.llm_calls:  # Since the sums were saved.
                self._spent = with_call(self._spent, call)

    @property
    def cost(self) -> Cost:
        """Everything spent so far, earlier attempts included."""
        return self._spent

    def over(self, caps: CapsConfig, in_flight: int = 0) -> str | None:
        """Which cap is reached, in words; an unknown price can keep to none in dollars.

        Calls that failed are calls: a service may want money for a reply that never arrived.
        """
        cost = self._spent
        tokens, made = sum(c.usage.total for c in cost.calls), cost.llm_calls + cost.failed_calls
        if caps.calls is not None and made + in_flight >= caps.calls:
            failed = f", {cost.failed_calls:,} without a reply" if cost.failed_calls else ""
            return f"{made:,} of {caps.calls:,} calls are made{failed}"
        if caps.tokens is not None and tokens >= caps.tokens:
            return f"{tokens:,} of {caps.tokens:,} tokens are used"
        if caps.usd is not None and cost.usd is None:
            return f"a price is unknown, and ${caps.usd:g} is the most"
        if caps.usd is not None and cost.usd is not None and cost.usd >= caps.usd:
            return f"${cost.usd:.2f} of ${caps.usd:g} is spent"
        return None

    def left(self, caps: CapsConfig) -> dict[str, float]:
        """What is left of every cap that is set; nothing of dollars where a price is unknown."""
        cost = self._spent
        spent = {
            "calls": cost.llm_calls + cost.failed_calls,
            "tokens": sum(c.usage.total for c in cost.calls),
            "usd": cost.usd,
        }
        caps_set = caps.model_dump(exclude_none=True)
        return {
            name: max(0, round(cap - used, 2))
            for name, cap in caps_set.items()
            if (used := spent[name]) is not None
        }

    def spend(self, what: str, amount: int) -> None:
        """Add to one of Cost's counters."""
        self._spent = self._spent.model_copy(update={what: getattr(self._spent, what) + amount})
        if what == "failed_calls" and amount:  # A cap counts them, and no event may follow.
            self._save()

    def called(self, model: str, usage: TokenUsage, usd: float | None) -> None:
        """Add a call to its stage and model, and keep it: it is paid for, whatever comes next."""
        call = PaidCall(
            number=self._spent.llm_calls + 1, stage=self._stage, model=model, usage=usage, usd=usd
        )
        append_line(self._calls, call.model_dump_json())
        self._spent = with_call(self._spent, call)

    def event(self, event: Event) -> None:
        """Save."""
        if isinstance(event, StageStarted):
            self._stage = event.stage
        self._save()

    def _save(self) -> None:
        write_atomic(self._path, json.dumps(self._spent.model_dump(mode="json"), indent=1))


def with_call(cost: Cost, call: PaidCall) -> Cost:
    """A cost with one call more; a sum with an unknown part is unknown."""
    stage, model = call.stage, call.model
    mine = next((c for c in cost.calls if (c.stage, c.model) == (stage, model)), None)
    if mine is None:
        mine = CallCost(stage=stage, model=model, calls=0, usage=TokenUsage(), usd=0.0)
        cost = cost.model_copy(update={"calls": (*cost.calls, mine)})
    more = CallCost(
        stage=stage,
        model=model,
        calls=mine.calls + 1,
        usage=mine.usage + call.usage,
        usd=_sum(mine.usd, call.usd),
    )
    return cost.model_copy(
        update={
            "calls": tuple(more if c is mine else c for c in cost.calls),
            "llm_calls": cost.llm_calls + 1,
            "usd": _sum(cost.usd, call.usd),
        }
    )


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other
