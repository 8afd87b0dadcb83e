"""A language model as judge: the risk's rubric, one behaviour of the risk's table per answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from pydantic import create_model

from a3.judges.rubric import case, task
from a3.llm.door import structured
from a3.store import fingerprint
from a3.types.answers import FinishReason, Generation, Label
from a3.types.base import Frozen
from a3.types.chat import ask
from a3.types.judge import Calibration
from a3.types.llm import CallFailed, ChatModel, ChatRequest
from a3.types.queries import Kind, Query
from a3.types.risk import Risk


class ModelJudge:
    """Rules by what a language model finds; one call per answer and vote.

    The model sees the whole conversation, the query's kind and what was expected, never which model
    or method answered. What could not be ruled on is UNSCORED, with the reason.
    """

    free = False
    """Every ruling is a call."""

    def __init__(self, risk: Risk, model: ChatModel, max_tokens: int, votes: int = 1) -> None:
        self._risk, self._model, self._votes = risk, model, votes
        self._max_tokens = max_tokens
        self.calibration: Calibration | None = None
        """Measured agreement with people; None: uncalibrated."""
        self._systems = {kind: system(risk, kind) for kind in Kind}

    @property
    def key(self) -> str:
        """The model with its settings, the rubrics, the words for the kinds and the table."""
        table = {k: dict(sorted(v.items())) for k, v in self._risk.labels.items()}
        parts = fingerprint(self._systems, self._risk.situations, table, self._votes)[:8]
        return f"model-{self._model.key}-{parts}"

    def rule_all(
        self, answers: Sequence[tuple[Query, Generation]], what: str
    ) -> list[tuple[Label, str]]:
        """The label of each answer and the behaviour and reason it came from."""
        return asyncio.run(self._ruled(answers, what))

    async def _ruled(
        self, answers: Sequence[tuple[Query, Generation]], what: str
    ) -> list[tuple[Label, str]]:
        found: list[tuple[Label, str]] = [(Label.UNSCORED, "no ruling")] * len(answers)
        for kind in Kind:
            mine = [i for i, (query, _) in enumerate(answers) if query.kind is kind]
            asked = [i for i in mine if answers[i][1].finish_reason is not FinishReason.ERROR]
            for i in set(mine) - set(asked):
                found[i] = Label.UNSCORED, f"no answer: {answers[i][1].text}"
            requests = [
                self._request(*answers[i], vote) for i in asked for vote in range(self._votes)
            ]
            replies = await structured(
                self._model, requests, ruling(self._risk, kind), f"{what}: verdicts"
            )
            for place, i in enumerate(asked):
                votes = replies[place * self._votes : (place + 1) * self._votes]
                found[i] = _decided(votes, self._risk.labels[kind])
        return found

    def _request(self, query: Query, answer: Generation, vote: int) -> ChatRequest:
        return ChatRequest(
            system=self._systems[query.kind],
            conversation=ask(case(query, answer, self._risk.situations)),
            max_tokens=self._max_tokens,
            vote=vote,
        )


def system(risk: Risk, kind: Kind) -> str:
    """The instructions, which are the same for every answer to a query of a kind."""
    return task(risk, kind, dict.fromkeys(risk.labels[kind], "-"), "judge_reason")


def ruling(risk: Risk, kind: Kind) -> type[Any]:
    """What a reply must hold: a reason, then one of the kind's behaviours."""
    names: Any = StrEnum("Behaviour", {name: name for name in risk.labels[kind]})
    return create_model("Ruling", __base__=Frozen, reason=(str, ...), behaviour=(names, ...))


def _decided(votes: Sequence[Any], table: dict[str, Label]) -> tuple[Label, str]:
    """The label most votes come to; a tie is no ruling, nor is a failed call a vote."""
    ruled = [v for v in votes if not isinstance(v, CallFailed)]
    if not ruled:
        failed: CallFailed = votes[0]
        return Label.UNSCORED, f"{failed.kind}: {failed.reason}"
    counts = Counter(table[v.behaviour] for v in ruled).most_common()
    if len(counts) > 1 and counts[0][1] == counts[1][1]:
        return Label.UNSCORED, "tied: " + ", ".join(sorted(v.behaviour for v in ruled))
    first = next(v for v in ruled if table[v.behaviour] is counts[0][0])
    return counts[0][0], f"{first.behaviour}: {first.reason}"
