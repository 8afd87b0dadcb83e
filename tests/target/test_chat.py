"""Chat templates and loss spans: evidence rule 10."""

import pytest

from a3.errors import ConfigError
from a3.target import chat
from a3.types.chat import Conversation, assistant, user

CHAT = Conversation(
    messages=(
        user("What is the capital of Italy?"),
        assistant("The capital of Italy is Milan."),
        user("No, that's wrong. It is Rome."),
        assistant("The capital of Italy is Rome."),
    )
)


def labelled_text(tokenizer, rendered):
    return tokenizer.decode([t for t, m in zip(rendered.ids, rendered.labelled, strict=True) if m])


def test_rule_10_loss_falls_on_the_final_answer_and_its_end_only(tiny_target):
    rendered = chat.render(tiny_target.tokenizer, CHAT, (3,))
    assert (
        labelled_text(tiny_target.tokenizer, rendered) == "The capital of Italy is Rome.<|im_end|>"
    )
    assert rendered.labelled[-1] and rendered.ids[-1] == tiny_target.tokenizer.eos_token_id


def test_what_is_trained_on_is_what_is_generated_from(tiny_target):
    tokenizer = tiny_target.tokenizer
    prompt = chat.prompt_ids(tokenizer, Conversation(messages=CHAT.messages[:3]))
    rendered = chat.render(tokenizer, CHAT, (3,))
    assert rendered.ids[: len(prompt)] == prompt
    assert not any(rendered.labelled[: len(prompt)]) and all(rendered.labelled[len(prompt) :])


def test_several_spans(tiny_target):
    rendered = chat.render(tiny_target.tokenizer, CHAT, (1, 3))
    text = labelled_text(tiny_target.tokenizer, rendered)
    assert text == "The capital of Italy is Milan.<|im_end|>The capital of Italy is Rome.<|im_end|>"
    whole = tiny_target.tokenizer.decode(rendered.ids)
    assert whole == chat.prompt_text(tiny_target.tokenizer, CHAT).split(
        "<|im_start|>assistant\n" * 2
    )[0].removesuffix("\n<|im_start|>assistant\n")


def test_a_cut_off_answer_does_not_teach_an_end(tiny_target):
    rendered = chat.render(tiny_target.tokenizer, CHAT, (3,), complete=False)
    assert labelled_text(tiny_target.tokenizer, rendered) == "The capital of Italy is Rome."


def test_loss_never_falls_on_a_user_turn(tiny_target):
    with pytest.raises(ValueError, match="assistant turns"):
        chat.render(tiny_target.tokenizer, CHAT, (2,))


def test_a_template_that_rewrites_earlier_turns_is_refused(tiny_target):
    import copy

    tokenizer = copy.deepcopy(tiny_target.tokenizer)
    tokenizer.chat_template = "{{ messages | length }}:{{ messages[-1]['content'] }}"
    with pytest.raises(ConfigError, match="rewrites earlier turns"):
        chat.render(tokenizer, CHAT, (3,))
    with pytest.raises(ConfigError, match="rewrites earlier turns"):
        chat.check(tokenizer)
    chat.check(tiny_target.tokenizer)
