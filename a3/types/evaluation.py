"""What evaluate brings back: both models on everything held out, item by item."""

from __future__ import annotations

from a3.types.answers import Verdict
from a3.types.base import Frozen
from a3.types.judge import SecondOpinion
from a3.types.queries import Query
from a3.types.rates import MeanKL, Rate
from a3.types.results import ModelScores, SplitComparison


class Evaluation(Frozen):
    """Scores, paired differences, and every query and verdict behind them."""

    base: ModelScores
    repaired: ModelScores
    confirm: SplitComparison
    ood: SplitComparison
    kl_neutral: MeanKL
    kl_task: MeanKL
    kept: Rate
    """Facts of untouched topics that the repaired model still knows."""
    second: SecondOpinion | None = None
    """Agreement of the judge that steered with the final one, where they differ."""
    queries: dict[str, tuple[Query, ...]]
    """By set: confirm, ood."""
    verdicts: dict[str, tuple[Verdict, ...]]
    """By model and set, e.g. `base/confirm`."""
