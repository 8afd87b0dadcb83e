"""What is spent is shown as it is spent, out of the ledger: by stage, by model, and in all."""

import io

import pytest
from rich.console import Console

from a3.budget import Ledger
from a3.console import PLAIN_EVERY_S, ConsoleObserver, spent
from a3.types.events import CallsPaused, SplitMade, StageFinished, StageStarted, TrialFinished
from a3.types.llm import TokenUsage
from a3.types.observer import Observers
from a3.types.results import CallCost
from a3.types.trials import Proposal
from tests.search.made import proposed, scores


class Shown:
    """A ledger and a console that share a run folder, as in a run."""

    def __init__(self, folder, terminal=False):
        self.ledger, self.file = Ledger(folder / "cost.json"), io.StringIO()
        console = Console(file=self.file, force_terminal=terminal, width=160, no_color=True)
        self.console = ConsoleObserver(console, lambda: self.ledger.cost)
        self.everybody = Observers(self.ledger, self.console)

    def stage(self, name):
        self.everybody.event(StageStarted(stage=name))

    def called(self, model="sonnet", n=900, usd=0.25):
        self.everybody.called(model, TokenUsage(input=n, output=100), usd)

    def finished(self, name):
        self.everybody.event(StageFinished(stage=name, seconds=3))
        return self.said[-1]

    @property
    def said(self):
        return self.file.getvalue().splitlines()

    @property
    def live(self):
        return [str(line) for line in self.console._progress.below()]


@pytest.fixture
def shown(tmp_path):
    return Shown(tmp_path)


def test_offline_nothing_is_said_of_money(shown):
    shown.stage("explore")
    assert shown.live == [] and shown.finished("explore") == "  explore took 3 s"


def test_a_stage_ends_with_what_it_spent_and_what_the_run_did(shown):
    shown.stage("explore")
    shown.called()
    shown.called()
    assert shown.finished("explore") == (
        "  explore took 3 s; explore: 2 calls, 2,000 tokens, $0.50; "
        "run: 2 calls, 2,000 tokens, $0.50"
    )
    shown.stage("repair")
    shown.called(n=400)
    assert shown.finished("repair") == (
        "  repair took 3 s; repair: 1 call, 500 tokens, $0.25; run: 3 calls, 2,500 tokens, $0.75"
    )


def test_where_there_are_several_models_each_is_told(shown):
    shown.stage("explore")
    shown.called()
    shown.called("haiku", n=100, usd=0.01)
    stage, run = shown.live
    assert stage == ("explore: sonnet 1 call, 1,000 tokens, $0.25, haiku 1 call, 200 tokens, $0.01")
    assert run == (
        "run: 2 calls, 1,200 tokens, $0.26 "
        "(sonnet 1 call, 1,000 tokens, $0.25, haiku 1 call, 200 tokens, $0.01)"
    )
    shown.stage("repair")
    shown.called("haiku", n=100, usd=0.01)
    assert shown.live[0] == "repair: haiku 1 call, 200 tokens, $0.01"
    assert "haiku 2 calls, 400 tokens, $0.02" in shown.live[1]


def test_a_resumed_run_goes_on_from_what_was_spent_before(tmp_path):
    """As the caps do, which read the same ledger."""
    first = Shown(tmp_path)
    first.stage("explore")
    first.called()
    again = Shown(tmp_path)
    again.stage("explore")
    again.called()
    assert again.live[0] == "explore: 2 calls, 2,000 tokens, $0.50"
    assert again.ledger.cost.usd == 0.5


def test_an_unknown_price_makes_the_sum_unknown():
    def call(usd):
        return CallCost(stage="s", model="m", calls=1, usage=TokenUsage(input=1), usd=usd)

    assert spent([call(0.5), call(None)]) == "2 calls, 2 tokens, price unknown"
    assert spent([]) == "0 calls, 0 tokens, $0.00"


def test_lines_of_progress_say_it_where_there_is_no_terminal(shown):
    shown.stage("explore")
    shown.called()
    shown.console._last_line -= PLAIN_EVERY_S
    shown.everybody.progress("verdicts", 1, 9)
    assert shown.said[-1] == (
        "    verdicts: 1 of 9; explore: 1 call, 1,000 tokens, $0.25; "
        "run: 1 call, 1,000 tokens, $0.25"
    )


def test_what_agents_and_services_write_is_no_markup(shown):
    """A bracket of theirs would vanish, and one with a slash would end the run."""
    reason = "[structural] ones wait [/v1/messages]"
    shown.everybody.event(SplitMade(training=("H0",), ood=("H1",), reason=reason))
    assert shown.said[-1].endswith(reason)
    shown.everybody.event(CallsPaused(what="judge", reason=reason, seconds=1))
    assert reason in shown.said[-1]


@pytest.mark.parametrize(
    ("length", "rerun"),
    [(1, "(trial 2 again, lr "), (4, "(trial 2 again at 4 times the length, lr ")],
)
def test_the_line_of_a_rerun_says_how_much_longer_it_trained(shown, tiny_config, length, rerun):
    proposal = Proposal(config=tiny_config.search.default, rationale="-", rerun_of=2, length=length)
    shown.everybody.event(TrialFinished(trial=proposed(5, tiny_config, proposal, scores())))
    assert shown.said[-1].startswith(f"  trial 5 {rerun}")


def test_in_a_terminal_it_stands_below_the_bars(tmp_path):
    shown = Shown(tmp_path, terminal=True)
    with shown.console:
        shown.stage("explore")
        shown.everybody.progress("verdicts", 1, 9)
        shown.called()
        shown.console._progress.refresh()
    assert "explore: 1 call, 1,000 tokens, $0.25" in shown.file.getvalue()
