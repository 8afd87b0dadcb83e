"""Asking an agent: structured, checked, and told what is wrong when rules are broken."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import BaseModel

from a3.llm.door import corrected, structured
from a3.types.llm import CallFailed, ChatModel, ChatRequest

CONTROL = re.compile(r"<|\[(?=[/A-Z])")
"""How the control words of chat templates begin: <|im_end|>, </s>, [/INST]."""
T = TypeVar("T", bound=BaseModel)


def ask_all(
    agent: ChatModel, requests: Sequence[ChatRequest], kind: type[T], what: str
) -> list[T | CallFailed]:
    """A value of `kind` from each request, all asked at once.

    Replies are kept, refusals among them, so that the same request gets the same reply, in a
    resumed run as well. With another `vote` it is asked afresh, and kept under that.
    """
    return asyncio.run(structured(agent, requests, kind, what)) if requests else []


def ask_within_rules(
    agent: ChatModel,
    request: ChatRequest,
    kind: type[T],
    what: str,
    problems: Callable[[T], list[str]],
    tries: int = 2,
) -> tuple[T | CallFailed, list[str]]:
    """The last value, and the rules it still breaks after so many tries.

    A value that breaks some goes back with what is wrong with it; `problems` hears of every one.
    Where no other comes of that, it stands. With another `vote` the request is asked afresh.
    """
    found, wrong = ask_all(agent, [request], kind, what)[0], list[str]()
    for left in reversed(range(tries)):
        if isinstance(found, CallFailed):
            return found, []
        wrong = problems(found)
        if not wrong or not left:
            break
        request = corrected(request, found.model_dump_json(), "; ".join(wrong))
        again = ask_all(agent, [request], kind, what)[0]
        if isinstance(again, CallFailed):
            return found, [*wrong, f"not corrected ({again.kind}: {again.reason})"]
        found = again
    return found, wrong


def as_data(value: object) -> str:
    """JSON in which nothing can close the frame around it.

    Nor a turn of the chat template that a local model reads it in.
    """
    # Within strings only: JSON's own brackets stand before no letter and no slash.
    text = json.dumps(value, ensure_ascii=False)
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
