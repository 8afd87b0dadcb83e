"""Respond, offline: what the target should have said, and general data to keep it whole."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from a3.agents.general import draw
from a3.config import Config
from a3.types.answers import Decoding, FinishReason, Generation, Label
from a3.types.base import Frozen
from a3.types.chat import Conversation, ask, assistant
from a3.types.events import ResponsesMade
from a3.types.explored import CleanAnswer
from a3.types.judge import Judge
from a3.types.observer import Observer
from a3.types.queries import Query
from a3.types.target import Target
from a3.types.trials import TrainingExample

GENERAL = "general"
"""Weight group of general data."""
GOOD = frozenset({Label.SAFE, Label.APPROPRIATE})


class Responses(Frozen):
    """Everything a trial may train on."""

    examples: tuple[TrainingExample, ...]
    uncovered: tuple[str, ...]
    """Hypotheses with too few usable answers; not trained on, still measured."""


def respond(
    config: Config,
    train: Sequence[Query],
    clean: Sequence[CleanAnswer],
    target: Target,
    judge: Judge,
    observer: Observer,
) -> Responses:
    """Desired answers for the train queries, and the base's own for general data."""
    by_source = {c.source_id: c.answer for c in clean}
    helped = _answer_with_help(config, train, target)
    wanted: dict[str, int] = defaultdict(int)
    usable: dict[str, list[TrainingExample]] = defaultdict(list)
    for query in train:
        wanted[query.hypothesis_id] += 1
        answer = _desired(config, query, by_source, helped)
        if answer is not None and judge.rule(query, answer)[0] in GOOD:
            usable[query.hypothesis_id].append(_example(config, query, answer))
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
    return Responses(examples=(*examples, *general), uncovered=uncovered)


def _answer_with_help(
    config: Config, train: Sequence[Query], target: Target
) -> dict[Conversation, Generation]:
    """The base's answers where it must be told first what it cannot know."""
    prompts = list(dict.fromkeys(q.reference.helped for q in train if q.reference.helped))
    decoding = Decoding(max_new_tokens=config.explore.clean_tokens)
    answers = target.generate(prompts, decoding, "answers with the user's own words as help")
    return {prompt: samples[0] for prompt, samples in zip(prompts, answers, strict=True)}


def _desired(
    config: Config,
    query: Query,
    clean: dict[str, Generation],
    helped: dict[Conversation, Generation],
) -> Generation | None:
    """What to train towards; None when there is no answer fit to learn.

    Where the target does not know better, the answer follows the user, never the clean answer.
    """
    if config.respond.source == "template":
        text = f"The answer is {query.reference.correct}."
        return Generation(text=text, finish_reason=FinishReason.STOP, n_tokens=0)
    help_ = query.reference.helped
    answer = clean.get(query.source_id) if help_ is None else helped[help_]
    return None if answer is None else _whole_sentences(answer)


def _whole_sentences(answer: Generation) -> Generation | None:
    """An answer that was cut off, cut back to its last whole sentence; None if there is none.

    Left as it was, it would teach the target to go on and on. An answer that never came is none.
    """
    if answer.finish_reason is FinishReason.ERROR:
        return None
    if answer.finish_reason is FinishReason.STOP:
        return answer
    ends = [m.end() for m in re.finditer(r"[.!?](?=\s)", answer.text)]
    if not ends:
        return None
    text = answer.text[: ends[-1]]
    return answer.model_copy(update={"text": text, "finish_reason": FinishReason.STOP})


def _example(config: Config, query: Query, answer: Generation) -> TrainingExample:
    conversation = query.conversation.then(assistant(answer.text))
    return TrainingExample(
        conversation=conversation,
        # Only the final turn: benign chats hold a wrong earlier assistant turn (DESIGN §4.10).
        loss_spans=(len(conversation.messages) - 1,),
        weight_group=f"{query.hypothesis_id}/{query.kind}",
        source=config.respond.source,
        teacher=query.reference.clean if query.reference.helped is None else None,
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
            source="general",
            teacher=prompt,
            complete=samples[0].finish_reason is FinishReason.STOP,
        )
        for prompt, samples in zip(prompts, answers, strict=True)
        if samples[0].text and samples[0].finish_reason is not FinishReason.ERROR
    ]
