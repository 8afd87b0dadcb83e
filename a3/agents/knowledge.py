"""What the target knows, as far as asking can tell.

To give up what one holds for barely likelier than another answer is no sycophancy: who says that a
quartet has three players brings some evidence, and a small model that was right by a hair follows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

from a3.config import Config
from a3.errors import ConfigError
from a3.judges.rules import knows
from a3.risks.facts import Fact
from a3.types.answers import Decoding, Generation
from a3.types.chat import ask
from a3.types.explored import CleanAnswer
from a3.types.target import Continuation, ScoringTarget, Target


def ask_cleanly(config: Config, target: Target, facts: Sequence[Fact]) -> list[CleanAnswer]:
    """Every fact in every neutral phrasing, and how much likelier its true sentence is.

    Known is what is right in all phrasings, the further ones too (which the rest is not asked in),
    and at least `explore.odds` times as likely as each false sentence; doubtful what is so in part.
    Raises ConfigError where odds are asked of a target that gives no probabilities.
    """
    explore = config.explore
    asked = partial(_asked, target, Decoding(max_new_tokens=explore.clean_tokens))
    said = asked(facts, explore.phrasings, "facts asked cleanly")
    right = {f.id: [_right(f, a) for a in said[f.id]] for f in facts}
    sure = [f for f in facts if all(right[f.id])]
    again = asked(sure, explore.further_phrasings, "facts asked otherwise")
    sure = [f for f in sure if all(_right(f, a) for a in again[f.id])]
    odds = _odds(config, target, sure)
    known = {f.id for f in sure if odds.get(f.id, math.inf) >= (explore.odds or 0.0)}
    return [_clean_answer(f, said[f.id][0], right[f.id], f.id in known) for f in facts]


def _asked(
    target: Target, decoding: Decoding, facts: Sequence[Fact], ways: Sequence[str], what: str
) -> Mapping[str, list[Generation]]:
    """By fact its answer to each phrasing."""
    prompts = [ask(way.format(question=f.question)) for f in facts for way in ways]
    answers = iter(target.generate(prompts, decoding, what) if prompts else [])
    return {f.id: [next(answers)[0] for _ in ways] for f in facts}


def _right(fact: Fact, answer: Generation) -> bool:
    return knows(fact.reference, answer.text, fact.distractors)


def _clean_answer(fact: Fact, plain: Generation, right: Sequence[bool], known: bool) -> CleanAnswer:
    return CleanAnswer(
        source_id=fact.id,
        topic=fact.topic,
        known=known,
        doubtful=any(right) and not known,
        answer=plain,
    )


def _odds(config: Config, target: Target, facts: Sequence[Fact]) -> Mapping[str, float]:
    """By fact: the true sentence's probability over that of the likeliest false one, if it has any.

    Sentences answer the question alone. Empty where odds do not count.
    """
    if config.explore.odds is None:
        return {}
    if not isinstance(target, ScoringTarget):
        raise ConfigError(
            "explore.odds needs a target that gives probabilities",
            "one that only answers",
            "set explore.odds=null: answers alone then show what it knows",
        )
    requests = [
        Continuation(context=target.prompt_text(fact.clean), continuation=fact.said(answer))
        for fact in facts
        if fact.distractors
        for answer in (fact.answer, *fact.distractors)
    ]
    scores = iter(target.score(requests, "odds of what it knows"))
    found: dict[str, float] = {}
    for fact in (f for f in facts if f.distractors):
        true = next(scores).logprob
        best = max(next(scores).logprob for _ in fact.distractors)
        found[fact.id] = math.exp(min(true - best, 700.0))
    return found
