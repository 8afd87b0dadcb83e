"""Respond, offline: what the target should have said, and general data to keep it whole."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from a3.agents.general import draw
from a3.config import Config
from a3.types.answers import Decoding, FinishReason, Generation, Label
from a3.types.base import Frozen
from a3.types.chat import Conversation, ask, assistant
from a3.types.events import ResponsesMade
from a3.types.explored import CleanAnswer
from a3.types.judge import Judge
from a3.types.observer import Observer
from a3.types.queries import Kind, Query
from a3.types.target import Target
from a3.types.trials import AnswerSource, TrainingExample

GENERAL = "general"
"""Weight group of general data."""
CLEAN = "clean"
"""Stratum of the questions without anything that could sway the target."""
GOOD = frozenset({Label.SAFE, Label.APPROPRIATE})
Candidate = tuple[Generation, AnswerSource]
"""An answer that may be trained towards, and who wrote it."""


class Responses(Frozen):
    """Everything a trial may train on."""

    examples: tuple[TrainingExample, ...]
    uncovered: tuple[str, ...]
    """Hypotheses with too few usable answers; not trained on, still measured."""


def respond(
    config: Config,
    queries: Sequence[Query],
    clean: Sequence[CleanAnswer],
    target: Target,
    judge: Judge,
    observer: Observer,
) -> Responses:
    """Desired answers for the queries to learn from, and the base's own for general data."""
    by_source = {c.source_id: c.answer for c in clean}
    helped = _answer_with_help(config, queries, target)
    wanted: dict[str, int] = defaultdict(int)
    usable: dict[str, list[TrainingExample]] = defaultdict(list)
    plain: dict[Conversation, TrainingExample] = {}
    chosen = _accepted(config, queries, by_source, helped, judge)
    for query in queries:
        wanted[query.hypothesis_id] += 1
        if query.id not in chosen:
            continue
        answer, source = chosen[query.id]
        point = _to_the_point(query, answer, judge) if judge.free else answer
        usable[query.hypothesis_id].append(_example(query, point, source))
        question = query.reference.clean
        if question is not None and query.reference.helped is None:
            plain.setdefault(question, _asked_cleanly(question, _example(query, answer, source)))
    yields = {h: len(usable[h]) / n for h, n in wanted.items()}
    uncovered = tuple(h for h, y in yields.items() if y < config.respond.min_yield)
    drawn = draw(config)
    general = _general(config, drawn.prompts, target)
    examples = [e for h in wanted if h not in uncovered for e in usable[h]]
    observer.event(
        ResponsesMade(
            yields=yields,
            uncovered=uncovered,
            n_general=len(general),
            general_dropped=drawn.dropped,
        )
    )
    return Responses(examples=(*examples, *plain.values(), *general), uncovered=uncovered)


def _accepted(
    config: Config,
    queries: Sequence[Query],
    clean: dict[str, Generation],
    helped: dict[Conversation, Generation],
    judge: Judge,
) -> dict[str, Candidate]:
    """By query the best candidate that the judge accepts; second ones where the first is not."""
    left = {q.id: (q, list(_candidates(config, q, clean, helped))) for q in queries}
    chosen: dict[str, Candidate] = {}
    while left := {k: (q, more) for k, (q, more) in left.items() if more and k not in chosen}:
        asked = [(q, more.pop(0)) for q, more in left.values()]
        rulings = judge.rule_all([(q, answer) for q, (answer, _) in asked], "training answers")
        for (query, candidate), (label, _) in zip(asked, rulings, strict=True):
            if label in GOOD:
                chosen[query.id] = candidate
    return chosen


def _answer_with_help(
    config: Config, queries: Sequence[Query], target: Target
) -> dict[Conversation, Generation]:
    """The base's answers where it must be told first what it cannot know."""
    prompts = list(dict.fromkeys(q.reference.helped for q in queries if q.reference.helped))
    decoding = Decoding(max_new_tokens=config.explore.clean_tokens)
    answers = target.generate(prompts, decoding, "answers with the user's own words as help")
    return {prompt: samples[0] for prompt, samples in zip(prompts, answers, strict=True)}


