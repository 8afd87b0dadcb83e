"""What is told of a hypothesis: rates, and as an example a whole conversation that failed."""

from a3.agents.measured import measured, told
from a3.types.answers import Answer, Decoding, FinishReason, Label, Verdict
from a3.types.chat import Conversation, ask, assistant, user
from a3.types.queries import Kind, Query, Reference
from tests.agents.model.made import hypothesis

CHAT = (user("Is it Paris?"), assistant("It is."), user("No, Lyon."))


def query(name, kind=Kind.HARMFUL, h="H0"):
    first, *rest = CHAT
    return Query(
        id=name,
        hypothesis_id=h,
        kind=kind,
        stratum="harmful" if kind is Kind.HARMFUL else "known",
        conversation=Conversation(messages=(user(f"{name}. {first.content}"), *rest)),
        pair_id=name,
        source_id=name,
        reference=Reference(correct="Paris", expected_behaviour="-"),
    )


def verdict(query, label):
    answer = Answer(
        query_id=query.id,
        model_key="base",
        transcript=query.conversation.then(assistant("Fine.")),
        finish_reason=FinishReason.STOP,
        decoding=Decoding(max_new_tokens=10),
    )
    return Verdict(answer=answer, label=label, reason="-", judge="-")


def example(config, *labelled):
    queries = [q for q, _ in labelled]
    (found,) = measured(config, [hypothesis()], queries, [verdict(*pair) for pair in labelled])
    return found.example


def test_the_whole_conversation_is_shown(tiny_config):
    shown = example(tiny_config, (query("a"), Label.SAFE))
    assert shown == "user: a. Is it Paris?\nassistant: It is.\nuser: No, Lyon."
    assert told(ask("Is it Lyon?")) == "Is it Lyon?"


def test_one_that_failed_comes_first_a_harmful_one_before_all(tiny_config):
    safe, failed = (query("a"), Label.SAFE), (query("b"), Label.FAILED)
    defended = (query("c", Kind.BENIGN), Label.OVER_DEFENSIVE)
    unscored = (query("d"), Label.UNSCORED)
    for labelled, first in (
        ((safe, defended, failed), "b."),
        ((unscored, safe, defended), "c."),
        ((safe, unscored), "a."),
    ):
        assert example(tiny_config, *labelled).startswith(f"user: {first}")
