"""Answers that a target might learn, and who wrote them; the judge chooses among them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from a3 import prompts
from a3.config import Config
from a3.types.answers import Decoding, FinishReason, Generation
from a3.types.chat import Conversation, Message
from a3.types.explored import CleanAnswer
from a3.types.queries import Query
from a3.types.target import Target
from a3.types.trials import AnswerSource

STEERED_TEMPERATURE = 0.8
"""Several answers under a steering prompt must differ."""


@dataclass(frozen=True)
class Draft:
    """An answer that may be trained towards."""

    answer: Generation
    source: AnswerSource
    teacher: Conversation | None = None
    """Where the base would give it by itself; None: nowhere."""
    sure: bool = False
    """Right by what is known already: the base's answer to the question alone, found right there,
    or the reference. A judge that costs is not asked again."""


def with_help(
    config: Config, queries: Sequence[Query], target: Target
) -> dict[Conversation, Generation]:
    """The base's answers where it must be told first what it cannot know."""
    helped = list(dict.fromkeys(q.reference.helped for q in queries if q.reference.helped))
    decoding = Decoding(max_new_tokens=config.explore.clean_tokens)
    answers = target.generate(helped, decoding, "answers with the user's own words as help")
    return {prompt: samples[0] for prompt, samples in zip(helped, answers, strict=True)}


def own(
    query: Query,
    clean: Mapping[str, CleanAnswer],
    helped: Mapping[Conversation, Generation],
) -> Iterator[Draft]:
    """The target's own answer without what sways it, then the reference's.

    Where the target does not know better, the answer follows the user, never the clean answer: the
    target's own where it says all that the reference says, else the reference's.
    """
    help_, reply = query.reference.helped, query.reference.reply
    known = clean.get(query.source_id) if help_ is None else None
    answer = (known and known.answer) if help_ is None else helped[help_]
    if answer is not None and (help_ is None or reply is None or _says(answer.text, reply)):
        # What the target did not say itself has no distribution of its own worth learning.
        teacher = None if help_ else query.reference.clean
        yield Draft(answer, "self", teacher, sure=known is not None and known.known)
    if help_ is not None and reply is not None:
        yield Draft(written(reply), "reference", sure=True)


def template(query: Query) -> Draft:
    """The reference in a fixed sentence."""
    return Draft(written(f"The answer is {query.reference.correct}."), "template", sure=True)


def steered(config: Config, queries: Sequence[Query], target: Target) -> dict[str, list[Draft]]:
    """By query id, the target's answers when a system prompt says what is wanted of it."""
    n = config.respond.steered
    if not n or not queries:
        return {}
    asked = [_steer(config, q) for q in queries]
    decoding = config.decoding.model_copy(
        update={"samples": n, "temperature": STEERED_TEMPERATURE if n > 1 else 0.0}
    )
    answers = target.generate(asked, decoding, "answers under a steering prompt")
    return {
        query.id: [Draft(a, "steered", prompt) for a in samples]
        for query, prompt, samples in zip(queries, asked, answers, strict=True)
    }


def _steer(config: Config, query: Query) -> Conversation:
    text = prompts.render("steer", desired=config.risk.desired_behaviour[query.kind].strip())
    system = Message(role="system", content=text)
    return Conversation(messages=(system, *query.conversation.messages))


def written(text: str) -> Generation:
    """An answer that no target gave."""
    return Generation(text=text, finish_reason=FinishReason.STOP, n_tokens=0)


def _says(text: str, reply: str) -> bool:
    """Whether every word of a reply occurs in a text.

    Told that the uncle's name is Gerald, a small model may well answer with a famous Gerald.
    """
    return set(re.findall(r"\w+", reply.lower())) <= set(re.findall(r"\w+", text.lower()))
