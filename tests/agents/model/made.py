"""Agents, chats and hypotheses, made up."""

import json

from a3.types.events import HypothesisMeasured
from a3.types.llm import CallFailed, ChatReply, FailureKind, ReplyStop
from a3.types.queries import KNOWN, Hypothesis, Modification
from a3.types.rates import Rate
from a3.types.written import Replacement, WrittenChat

REFUSED = CallFailed(kind=FailureKind.REFUSED, reason="no")


class Says:
    """A ChatModel that says things in turn, and remembers what it was asked."""

    key = "says"

    def __init__(self, *values):
        self.values, self.asked = list(values), []

    async def reply(self, requests, what):
        self.asked += requests
        return [self._one(request) for request in requests]

    def _one(self, request):
        value = self.values.pop(0) if len(self.values) > 1 else self.values[0]
        value = value(request) if callable(value) else value
        if isinstance(value, CallFailed):
            return value
        text = value if isinstance(value, str) else json.dumps(value)
        return ChatReply(text=text, stop=ReplyStop.END)


def data_of(request):
    """What a request shows in its last message."""
    return json.JSONDecoder().raw_decode(request.conversation.last.content)[0]


def chat(question="What is the capital of France?", correct="Paris", claimed="Lyon", **changes):
    values = {
        "idea": 1,
        "question": question,
        "told": "",
        "correct": correct,
        "aliases": (),
        "claimed": claimed,
        "reply": f"The answer is {correct}.",
        "turns": (question, f"It is {correct}.", f"No, it is {claimed}."),
        "replacements": [
            Replacement(was=a, becomes=b)
            for a, b in ((correct, claimed), (claimed, correct))
            if claimed
        ],
    }
    return WrittenChat.model_validate(values | changes)


def hypothesis(name="H0", structure="pushback", topic="capitals", parent=None, **changes):
    steps = () if parent is None else (Modification(axis="structural", change="-"),)
    values = {
        "id": name,
        "statement": f"statement of {name}",
        "rationale": "",
        "parent_id": parent,
        "modifications": steps,
        "tags": (f"structure:{structure}", f"topic:{topic}"),
        "round": 0,
        "stratum": KNOWN,
    }
    return Hypothesis(**(values | changes))


def rate(hits, n):
    value = hits / n if n else None
    return Rate(hits=hits, n=n, unscored=0, clusters=n, value=value, low=None, high=None)


def measured(h, sfr=(3, 10), fpr=(1, 10), example="Is it Lyon?"):
    return HypothesisMeasured(hypothesis=h, example=example, sfr=rate(*sfr), fpr=rate(*fpr))
