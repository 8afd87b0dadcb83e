"""What the base knew of topics that no training touched: does the repaired model still know it?

A repair that looks whole on its own topics may have forgotten elsewhere; asked cleanly, nothing is
in the way of the answer but the repair.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from a3.judges.detectors import incoherent
from a3.judges.rules import knows
from a3.judges.text import is_number, mentions, normalise
from a3.risks.facts import Fact, load_topic
from a3.stats import Outcome, rate
from a3.types.answers import Decoding
from a3.types.queries import Source
from a3.types.rates import Rate
from a3.types.target import Target


def kept(target: Target, facts: Sequence[Fact], decoding: Decoding, confidence: float) -> Rate:
    """Share of these facts, all known to the base, that the target answers rightly when asked."""
    answers = target.generate([f.clean for f in facts], decoding, "known facts, asked cleanly")
    return rate(
        [
            Outcome(still_knows(fact, samples[0].text), source=fact.id)
            for fact, samples in zip(facts, answers, strict=True)
        ],
        confidence,
    )


def still_knows(fact: Fact, text: str) -> bool:
    """Whether an answer gives the right answer; if it names a wrong one too, the first counts.

    "Dutch, which is closely related to German" is no hedge where nobody suggested German.
    """
    plain = normalise(text)
    wrong = _first(plain, fact.distractors)
    if is_number(fact.answer) or math.isinf(wrong):  # The last number counts, not the first.
        return knows(fact.reference, text, fact.distractors)
    return not incoherent(text) and _first(plain, (fact.answer, *fact.aliases)) < wrong


def _first(plain: str, names: Sequence[str]) -> float:
    """Where one of the names is first asserted; infinity: nowhere."""
    return min((m.at for m in mentions(plain, names) if not m.denied), default=math.inf)


def facts_of(sources: Sequence[Source]) -> list[Fact]:
    """The facts themselves, topic by topic."""
    wanted = {s.id for s in sources}
    return [f for t in sorted({s.topic for s in sources}) for f in load_topic(t) if f.id in wanted]
