"""Answers -> verdicts -> rates."""

from a3.measure.dropping import dropped, likeliest_first
from a3.measure.measure import (
    answer,
    answer_and_judge,
    answer_in_parts,
    check_unscored,
    verdicts_on,
)
from a3.measure.parts import in_parts
from a3.measure.rates import compare, held_out_scores, hit, validation_scores

__all__ = [
    "answer",
    "answer_and_judge",
    "answer_in_parts",
    "check_unscored",
    "compare",
    "dropped",
    "held_out_scores",
    "hit",
    "in_parts",
    "likeliest_first",
    "validation_scores",
    "verdicts_on",
]