def _candidates(
    config: Config,
    query: Query,
    clean: dict[str, Generation],
    helped: dict[Conversation, Generation],
) -> Iterator[Candidate]:
    """What may be trained towards and who wrote it, best first.

    Where the target does not know better, the answer follows the user, never the clean answer: the
    target's own where it says all that the reference says, else the reference's.
    """
    if config.respond.source == "template":
        yield _written(f"The answer is {query.reference.correct}."), "template"
        return
    help_, reply = query.reference.helped, query.reference.reply
    own = clean.get(query.source_id) if help_ is None else helped[help_]
    if own is not None and (help_ is None or reply is None or _says(own.text, reply)):
        yield own, "self"
    if help_ is not None and reply is not None:
        yield _written(reply), "reference"


def _says(text: str, reply: str) -> bool:
    """Whether every word of a reply occurs in a text.

    Told that the uncle's name is Gerald, a small model may well answer with a famous Gerald.
    """
    return set(re.findall(r"\w+", reply.lower())) <= set(re.findall(r"\w+", text.lower()))


def _to_the_point(query: Query, answer: Generation, judge: Judge) -> Generation:
    """The answer up to the first sentence that decides it; what the target adds teaches nothing."""
    for end in re.finditer(r"[.!?](?=\s)", answer.text):
        start = answer.model_copy(
            update={"text": answer.text[: end.end()], "finish_reason": FinishReason.LENGTH}
        )
        ((label, _),) = judge.rule_all([(query, start)], "training answers")
        if label in GOOD:
            return start
    return answer


def _written(text: str) -> Generation:
    return Generation(text=text, finish_reason=FinishReason.STOP, n_tokens=0)


def _example(query: Query, answer: Generation, source: AnswerSource) -> TrainingExample:
    conversation = query.conversation.then(assistant(answer.text))
    return TrainingExample(
        conversation=conversation,
        # Only the final turn: benign chats hold a wrong earlier assistant turn (DESIGN §4.10).
        loss_spans=(len(conversation.messages) - 1,),
        weight_group=f"{query.hypothesis_id}/{query.kind}",
        stratum=query.stratum,
        topic=query.topic,
        source=source,
        # What the target did not say itself has no distribution of its own worth learning.
        teacher=query.reference.clean if source == "self" and not query.reference.helped else None,
        # Where an answer was cut off, no end is learned: with one, the target learned to stop
        # before it came to the point (docs/log.md, 2026-11-22).
        complete=answer.finish_reason is FinishReason.STOP,
    )


def _asked_cleanly(question: Conversation, example: TrainingExample) -> TrainingExample:
    """The same answer to the same question without pressure, a stratum of its own.

    Otherwise facts are forgotten when asked plainly (docs/log.md, 2026-11-22).
    """
    conversation = question.then(example.conversation.last)
    return example.model_copy(
        update={
            "conversation": conversation,
            "loss_spans": (len(conversation.messages) - 1,),
            "weight_group": f"{CLEAN} {example.topic}/{Kind.BENIGN}",
            "stratum": CLEAN,
        }
    )


def _general(config: Config, texts: Sequence[str], target: Target) -> list[TrainingExample]:
    prompts = [ask(text) for text in texts]
    decoding = Decoding(max_new_tokens=config.general_data.max_new_tokens)
    answers = target.generate(prompts, decoding, "general instructions")
    return [
        TrainingExample(
            conversation=prompt.then(assistant(samples[0].text)),
            loss_spans=(1,),
            weight_group=GENERAL,
            stratum=GENERAL,
            source="general",
            teacher=prompt,
            complete=samples[0].finish_reason is FinishReason.STOP,
        )
        for prompt, samples in zip(prompts, answers, strict=True)
        if samples[0].text and samples[0].finish_reason is not FinishReason.ERROR
    ]
