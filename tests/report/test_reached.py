"""What a run that a cap ended leaves for people: all that is known, and no verdict."""

from pathlib import Path

import pytest

from a3.errors import BudgetError
from a3.report.reached import reached
from a3.types.events import TrialFinished
from a3.types.llm import TokenUsage
from a3.types.results import CallCost, Cost
from tests.agents.model.made import hypothesis, measured
from tests.conftest import compose
from tests.search.made import scores, trial

WHY = BudgetError("a run keeps to its caps", "9 of 9 calls are made; 3 of 5 are left", "-")
CONFIG = compose("model=tiny", "budget=smoke", "budget.caps.calls=9", "budget.caps.usd=2")
COST = Cost(
    llm_calls=9,
    usd=1.5,
    calls=(CallCost(stage="explore", model="m", calls=9, usage=TokenUsage(input=9), usd=1.5),),
)


def page(log=(), seconds=None, cost=COST):
    return reached(CONFIG, Path("outputs/x"), WHY, log, seconds or {}, cost)


def test_it_says_why_it_ended_and_how_to_go_on():
    text = page()
    assert "sycophancy on tiny (a3, seed 0): ended by a cap" in text
    assert "9 of 9 calls are made" in text and "unfinished, so there is no verdict" in text
    assert "    python -m a3 resume=outputs/x budget.caps.usd=null budget.caps.calls=null" in text


def test_stages_hypotheses_trials_and_calls_as_far_as_they_came(tiny_config):
    ran = [trial(0, tiny_config, scores(sfr=0.2, fpr=0.1)), trial(1, tiny_config, None)]
    log = [
        measured(hypothesis(), sfr=(1, 9)),
        measured(hypothesis("H1", statement="they |\nflatter"), sfr=(4, 8), fpr=(0, 8)),
        measured(hypothesis(), sfr=(3, 10)),  # Told again by a resumed explore.
        *(TrialFinished(trial=t) for t in ran),
    ]
    text = page(log, {"explore": 12.3, "split": 0.1})
    assert "Done: explore (12 s), split (0 s). Left: baseline, repair, evaluate." in text
    assert "| H0 | statement of H0 | 30 % (3/10) | 10 % (1/10) |" in text and "(1/9)" not in text
    assert "| H1 | they \\| flatter | 50 % (4/8) | 0 % (0/8) |" in text
    rate = f"{tiny_config.search.default.learning_rate:.2g}"
    assert f"| 0 | {rate} | 20 % (20/100) | 10 % (10/100) |" in text
    assert f"| 1 | {rate} | - | - | - | failed |" in text
    assert "supports no verdict" in text and "| explore | m | 9 |" in text


@pytest.mark.parametrize("section", ["Hypotheses", "Trials", "Calls"])
def test_what_there_is_none_of_is_left_out(section):
    assert f"## {section}" not in page(cost=Cost())
