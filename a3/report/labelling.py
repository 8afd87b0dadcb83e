"""A blind sheet of final verdicts for people to label; `python -m a3.calibrate` reads it back."""

from __future__ import annotations

import json
from random import Random

from a3.types.answers import generation
from a3.types.evaluation import Evaluation

SHEET = "labelling.jsonl"
ROWS = 50


def sheet(evaluation: Evaluation, seed: int) -> str:
    """Random answers of both models, each with its query; label is for people to fill in.

    Neither the verdict nor which model answered is told.
    """
    queries = {q.id: q for asked in evaluation.queries.values() for q in asked}
    answers = [v.answer for found in evaluation.verdicts.values() for v in found]
    chosen = Random(f"{seed}/labelling").sample(answers, min(ROWS, len(answers)))
    rows = (
        {
            "label": None,
            "query": queries[answer.query_id].model_dump(mode="json"),
            "answer": generation(answer).model_dump(mode="json"),
            "model": "",
        }
        for answer in chosen
    )
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
