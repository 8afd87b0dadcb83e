"""Answers -> verdicts -> rates."""

from a3.measure.measure import answer_and_judge
from a3.measure.rates import compare, held_out_scores, hit, validation_scores

__all__ = ["answer_and_judge", "compare", "held_out_scores", "hit", "validation_scores"]
