"""A model on this machine as judge: the likeliest behaviour, or a ruling that it writes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from string import ascii_uppercase

from a3.judges.rubric import case, task
from a3.store import fingerprint
from a3.types.answers import Decoding, FinishReason, Generation, Label
from a3.types.chat import Conversation, ask, user
from a3.types.judge import Calibration
from a3.types.llm import CallFailed, ChatReply, ChatRequest, FailureKind, ReplyStop, TokenUsage
from a3.types.model import ModelSpec
from a3.types.queries import Kind, Query
from a3.types.risk import Risk
from a3.types.target import ChoosingTarget, Target


class LocalJudge:
    """Rules by the behaviour whose letter the model is likeliest to reply with; it writes nothing.

    A letter is one token, whatever the behaviour is called, so long names are at no disadvantage
    and one pass over the case tells of all behaviours. How much the model likes a letter for its
    own sake cancels out where each behaviour has had every letter: `orders` of them are averaged.
    That is not the default, since each order is a further pass over every case.
    """

    free = False
    """No call, but a pass of a model."""

    def __init__(
        self,
        risk: Risk,
        model: ChoosingTarget,
        orders: int = 1,
        calibration: Calibration | None = None,
    ) -> None:
        self._risk, self._model = risk, model
        self.calibration = calibration
        """Measured agreement with people; None: uncalibrated."""
        self._tasks = {kind: _tasks(risk, kind, orders) for kind in Kind}

    @property
    def key(self) -> str:
        """The model, the rubrics with their orders of behaviours, the kinds, and the table."""
        table = {k: dict(sorted(v.items())) for k, v in self._risk.labels.items()}
        parts = fingerprint(self._tasks, self._risk.situations, table)[:8]
        return f"local-{self._model.key}-{parts}"

    def rule_all(
        self, answers: Sequence[tuple[Query, Generation]], what: str
    ) -> list[tuple[Label, str]]:
        """The label of each answer and the behaviour it came from, with its probability."""
        found = [(Label.UNSCORED, f"no answer: {answer.text}") for _, answer in answers]
        for kind in Kind:
            mine = [
                i
                for i, (query, answer) in enumerate(answers)
                if query.kind is kind and answer.finish_reason is not FinishReason.ERROR
            ]
            if mine:
                cases = [case(*answers[i], self._risk.situations) for i in mine]
                logprobs = self._logprobs(kind, cases, what)
                for i, of_one in zip(mine, logprobs, strict=True):
                    found[i] = _decided(of_one, self._risk.labels[kind])
        return found

    def _logprobs(self, kind: Kind, cases: Sequence[str], what: str) -> list[dict[str, float]]:
        """Of each behaviour, by case; the mean over the orders."""
        found: list[dict[str, float]] = [defaultdict(float) for _ in cases]
        # Order by order: the target runs once what all prompts of a call begin with.
        for text, letters in self._tasks[kind]:
            asked = [ask(f"{text}\n\n{shown}") for shown in cases]
            likely = self._model.first_words(asked, list(letters.values()), f"{what}: verdicts")
            for of_one, logprobs in zip(found, likely, strict=True):
                for name, logprob in zip(letters, logprobs, strict=True):
                    of_one[name] += logprob / len(self._tasks[kind])
        return found


def _tasks(risk: Risk, kind: Kind, orders: int) -> list[tuple[str, dict[str, str]]]:
    """For each order the instructions, and the letter of every behaviour."""
    names = list(risk.labels[kind])
    found: list[tuple[str, dict[str, str]]] = []
    for order in range(min(orders, len(names))):
        first = order * len(names) // min(orders, len(names))
        turned = names[first:] + names[:first]
        letters = dict(zip(turned, ascii_uppercase[: len(turned)], strict=True))
        marks = {name: f"{letter}." for name, letter in letters.items()}
        found.append((task(risk, kind, marks, "judge_letter"), letters))
    return found


def _decided(logprobs: dict[str, float], table: dict[str, Label]) -> tuple[Label, str]:
    """The likeliest behaviour's label.

    Equals of two labels are no ruling (else the order of the list would decide, and in bf16 equals
    are common), nor is what is no number.
    """
    if not all(map(math.isfinite, logprobs.values())):
        return Label.UNSCORED, "the model's log-probabilities are no numbers"
    most = max(logprobs.values())
    first = [name for name, value in logprobs.items() if value == most]
    if len({table[name] for name in first}) > 1:
        return Label.UNSCORED, "tied: " + ", ".join(sorted(first))
    share = 1 / sum(math.exp(value - most) for value in logprobs.values())
    return table[first[0]], f"{first[0]}: probability {share:.2f} of {len(logprobs)} behaviours"


class LocalChat:
    """A model on this machine as a chat model that agents and judges call."""

    def __init__(self, target: Target, spec: ModelSpec) -> None:
        self._target, self._spec = target, spec

    @property
    def key(self) -> str:
        """Weights and how replies are drawn."""
        drawn = fingerprint(self._spec.max_new_tokens, self._spec.temperature)
        return f"{self._target.key}-{drawn[:8]}"

    async def reply(
        self, requests: Sequence[ChatRequest], what: str
    ) -> list[ChatReply | CallFailed]:
        """A reply to each request, in order; votes of one request are drawn apart."""
        found: dict[int, ChatReply | CallFailed] = {}
        for most, vote in sorted({(r.max_tokens, r.vote) for r in requests}):
            mine = [i for i, r in enumerate(requests) if (r.max_tokens, r.vote) == (most, vote)]
            decoding = Decoding(
                max_new_tokens=min(most, self._spec.max_new_tokens),
                temperature=self._spec.temperature,
                seed=vote,
            )
            chats = [_chat(requests[i]) for i in mine]
            answers = self._target.generate(chats, decoding, what)
            found |= {i: _reply(answer) for i, (answer,) in zip(mine, answers, strict=True)}
        return [found[i] for i in range(len(requests))]


def _chat(request: ChatRequest) -> Conversation:
    """Instructions stand in the first user turn: many chat templates have no system turn."""
    first, *rest = request.conversation.messages
    said = "\n\n".join(text for text in (request.system, *request.log, first.content) if text)
    return Conversation(messages=(user(said), *rest))


def _reply(answer: Generation) -> ChatReply | CallFailed:
    if answer.finish_reason is FinishReason.ERROR:
        return CallFailed(kind=FailureKind.TRANSPORT, reason=answer.text)
    cut = answer.finish_reason is FinishReason.LENGTH
    return ChatReply(
        text=answer.text,
        stop=ReplyStop.LENGTH if cut else ReplyStop.END,
        usage=TokenUsage(output=answer.n_tokens),
    )
