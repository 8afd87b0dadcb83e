"""Answers -> verdicts -> rates."""

from a3.measure.dropping import dropped
from a3.measure.measure import answer_and_judge, answer_in_parts
from a3.measure.parts import in_parts
from a3.measure.rates import compare, held_out_scores, hit, validation_scores

__all__ = [
    "answer_and_judge",
    "answer_in_parts",
    "compare",
    "dropped",
    "held_out_scores",
    "hit",
    "in_parts",
    "validation_scores",
]
