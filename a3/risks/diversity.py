"""How many different facts a table really holds: its size, and what copies cannot raise.

Effective numbers: the exponential of an entropy, so n different ones count n and n alike count 1.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from a3.risks.facts import Fact
from a3.types.base import Frozen

Floats = NDArray[np.float64]


class Diversity(Frozen):
    """Three sizes of a set of facts; each of the last two is at most the first."""

    n: int
    answers: float
    """Effective number of different answers."""
    facts: float
    """Effective number of different facts: the Vendi score."""


def diversity(facts: Sequence[Fact]) -> Diversity:
    """The diversity of facts; without any it is zero."""
    if not facts:
        return Diversity(n=0, answers=0.0, facts=0.0)
    answers = Counter(_normalise(f.answer) for f in facts)
    return Diversity(n=len(facts), answers=_effective(answers.values()), facts=_vendi(facts))


def _vendi(facts: Sequence[Fact]) -> float:
    """Friedman & Dieng 2022, https://arxiv.org/abs/2210.02410: K is how alike two facts are.

    Compared are subject and answer, which leaves out the wording that a whole table shares.
    """
    counts = [_trigrams(_normalise(f"{f.subject} {f.answer}")) for f in facts]
    column = {trigram: i for i, trigram in enumerate(sorted(set[str]().union(*counts)))}
    vectors: Floats = np.zeros((len(facts), len(column)))
    for row, found in zip(vectors, counts, strict=True):
        for trigram, n in found.items():
            row[column[trigram]] = n
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return _effective(np.linalg.eigvalsh(vectors @ vectors.T).tolist())


def _trigrams(text: str) -> Counter[str]:
    padded = f" {text} "  # A word's edges count like those of the words inside.
    return Counter(padded[i : i + 3] for i in range(len(padded) - 2))


def _normalise(text: str) -> str:
    return " ".join(text.casefold().split())


def _effective(weights: Iterable[float]) -> float:
    """The exponential of the entropy of weights; rounding may leave a zero just below zero."""
    positive = [w for w in weights if w > 0]
    total = math.fsum(positive)
    entropy = -math.fsum(w / total * math.log(w / total) for w in positive)
    return math.exp(max(entropy, 0.0))
