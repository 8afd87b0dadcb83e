"""The one door from text to type: schema, a repair with the error shown, then a counted failure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from a3.types.chat import assistant, user
from a3.types.llm import (
    CallFailed,
    ChatModel,
    ChatReply,
    ChatRequest,
    FailureKind,
    ReplyStop,
)

T = TypeVar("T", bound=BaseModel)
UNTOLD = frozenset(
    {"default", "title", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
    | {"multipleOf", "minItems", "maxItems", "minLength", "maxLength", "pattern"}
)
"""Words of JSON schema that providers reject or ignore; what they forbid is found here instead."""
SHOWN = 600
"""Characters of an error that a model is shown."""
THOUGHT = "</think>"
"""Where open models end their thinking."""
BRACKET, BRACKETS = re.compile(r"[{\[]"), 1000
"""Where JSON may begin, and in how many such places of a reply it is looked for."""


async def structured(
    model: ChatModel,
    requests: Sequence[ChatRequest],
    kind: type[T],
    what: str,
    repairs: int = 1,
) -> list[T | CallFailed]:
    """A value of `kind` from each request.

    A reply that is not one goes back with what is wrong with it, `repairs` times at most. Refused
    and cut-off replies are not asked for again: the same words would be refused or cut off again.
    """
    asked = [r.model_copy(update={"json_schema": strict_schema(kind)}) for r in requests]
    replies = await model.reply(asked, what)
    found = [parsed(reply, kind) for reply in replies]
    for _ in range(repairs):
        broken = [i for i, value in enumerate(found) if _mendable(value)]
        if not broken:
            break
        for i in broken:
            asked[i] = _with_error(asked[i], replies[i], found[i])
        for i, reply in zip(
            broken, await model.reply([asked[i] for i in broken], what), strict=True
        ):
            replies[i], found[i] = reply, parsed(reply, kind)
    return found


def parsed(reply: ChatReply | CallFailed, kind: type[T]) -> T | CallFailed:
    """The value in a reply, or why there is none."""
    if isinstance(reply, CallFailed):
        return reply
    if reply.stop is ReplyStop.REFUSAL:
        return CallFailed(kind=FailureKind.REFUSED, reason=reply.text[:SHOWN] or "refused")
    try:
        return _validated(reply.text, kind)
    except ValidationError as error:
        cut = reply.stop is ReplyStop.LENGTH
        why = FailureKind.TRUNCATED if cut else FailureKind.MALFORMED
        return CallFailed(kind=why, reason=_told(error))


def strict_schema(kind: type[BaseModel]) -> dict[str, Any]:
    """A JSON schema as providers accept it: closed objects, every field required, no defaults."""
    return _closed(kind.model_json_schema())


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {
        # The keys of these two are names of fields, not words of the schema.
        word: {n: _closed(v) for n, v in value.items()}
        if word in {"properties", "$defs"}
        else _closed(value)
        for word, value in schema.items()
        if word not in UNTOLD
    }
    if found.get("type") == "object":
        found["additionalProperties"] = False
        found["required"] = list(found.get("properties", {}))
    return found


def _mendable(value: object) -> bool:
    return isinstance(value, CallFailed) and value.kind is FailureKind.MALFORMED


def corrected(request: ChatRequest, replied: str, wrong: str) -> ChatRequest:
    """The same request with the reply to it and what is wrong with that."""
    said = f"That is not what was asked for: {wrong}\nReply again, with JSON alone."
    conversation = request.conversation.then(assistant(replied or "-")).then(user(said))
    return request.model_copy(update={"conversation": conversation})


def _with_error(
    request: ChatRequest, reply: ChatReply | CallFailed, failure: object
) -> ChatRequest:
    assert isinstance(reply, ChatReply) and isinstance(failure, CallFailed)
    return corrected(request, reply.text, failure.reason)


def _validated(text: str, kind: type[T]) -> T:
    """The first JSON of a reply that is a `kind`. Raises ValidationError.

    Models without schemas wrap it in prose or a code fence, and think aloud before it. The error is
    that of the longest JSON there is: what was meant, most likely.
    """
    wrong = dict[int, ValidationError]()
    for found in _json_in(text):
        try:
            return kind.model_validate_json(found)
        except ValidationError as error:
            wrong.setdefault(len(found), error)
    if wrong:
        raise wrong[max(wrong)]
    start = BRACKET.search(text)
    return kind.model_validate_json(text[start.start() :] if start else text)


def _json_in(text: str) -> Iterator[str]:
    """Objects and lists that are part of no other, those behind the model's thinking first."""
    for part in dict.fromkeys((text.rpartition(THOUGHT)[2], text)):
        at = 0
        for _ in range(BRACKETS):
            if (opening := BRACKET.search(part, at)) is None:
                break
            try:
                value, at = json.JSONDecoder().raw_decode(part, opening.start())
            except (ValueError, RecursionError):  # Also numbers and lists beyond what Python reads.
                at = opening.end()
            else:
                yield json.dumps(value)


def _told(error: ValidationError) -> str:
    lines = [f"{'.'.join(map(str, e['loc'])) or 'reply'}: {e['msg']}" for e in error.errors()[:5]]
    return "; ".join(lines)[:SHOWN]
