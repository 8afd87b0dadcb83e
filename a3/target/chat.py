"""Chats -> token ids, and which of those ids an answer is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress, takewhile
from typing import Any

from a3.errors import ConfigError, MeasurementError
from a3.types.chat import Conversation, assistant, user


@dataclass(frozen=True)
class SoftTargets:
    """A distribution over the likeliest words for each labelled id."""

    words: Any
    """Tensor of ids, (labelled, k)."""
    probabilities: Any
    """Tensor of the same shape; what a row lacks of 1 is that of all other words together."""


@dataclass(frozen=True)
class Rendered:
    """A training conversation as ids; `labelled[i]` says that loss falls on predicting ids[i]."""

    ids: list[int]
    labelled: list[bool]
    soft: SoftTargets | None = None
    """What to learn instead of the labelled ids themselves."""
    first: float = 1.0
    """What its first labelled id counts in the loss, where each of the others counts 1."""

    @property
    def weight(self) -> float:
        """What all its labelled ids count."""
        n = sum(self.labelled[1:])
        return n and n - 1 + self.first


def prompt_text(tokenizer: Any, conversation: Conversation) -> str:
    """The conversation as the model reads it, up to where its answer begins."""
    return _template(tokenizer, conversation, len(conversation.messages), add_prompt=True)


def prompt_ids(tokenizer: Any, conversation: Conversation) -> list[int]:
    """Token ids of `prompt_text`."""
    return _ids(tokenizer, prompt_text(tokenizer, conversation))


def first_ids(tokenizer: Any, conversation: Conversation, words: Sequence[str]) -> list[int]:
    """The token that each word is where it begins the answer.

    Raises MeasurementError for a word of several tokens.
    """
    prompt = prompt_text(tokenizer, conversation)
    before, found = _ids(tokenizer, prompt), list[int]()
    for word in words:
        ids = _ids(tokenizer, prompt + word)
        if ids[:-1] != before:
            raise MeasurementError(
                "a word must be one token where the answer begins",
                f"{word!r} is {len(ids) - len(before)} or changes the tokens before it",
                "choose another model, or let it write (judge.reasons=true)",
            )
        found.append(ids[-1])
    return found


def render(
    tokenizer: Any,
    conversation: Conversation,
    loss_spans: tuple[int, ...],
    complete: bool = True,
) -> Rendered:
    """A conversation as ids with the loss mask of the turns in `loss_spans`.

    A turn's answer is what the template adds after the generation prompt, its end-of-turn token
    included (unless the last turn is not `complete`) and nothing after that. The pieces are
    tokenised apart, exactly as they are at generation time, so the boundary can never fall inside
    a token. Works for every template that renders turns independently of later ones; any other
    raises ConfigError.
    """
    ids: list[int] = []
    labelled: list[bool] = []
    done = ""
    for index in sorted(loss_spans):
        if conversation.messages[index].role != "assistant":
            raise ValueError(f"loss must fall on assistant turns, got turn {index}")
        before = _template(tokenizer, conversation, index, add_prompt=True)
        after = _template(tokenizer, conversation, index + 1, add_prompt=False)
        if not before.startswith(done) or not after.startswith(before):
            raise ConfigError(
                "a model's chat template must write a turn without regard to later ones",
                f"that of {tokenizer.name_or_path} rewrites earlier turns",
                "repair another model, or give this one a template that keeps turns as they were",
            )
        written, end, _ = after[len(before) :].partition(tokenizer.eos_token)
        prompt = _ids(tokenizer, before[len(done) :])
        answer = [*_ids(tokenizer, written), tokenizer.eos_token_id]
        ids += prompt + answer
        labelled += [False] * len(prompt) + [True] * len(answer)
        done = before + written + end
    if not complete:
        ids, labelled = ids[:-1], labelled[:-1]
    return Rendered(ids, labelled)


def shared_ids(tokenizer: Any, row: Rendered, opening: str) -> int:
    """How many of a row's labelled ids are those of the words that its answer begins with."""
    pairs = zip(compress(row.ids, row.labelled), _ids(tokenizer, opening), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def check(tokenizer: Any) -> None:
    """Raise ConfigError unless the template suits training; known before anything is spent."""
    turns = (user("Is it so?"), assistant("Yes."), user("It is not."), assistant("It is."))
    render(tokenizer, Conversation(messages=turns), (3,))


def _template(tokenizer: Any, conversation: Conversation, turns: int, add_prompt: bool) -> str:
    messages = [{"role": m.role, "content": m.content} for m in conversation.messages[:turns]]
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=add_prompt)


def _ids(tokenizer: Any, text: str) -> list[int]:
    """The template writes special tokens itself; adding them again would double them."""
    return tokenizer(text, add_special_tokens=False)["input_ids"]
