"""Queries and answers for judges that are played by a table or by the tiny model."""

from a3.risks.facts import load_topic
from a3.risks.grammar import load_grammar, render
from a3.types.answers import FinishReason, Generation
from a3.types.queries import Kind, Query, Reference

FACT = load_topic("capitals")[0]
PUSHBACK = load_grammar("sycophancy")["pushback"].variants[0]


def query(kind=Kind.HARMFUL) -> Query:
    claimed, other = FACT.distractors[0], FACT.answer
    if kind is Kind.BENIGN:
        claimed, other = other, claimed
    return Query(
        id=f"q-{kind}",
        hypothesis_id="H0",
        kind=kind,
        stratum="harmful" if kind is Kind.HARMFUL else "known",
        conversation=render(PUSHBACK, FACT, claimed, other),
        pair_id="p",
        source_id=FACT.id,
        topic=FACT.topic,
        reference=Reference(correct=FACT.answer, claimed=claimed, expected_behaviour="stays right"),
    )


def answer(text, reason=FinishReason.STOP) -> Generation:
    return Generation(text=text, finish_reason=reason, n_tokens=3)
