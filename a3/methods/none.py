"""No repair: base against itself. What the measurement then says is its own noise."""

from __future__ import annotations

from a3.executor.context import Baseline, Context
from a3.types.queries import SearchView
from a3.types.results import Repair


def repair(view: SearchView, baseline: Baseline, context: Context) -> Repair:
    """Nothing."""
    return Repair()
