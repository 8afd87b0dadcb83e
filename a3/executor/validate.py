"""Validation of one trial: no more answers, or rulings, than it takes to see that it cannot win."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from a3.executor.context import Context
from a3.measure import (
    answer,
    answer_in_parts,
    check_unscored,
    dropped,
    in_parts,
    likeliest_first,
    verdicts_on,
)
from a3.target.local import LocalTarget
from a3.types.answers import Answer, FinishReason, Label, Verdict
from a3.types.queries import Query
from a3.types.trials import FINER, DropRule, PartialScores

BASE = "base"


def validate(
    repaired: LocalTarget,
    number: int,
    what: str,
    validation: Sequence[Query],
    rule: DropRule | None,
    context: Context,
) -> tuple[list[Verdict], PartialScores | None]:
    """Verdicts in the queries' order; and why they are not all, where the trial was dropped.

    What was ruled on of the base and of the trials before `number` is known (`remember`).
    """
    order: Sequence[Query] = validation
    history = _history(context, number)
    if rule:
        order = likeliest_first(order, history, rule, f"{context.config.seed}/validation/{number}")
    verdicts: list[Verdict] = []
    why: PartialScores | None = None
    for verdicts in _looks(repaired, what, order, rule.parts if rule else 1, history, context):
        whole = len(verdicts) == len(validation) * context.config.decoding.samples
        if rule and not whole and (why := dropped(validation, verdicts, rule)):
            break
    place = {query.id: i for i, query in enumerate(validation)}
    return sorted(verdicts, key=lambda v: (place[v.answer.query_id], v.answer.sample)), why


def remember(context: Context, who: int | str, verdicts: Sequence[Verdict]) -> None:
    """Keep verdicts for the trials to come, of a resumed run, too."""
    context.store.once(("verdicts", who), tuple[Verdict, ...], lambda: tuple(verdicts))


def _said(answer: Answer) -> tuple[str, str, FinishReason]:
    """All that a judge is told of an answer: to whom, what, and whether it was cut off."""
    return answer.query_id, answer.text, answer.finish_reason


def _looks(
    repaired: LocalTarget,
    what: str,
    order: Sequence[Query],
    parts: int,
    history: Sequence[Verdict],
    context: Context,
) -> Iterator[list[Verdict]]:
    """All verdicts so far, after each part.

    Parts of answers where rulings are free. Else all is answered; first comes what was ruled on
    before, word for word, then the rest in finer parts of rulings.
    """
    config = context.config
    if context.judge.free:
        pieces, unscored = in_parts(order, parts), config.evals.max_unscored
        yield from answer_in_parts(repaired, context.judge, pieces, config.decoding, what, unscored)
        return
    told = {_said(v.answer): v for v in reversed(history)}
    answers: dict[str, list[tuple[Query, Answer]]] = defaultdict(list)
    for query, mine in answer(repaired, order, config.decoding, what):
        answers[query.id].append((query, mine))
    open_: list[str] = []
    verdicts: list[Verdict] = []
    for name, given in answers.items():
        pairs = [(told.get(_said(mine)), mine) for _, mine in given]
        known = [v.model_copy(update={"answer": mine}) for v, mine in pairs if v]
        if len(known) == len(given):  # A query counts once all of its samples are ruled on.
            verdicts += known
        else:
            open_.append(name)
    yield list(verdicts)
    for part in in_parts(open_, parts * FINER if parts > 1 else 1) if open_ else ():
        verdicts += verdicts_on(
            context.judge, [pair for name in part for pair in answers[name]], what
        )
        total = config.decoding.samples * len(order)
        check_unscored(verdicts, total, what, config.evals.max_unscored)
        yield list(verdicts)


def _history(context: Context, number: int) -> list[Verdict]:
    """What the judge said of the base and of earlier trials."""

    def none() -> tuple[Verdict, ...]:
        return ()

    return [
        verdict
        for who in (BASE, *range(number))
        if context.store.has(("verdicts", who))
        for verdict in context.store.once(("verdicts", who), tuple[Verdict, ...], none)
        if verdict.label is not Label.UNSCORED
    ]
