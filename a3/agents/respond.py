"""Respond: what the target should have said, and general data to keep it whole."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from a3.agents.beliefs import BELIEF, beliefs
from a3.agents.drafts import Draft, own, steered, template, with_help
from a3.agents.general import draw
from a3.agents.hypotheses import CROSS
from a3.agents.model.respond import by_agent
from a3.config import Config
from a3.types.answers import Decoding, FinishReason, Generation, Label
from a3.types.base import Frozen
from a3.types.chat import Conversation, ask, assistant
from a3.types.crew import Crew
from a3.types.events import ResponsesMade
from a3.types.explored import CleanAnswer
from a3.types.judge import Judge
from a3.types.queries import Hypothesis, Kind, Query
from a3.types.target import Target
from a3.types.trials import GENERAL, TrainingExample

CLEAN = "clean"
"""Stratum of the questions without anything that could sway the target."""
PLAIN = frozenset({"self", "template"})
"""Sources whose answers are answers to the clean question, too."""
GOOD = frozenset({Label.SAFE, Label.APPROPRIATE})


class Responses(Frozen):
    """Everything a trial may train on."""

    examples: tuple[TrainingExample, ...]
    uncovered: tuple[str, ...]
    """Hypotheses with too few usable answers; their queries are not trained on (clean questions of
    their facts are), and still measured."""


def respond(
    config: Config,
    queries: Sequence[Query],
    clean: Sequence[CleanAnswer],
    crew: Crew,
    hypotheses: Sequence[Hypothesis] = (),
) -> Responses:
    """Desired answers for the queries to learn from, and the base's own for general data.

    In the structures of `hypotheses` the target also learns to keep to what it says itself.
    """
    wanted: dict[str, int] = defaultdict(int)
    usable: dict[str, list[TrainingExample]] = defaultdict(list)
    plain: dict[Conversation, TrainingExample] = {}
    chosen, unwritten = _chosen(config, queries, clean, crew)
    for query in queries:
        wanted[query.hypothesis_id] += 1
        if query.id not in chosen:
            continue
        best = chosen[query.id]
        point = _to_the_point(query, best.answer, crew.judge) if crew.judge.free else best.answer
        opening = config.respond.openings.get(query.stratum, "")
        example = _example(query, replace(best, answer=point))
        usable[query.hypothesis_id].append(_opened(example, opening) if opening else example)
        question = query.reference.clean
        if question is not None and best.source in PLAIN and query.reference.helped is None:
            plain.setdefault(question, _asked_cleanly(question, _example(query, best)))
    # What is learned from a crossing stands for no hypothesis that could be uncovered.
    yields = {h: len(usable[h]) / n for h, n in wanted.items() if CROSS not in h}
    uncovered = tuple(h for h, y in yields.items() if y < config.respond.min_yield)
    drawn = draw(config)
    general = _general(config, drawn.prompts, crew.target)
    held = _held(beliefs(config, hypotheses, crew.target))
    examples = [e for h in wanted if h not in uncovered for e in usable[h]]
    crew.observer.event(
        ResponsesMade(
            yields=yields,
            uncovered=uncovered,
            n_general=len(general),
            n_beliefs=len(held),
            general_dropped=drawn.dropped,
            unwritten=dict(unwritten),
        )
    )
    return Responses(examples=(*examples, *plain.values(), *held, *general), uncovered=uncovered)


def _chosen(
    config: Config,
    queries: Sequence[Query],
    clean: Sequence[CleanAnswer],
    crew: Crew,
) -> tuple[dict[str, Draft], Counter[str]]:
    """By query id the answer to learn, and why the agent did not write those it was asked for.

    Where one way brings none, the next is tried.
    """
    source, judge, agent = config.respond.source, crew.judge, crew.agent
    if source == "template":
        return _accepted(queries, {q.id: [template(q)] for q in queries}, judge), Counter()
    if source == "agent":
        written, unwritten = by_agent(config, queries, agent)
        return _accepted(queries, written, judge), unwritten
    by_source = {c.source_id: c for c in clean}
    helped = with_help(config, queries, crew.target)
    chosen = _accepted(queries, {q.id: list(own(q, by_source, helped)) for q in queries}, judge)
    left = [q for q in queries if q.id not in chosen]
    chosen |= _accepted(left, steered(config, left, crew.target), judge)
    thin = _thin(queries, chosen, config.respond.min_yield) if agent else []
    written, unwritten = by_agent(config, thin, agent)
    return chosen | _accepted(thin, written, judge), unwritten


def _thin(queries: Sequence[Query], chosen: Mapping[str, Draft], least: float) -> list[Query]:
    """Queries without an answer, of hypotheses that would have too few of them."""
    wanted = Counter(q.hypothesis_id for q in queries)
    there = Counter(q.hypothesis_id for q in queries if q.id in chosen)
    return [
        q
        for q in queries
        if q.id not in chosen and there[q.hypothesis_id] < least * wanted[q.hypothesis_id]
    ]


def _accepted(
    queries: Sequence[Query], drafts: Mapping[str, list[Draft]], judge: Judge
) -> dict[str, Draft]:
    """By query id the best draft that is right; second ones where the first is not.

    The judge rules, a paid one only where there is a doubt.
    """
    left = {q.id: (q, list(drafts.get(q.id, ()))) for q in queries}
    chosen: dict[str, Draft] = {}
    while left := {k: (q, more) for k, (q, more) in left.items() if more and k not in chosen}:
        tried = [(q, more.pop(0)) for q, more in left.values()]
        chosen |= {q.id: c for q, c in tried if c.sure and not judge.free}
        asked = [(q, c) for q, c in tried if q.id not in chosen]
        rulings = judge.rule_all([(q, c.answer) for q, c in asked], "training answers")
        for (query, draft), (label, _) in zip(asked, rulings, strict=True):
            if label in GOOD:
                chosen[query.id] = draft
    return chosen


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


def _example(query: Query, chosen: Draft) -> TrainingExample:
    conversation = query.conversation.then(assistant(chosen.answer.text))
    return TrainingExample(
        conversation=conversation,
        # Only the final turn: benign chats hold a wrong earlier assistant turn (evidence rule 10).
        loss_spans=(len(conversation.messages) - 1,),
        weight_group=f"{query.hypothesis_id}/{query.kind}",
        stratum=query.stratum,
        topic=query.topic,
        source=chosen.source,
        teacher=chosen.teacher,
        # Where an answer was cut off, no end is learned: with one, the target learned to stop
        # before it came to the point (docs/log.md, 2026-11-22).
        complete=chosen.answer.finish_reason is FinishReason.STOP,
    )


def _opened(example: TrainingExample, opening: str) -> TrainingExample:
    """The answer with words before it that set it apart from those of other strata.

    Begun like the user's sentence, a small model's answer goes on as that does (induction); and
    where answers that go by the user's word begin like those that do not, what it unlearns of one
    it loses of the other (docs/log.md, 2026-11-30).
    """
    *earlier, last = example.conversation.messages
    messages = (*earlier, assistant(f"{opening} {last.content}"))
    return example.model_copy(
        update={"conversation": Conversation(messages=messages), "opening": opening}
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


def _held(about: Sequence[tuple[Query, Draft]]) -> list[TrainingExample]:
    """Lessons about beliefs, and the same answers to the questions without pressure.

    These keep what the target says of much that nothing else trains (docs/log.md, 2026-12-01).
    """
    pressed = [(q.reference.clean, _example(q, draft)) for q, draft in about]
    calm = {
        question: _asked_cleanly(question, example).model_copy(
            update={"stratum": f"{CLEAN}_{BELIEF}"}
        )
        for question, example in pressed
        if question is not None
    }
    return [*(example for _, example in pressed), *calm.values()]


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
