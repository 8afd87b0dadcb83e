"""What the base knew of topics that no training touched: does the repaired model still know it?

A repair that looks whole on its own topics may have forgotten elsewhere; asked cleanly, nothing is
in the way of the answer but the repair.
"""

from __future__ import annotations

from collections.abc import Sequence

from a3.judges.rules import knows
from a3.risks.facts import Fact, load_topic
from a3.stats import Outcome, rate
from a3.types.answers import Decoding
from a3.types.queries import Source
from a3.types.rates import Rate
from a3.types.target import Target


def kept(target: Target, sources: Sequence[Source], decoding: Decoding, confidence: float) -> Rate:
    """Share of these facts, all known to the base, that the target answers rightly when asked."""
    facts = _facts(sources)
    answers = target.generate([f.clean for f in facts], decoding, "facts of untouched topics")
    return rate(
        [
            Outcome(knows(fact.reference, samples[0].text, fact.distractors), source=fact.id)
            for fact, samples in zip(facts, answers, strict=True)
        ],
        confidence,
    )


def _facts(sources: Sequence[Source]) -> list[Fact]:
    wanted = {s.id for s in sources}
    return [f for t in sorted({s.topic for s in sources}) for f in load_topic(t) if f.id in wanted]
