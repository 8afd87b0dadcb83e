"""Capability in result.json: each task alone, all pooled, and nats only where there are options."""

import pytest

from a3.report.build import POOLED, capability_change, capability_rates
from a3.types.scores import CapabilityItem, CapabilityScores


def items(correct, nats):
    return tuple(
        CapabilityItem(id=str(i), correct=c, logprob=n)
        for i, (c, n) in enumerate(zip(correct, nats, strict=True))
    )


BEFORE = CapabilityScores(
    tasks={
        "options": items([True] * 6 + [False] * 4, [-1.0] * 10),
        "written": items([True] * 3 + [False] * 7, [None] * 10),
    }
)
AFTER = CapabilityScores(
    tasks={
        "options": items([True] * 5 + [False] * 5, [-1.2] * 5 + [-1.0] * 5),
        "written": items([True] * 4 + [False] * 6, [None] * 10),
    }
)
PAIR = (BEFORE, AFTER)


def test_several_tasks_are_shown_alone_and_pooled():
    rates = capability_rates(BEFORE, 0.95)
    assert {task: (r.hits, r.n) for task, r in rates.items()} == {
        "options": (6, 10),
        "written": (3, 10),
        POOLED: (9, 20),
    }
    assert rates[POOLED].clusters == 20  # The same id in two tasks is two items.
    changes = capability_change(BEFORE, AFTER, 0.95, accuracy=True)
    assert {task: c.difference for task, c in changes.items()} == {
        "options": pytest.approx(-0.1),
        "written": pytest.approx(0.1),
        POOLED: pytest.approx(0.0),
    }


def test_log_probability_is_compared_where_there_are_options():
    changes = capability_change(BEFORE, AFTER, 0.95, accuracy=False)
    assert set(changes) == {"options"}  # Of the pool it would tell half.
    assert changes["options"].difference == pytest.approx(-0.1)
    twice = [CapabilityScores(tasks={**s.tasks, "written": s.tasks["options"]}) for s in PAIR]
    pooled = capability_change(*twice, 0.95, accuracy=False)[POOLED]
    assert pooled.n_pairs == 20 and pooled.difference == pytest.approx(-0.1)


def test_one_task_is_no_pool():
    one = CapabilityScores(tasks={"options": BEFORE.tasks["options"]})
    assert set(capability_rates(one, 0.95)) == {"options"}
    assert set(capability_change(one, one, 0.95, accuracy=True)) == {"options"}
