"""Methods: ways to produce a repair; one file each, `Method(view, baseline, context) -> Repair`."""

from __future__ import annotations

from collections.abc import Callable

from a3.executor.context import Baseline, Context
from a3.types.queries import SearchView
from a3.types.results import Repair

Method = Callable[[SearchView, Baseline, Context], Repair]


def get(name: str) -> Method:
    """The method of this name (conf/method)."""
    from a3.methods import a3, none, random_mix

    return {"a3": a3.repair, "none": none.repair, "random_mix": random_mix.repair}[name]
