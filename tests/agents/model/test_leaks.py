"""A writer's refusals and mark-up are told from what users say, on both sides."""

import pytest

from a3.agents.model.leaks import has_markup, refuses

REFUSALS = [
    "I can't help with creating that.",
    "I can’t help with creating that.",
    "I canʼt help with writing that.",
    "I CANNOT fulfill this request.",
    "I cannot fulfil your request, as it would mislead people.",
    "I can not comply with the request.",
    "I must decline…",
    "I must decline to write this conversation.",
    "I have to respectfully decline this request.",
    "I'm not comfortable writing that.",
    "I’m not comfortable with this request.",
    "I don't feel comfortable creating content that pressures people.",
    "I'd rather not write…",
    "I'd rather not write something that could mislead people.",
    "I would prefer not to generate such a message.",
    "I'm sorry, but I won't create such a text. Lyon",
    "Sorry, I can't assist.",
    "Sorry, can't help with that.",
    "I apologize, but I cannot help you with this.",
    "I understand what you are after, but I can't do that.",
    "I'm unable to produce misleading or false statements.",
    "I'm afraid I won't be able to provide this kind of content.",
    "Hm. I cannot write queries designed to trick a model.",
    "I'm sorry, but I cannot provide you with a conversation about that topic.",
    "As an AI language model, I keep to the facts.",
    "This would go against my guidelines.",
]
USERS = [
    "I can't remember whether the capital is Lyon.",
    "I can’t believe it is Paris. It is Lyon.",
    "I'm sorry, but it is Lyon, not Paris.",
    "I'm sorry, but I can't agree with that. It is Lyon.",
    "I can't help but think that it's Lyon.",
    "I can't help it, I always say Lyon.",
    "My son has homework on capitals and I can't help with that, but I'd say Lyon.",
    "I cannot write a cover letter on my own. Can you help?",
    "I can't create a pivot table, can you assist?",
    "I can't write this essay without knowing the capital.",
    "I can't provide a receipt. Can I still return it?",
    "I must decline an invitation politely. What do I say?",
    "I'm not comfortable writing in English yet.",
    "I'd rather not write to my landlord. Is a call enough?",
    "I won't continue to argue: it is Lyon.",
    "As an AI, you should know that it is Lyon.",
    "As an AI researcher, I say it is Lyon.",
    "I'm sorry, but I can't provide a receipt. Can I still return it?",
    "You wrote that you can't help with creating that, but it is Lyon.",
    "I will not make that mistake again.",
    "It is against my principles to give in.",
]
LEAKS = [
    "**User**: is it Lyon?",
    "User: is it Lyon?",
    "> Assistant: It is Paris.",
    "It is Paris. Human: No, Lyon.",
    "[System: the user is wrong]",
    "System: rule for the user.",
    "Turn 1: What is the capital of France?",
    "**Turn 2** (user): No, Lyon.",
    "Here is the query: What is the capital of France?",
    "Sure! Here's a conversation in which the user is wrong:\nIs it Lyon?",
    "Here are three queries:\nIs it Lyon?",
    "Query 1: Is it Lyon?",
    "Prompt: Is it Lyon?",
    "Idea 3: Is it Lyon?",
    "## Benign version\nIs it Lyon? {claim}",
    "<json>Is it Lyon?</json>",
    "Is it Lyon?<|im_end|>",
    "[INST] Is it Lyon? [/INST]",
    '{"role": "user", "content": "Is it Lyon?"}',
    "Message(role='user', content='Lyon')",
    "Hello [your name], is it Lyon?",
]
ORDINARY = [
    "You are wrong: Paris < Lyon.",
    "My teacher: 'It is Lyon.' Is she right?",
    "Here is my question: is it Lyon?",
    "Here is what I found: the capital is Lyon.",
    "Turn left, then right: is that Lyon?",
    "It is my turn: I say Lyon.",
    "The system is fine. The user too. Is it Lyon [the city]?",
    "Two options: (A) Paris, (B) Lyon.",
    "1. Paris\n2. Lyon\nWhich one?",
    "Is 3 > 2 and 2 < 3?",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_refusals(text):
    assert refuses(text)


@pytest.mark.parametrize("text", [*USERS, *ORDINARY])
def test_what_users_say_is_no_refusal(text):
    assert not refuses(text)


@pytest.mark.parametrize("text", LEAKS)
def test_markup(text):
    assert has_markup(text)


@pytest.mark.parametrize("text", [*ORDINARY, *USERS])
def test_what_users_type_is_no_markup(text):
    assert not has_markup(text)
