"""From text to type: what a model may get wrong, and how often it is asked again."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from a3.llm.door import parsed, strict_schema, structured
from a3.types.base import Frozen
from a3.types.chat import ask
from a3.types.llm import CallFailed, ChatReply, ChatRequest, FailureKind, ReplyStop


class Idea(Frozen):
    text: str
    score: int = Field(ge=0, le=10)


class Ideas(Frozen):
    ideas: tuple[Idea, ...]
    note: str = ""


class Scripted:
    """Answers from a list per first user turn; keeps what it was asked."""

    key = "scripted"

    def __init__(self, **replies):
        self.replies = {name: list(given) for name, given in replies.items()}
        self.rounds = []

    async def reply(self, requests, what):
        self.rounds.append(list(requests))
        return [self.replies[r.conversation.messages[0].content].pop(0) for r in requests]


def says(text, stop=ReplyStop.END):
    return ChatReply(text=text, stop=stop)


def requests(*names):
    return [ChatRequest(conversation=ask(name), max_tokens=10) for name in names]


def found(model, *names, repairs=1):
    return asyncio.run(structured(model, requests(*names), Idea, "test", repairs))


GOOD = '{"text": "a", "score": 3}'


@pytest.mark.parametrize(
    "text",
    [GOOD, f"```json\n{GOOD}\n```", f"Here you are:\n{GOOD}\nI hope that helps.", f" {GOOD} "],
)
def test_json_in_prose_or_fences_is_found(text):
    assert parsed(says(text), Idea) == Idea(text="a", score=3)


BAD = '{"text": "b", "score": 30}'


@pytest.mark.parametrize(
    "text",
    [
        f"My answer [see below]: {GOOD}",
        f"[1] {GOOD}",
        f"A set {{a, b}} and a draft, {BAD}, then {GOOD}",
        f'<think>Perhaps {{"text": ...}}</think>{GOOD}',
        f"<think>{BAD} [is] not {{it}}</think>\n{GOOD}",
        f'<think>First {{"text": "no", "score": 1}}, no.</think>{GOOD}',
        f"{GOOD} </think>",
        "[" * 500 + GOOD,
    ],
)
def test_the_first_json_that_is_what_was_asked_for_counts(text):
    assert parsed(says(text), Idea) == Idea(text="a", score=3)


def test_the_end_of_thinking_may_be_part_of_a_text():
    meant = Idea(text="It ends with </think> [there].", score=3)
    assert parsed(says(meant.model_dump_json()), Idea) == meant


@pytest.mark.parametrize("text", [f"[1] {BAD}", f"{{}} {BAD}", f"<think>{{}}</think>{BAD} [x]"])
def test_the_longest_json_says_what_is_wrong(text):
    failed = parsed(says(text), Idea)
    assert isinstance(failed, CallFailed) and "score" in failed.reason and "10" in failed.reason


def test_no_part_of_a_json_is_taken_for_the_whole():
    class Lenient(Frozen):
        text: str = ""
        score: int = 0
        more: "Lenient | None" = None

    broken = '{"text": 7, "more": {"text": "inner"}}'
    assert isinstance(parsed(says(broken), Lenient), CallFailed)


def test_a_reply_is_searched_only_so_far():
    assert isinstance(parsed(says("[" * 5000 + GOOD), Idea), CallFailed)


def test_a_broken_reply_goes_back_with_what_is_wrong():
    model = Scripted(x=[says('{"text": "a", "score": 30}'), says(GOOD)])
    assert found(model, "x") == [Idea(text="a", score=3)]
    _, (again,) = model.rounds
    turns = again.conversation.messages
    assert [m.role for m in turns] == ["user", "assistant", "user"]
    assert "score" in turns[-1].content and "10" in turns[-1].content


def test_only_broken_ones_are_asked_again_and_only_so_often():
    model = Scripted(a=[says(GOOD)], b=[says("no"), says("still no")], c=[says("{}"), says(GOOD)])
    first, second, third = found(model, "a", "b", "c")
    assert first == third == Idea(text="a", score=3)
    assert isinstance(second, CallFailed) and second.kind is FailureKind.MALFORMED
    assert [len(asked) for asked in model.rounds] == [3, 2]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (says("I cannot help with that.", ReplyStop.REFUSAL), FailureKind.REFUSED),
        (says("", ReplyStop.REFUSAL), FailureKind.REFUSED),
        (says('{"text": "a", "sco', ReplyStop.LENGTH), FailureKind.TRUNCATED),
        (CallFailed(kind=FailureKind.TRANSPORT, reason="gone"), FailureKind.TRANSPORT),
    ],
)
def test_what_asking_again_would_not_mend_is_not_asked_again(reply, kind):
    model = Scripted(x=[reply])
    (failed,) = found(model, "x", repairs=3)
    assert isinstance(failed, CallFailed) and failed.kind is kind
    assert len(model.rounds) == 1


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"score": ' + "9" * 5000 + "}", '{"text": "\\ud800"']
)
def test_json_that_python_cannot_read_is_malformed(text):
    failed = parsed(says(text), Idea)
    assert isinstance(failed, CallFailed) and failed.kind is FailureKind.MALFORMED


def test_whole_json_at_the_limit_is_good():
    assert parsed(says(GOOD, ReplyStop.LENGTH), Idea) == Idea(text="a", score=3)


def test_the_schema_is_what_providers_accept():
    schema = strict_schema(Ideas)
    assert schema["required"] == ["ideas", "note"] and schema["additionalProperties"] is False
    idea = schema["$defs"]["Idea"]
    assert idea["required"] == ["text", "score"] and idea["additionalProperties"] is False
    assert "default" not in json.dumps(schema)


def test_a_field_may_be_called_title_or_default():
    class Page(Frozen):
        title: str
        default: int

    schema = strict_schema(Page)
    assert set(schema["properties"]) == set(schema["required"]) == {"title", "default"}


@given(st.text(max_size=80))
def test_no_text_is_an_exception(text):
    assert isinstance(parsed(says(text), Idea), Idea | CallFailed)


@given(st.text(max_size=30), st.integers(0, 10), st.text(alphabet="ab `\n", max_size=20))
def test_what_was_meant_is_found_again(text, score, around):
    meant = Idea(text=text, score=score)
    assert parsed(says(around + meant.model_dump_json() + around), Idea) == meant
