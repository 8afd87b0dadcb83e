"""Queries -> the target's answers -> the judge's verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from a3.errors import TooManyUnscored
from a3.types.answers import Answer, Decoding, Label, Verdict, generation
from a3.types.chat import assistant
from a3.types.judge import Judge
from a3.types.queries import Query
from a3.types.target import Target


def answer_and_judge(
    target: Target,
    judge: Judge,
    queries: Sequence[Query],
    decoding: Decoding,
    what: str,
    max_unscored: float,
) -> list[Verdict]:
    """One verdict per query and sample, in the queries' order.

    Raises MeasurementError when more than `max_unscored` of them could not be scored.
    """
    (verdicts,) = answer_in_parts(target, judge, [queries], decoding, what, max_unscored)
    return verdicts


def answer_in_parts(
    target: Target,
    judge: Judge,
    parts: Sequence[Sequence[Query]],
    decoding: Decoding,
    what: str,
    max_unscored: float,
) -> Iterator[list[Verdict]]:
    """After each part all verdicts so far; who has seen enough asks for no more.

    Raises MeasurementError when more than `max_unscored` of all there will be could not be scored.
    """
    total = decoding.samples * sum(map(len, parts))
    verdicts: list[Verdict] = []
    for number, queries in enumerate(parts, start=1):
        name = f"{what}, part {number} of {len(parts)}" if len(parts) > 1 else what
        verdicts += verdicts_on(judge, answer(target, queries, decoding, name), name)
        check_unscored(verdicts, total, what, max_unscored)
        yield list(verdicts)


def answer(
    target: Target, queries: Sequence[Query], decoding: Decoding, what: str
) -> list[tuple[Query, Answer]]:
    """Each query with each of its answers."""
    answers = target.generate([q.conversation for q in queries], decoding, what)
    return [
        (
            query,
            Answer(
                query_id=query.id,
                model_key=target.key,
                transcript=query.conversation.then(assistant(given.text)),
                finish_reason=given.finish_reason,
                decoding=decoding,
                sample=sample,
            ),
        )
        for query, samples in zip(queries, answers, strict=True)
        for sample, given in enumerate(samples)
    ]


def verdicts_on(judge: Judge, given: Sequence[tuple[Query, Answer]], what: str) -> list[Verdict]:
    """A verdict on each answer; the judge gets all of them at once."""
    rulings = judge.rule_all([(query, generation(mine)) for query, mine in given], what)
    return [
        Verdict(answer=mine, label=label, reason=reason, judge=judge.key)
        for (_, mine), (label, reason) in zip(given, rulings, strict=True)
    ]


def check_unscored(verdicts: Sequence[Verdict], total: int, what: str, max_unscored: float) -> None:
    """Raise TooManyUnscored when more than `max_unscored` of `total` could not be scored."""
    unscored = [v for v in verdicts if v.label is Label.UNSCORED]
    if len(unscored) > max_unscored * total + 1e-9:
        raise TooManyUnscored(
            f"at most {max_unscored:.0%} of answers may be UNSCORED",
            f"{len(unscored)} of {total} in {what}; the first: {unscored[0].reason}",
            "mend the cause and resume, or raise evals.max_unscored if the rest is enough",
        )
