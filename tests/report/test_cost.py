"""What was paid for is told by stage and model; what has no price is unknown, not free."""

from a3.report.cost import HEAD, cost_line, cost_rows, markdown_cost
from a3.types.llm import TokenUsage
from a3.types.results import CallCost, Cost

USAGE = TokenUsage(input=1000, cache_read=500, output=200)


def cost(usd=1.5):
    call = CallCost(stage="explore", model="m", calls=3, usage=USAGE, usd=usd)
    return Cost(llm_calls=3, cached_calls=7, usd=usd, calls=(call,))


def test_offline_nothing_is_told():
    assert cost_line(Cost()) is None and markdown_cost(Cost()) == []


def test_the_sum_and_a_row_a_stage_and_model():
    assert cost_line(cost()) == (
        "3 calls, 1,500 tokens in, 200 out, $1.50; the cache saved 7 calls"
    )
    (row,) = cost_rows(cost())
    assert row == ("explore", "m", "3", "1,500", "500", "200", "$1.50") and len(row) == len(HEAD)
    assert "| explore | m | 3 |" in "\n".join(markdown_cost(cost()))


def test_a_warm_run_says_what_the_cache_saved():
    assert cost_line(Cost(cached_calls=9)) == (
        "0 calls, 0 tokens in, 0 out, $0.00; the cache saved 9 calls"
    )


def test_calls_without_a_reply_are_told_apart():
    failed = cost().model_copy(update={"failed_calls": 1200})
    assert cost_line(failed) == (
        "3 calls, 1,500 tokens in, 200 out, $1.50; 1,200 more brought no reply; "
        "the cache saved 7 calls"
    )
    assert cost_line(Cost(failed_calls=2)).startswith("0 calls")


def test_an_unknown_price_is_not_free():
    assert "price unknown" in cost_line(cost(usd=None))
    assert next(cost_rows(cost(usd=None)))[-1] == "price unknown"
