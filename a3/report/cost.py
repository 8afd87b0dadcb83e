"""What a run paid for models behind endpoints."""

from __future__ import annotations

from collections.abc import Iterator

from a3.types.results import CallCost, Cost

HEAD = ("stage", "model", "calls", "tokens in", "of them cached", "tokens out", "dollars")


def cost_line(cost: Cost) -> str | None:
    """Calls, tokens and dollars in all; None where nobody was called."""
    if not cost.calls and not cost.cached_calls and not cost.failed_calls:
        return None
    read = sum(_tokens_in(c) for c in cost.calls)
    written = sum(c.usage.output for c in cost.calls)
    failed = f"{cost.failed_calls:,} more brought no reply; " if cost.failed_calls else ""
    return (
        f"{cost.llm_calls:,} calls, {read:,} tokens in, {written:,} out, {_dollars(cost.usd)}; "
        f"{failed}the cache saved {cost.cached_calls:,} calls"
    )


def cost_rows(cost: Cost) -> Iterator[tuple[str, ...]]:
    """One row a stage and model, under HEAD."""
    for c in cost.calls:
        counts = (c.calls, _tokens_in(c), c.usage.cache_read, c.usage.output)
        yield (c.stage, c.model, *(f"{n:,}" for n in counts), _dollars(c.usd))


def markdown_cost(cost: Cost) -> list[str]:
    """The table as lines of Markdown; none where nobody was called."""
    line = cost_line(cost)
    if line is None:
        return []
    cells = [HEAD, ("---",) * len(HEAD), *cost_rows(cost)]
    return ["## Calls", "", *("| " + " | ".join(row) + " |" for row in cells), "", line + ".", ""]


def _tokens_in(call: CallCost) -> int:
    usage = call.usage
    return usage.input + usage.cache_read + usage.cache_write


def _dollars(usd: float | None) -> str:
    return "price unknown" if usd is None else f"${usd:,.2f}"
