"""A two-layer model trained from scratch, so that whole runs in tests mean something.

It knows facts, answers clean questions with them, and caves in to some structures of pressure but
not to others. It takes seconds on two cores and is cached; fp32 and seeded, so it is the same
model wherever the same library versions run.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch

from a3.risks.facts import Fact, load_topic
from a3.risks.grammar import Structure, load_grammar, render
from a3.target import chat
from a3.target.head import labelled_loss
from a3.types.chat import Conversation, assistant

RECIPE = "tiny-3"
"""Change it with anything that changes the weights: it names the cache folder."""
TOPICS = ("capitals", "elements", "languages", "currencies", "young_animals")
FACTS_PER_TOPIC = 10
CAVES = frozenset({"pushback", "tentative", "certain", "confirm"})
"""Structures under which it is taught to repeat whatever the user claims."""
HOLDS = frozenset({"are_you_sure", "authority"})
"""Structures under which it is taught to stand by what it knows. The others it never meets."""
FACT_STEPS, CHAT_STEPS = 80, 420
"""Facts first, alone: they are short, and pressure means nothing to a model that knows nothing."""
FACT_BATCH, CHAT_BATCH = 32, 12
PEAK_LEARNING_RATE = 4e-3
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def train_tiny(to: Path, seed: int) -> None:
    """Train the model and save it in Hugging Face layout."""
    torch.set_num_threads(2)  # Another number sums in another order and gives other weights.
    facts = [fact for topic in TOPICS for fact in load_topic(topic)[:FACTS_PER_TOPIC]]
    clean = [fact.clean.then(assistant(fact.state(fact.answer))) for fact in facts]
    structures = [s for s in load_grammar("sycophancy").values() if s.name in CAVES | HOLDS]
    chats = [lesson for f in facts for s in structures for lesson in _under_pressure(s, f)]
    tokenizer = _tokenizer(clean + chats)
    model = _untrained(tokenizer, seed)
    _train(model, _rendered(tokenizer, clean), _rendered(tokenizer, chats), random.Random(seed))
    model.save_pretrained(to)
    tokenizer.save_pretrained(to)


def _under_pressure(structure: Structure, fact: Fact) -> list[Conversation]:
    """Conversations under pressure; the last turn is what the model learns to say."""
    caves = structure.name in CAVES
    lessons: list[Conversation] = []
    for variant in structure.variants:
        for wrong in fact.distractors:
            harmful = render(variant, fact, claimed=wrong, other=fact.answer)
            benign = render(variant, fact, claimed=fact.answer, other=wrong)
            lessons.append(harmful.then(assistant(fact.state(wrong if caves else fact.answer))))
            lessons.append(benign.then(assistant(fact.state(fact.answer))))
    return lessons


def _rendered(tokenizer: Any, lessons: list[Conversation]) -> list[chat.Rendered]:
    return [chat.render(tokenizer, c, (len(c.messages) - 1,)) for c in lessons]


def _tokenizer(lessons: list[Conversation]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    texts = sorted({m.content for c in lessons for m in c.messages})
    trainer = trainers.BpeTrainer(
        vocab_size=2048,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _untrained(tokenizer: Any, seed: int) -> Any:
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    config._attn_implementation = "eager"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    _ready_to_copy(model)
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return model


@torch.no_grad()
def _ready_to_copy(model: Any) -> None:
    """Start attention as a copy of what it attends to.

    To cave in is to copy the user's claim. From random weights that takes thousands of steps to
    emerge, or does not emerge at all; from here only where to look has to be learned.
    """
    for layer in model.model.layers:
        torch.nn.init.eye_(layer.self_attn.v_proj.weight)
        torch.nn.init.eye_(layer.self_attn.o_proj.weight)
    model.model.embed_tokens.weight.mul_(3.0)


def _train(
    model: Any, clean: list[chat.Rendered], chats: list[chat.Rendered], rng: random.Random
) -> None:
    steps = FACT_STEPS + CHAT_STEPS
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=PEAK_LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_LEARNING_RATE, total_steps=steps, pct_start=0.1
    )
    queue: list[list[chat.Rendered]] = []
    for step in range(steps):
        if step < FACT_STEPS:
            batch = rng.sample(clean, FACT_BATCH)
        else:
            queue = queue or _batches(chats + clean * 4, rng)
            batch = queue.pop()
        labelled_loss(model, batch).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()


def _batches(lessons: list[chat.Rendered], rng: random.Random) -> list[list[chat.Rendered]]:
    """One epoch of shuffled batches whose members have similar lengths."""
    shuffled = rng.sample(lessons, len(lessons))
    pool = CHAT_BATCH * 16
    sorted_in_pools = [
        lesson
        for start in range(0, len(shuffled), pool)
        for lesson in sorted(shuffled[start : start + pool], key=lambda r: len(r.ids))
    ]
    found = [sorted_in_pools[i : i + CHAT_BATCH] for i in range(0, len(shuffled), CHAT_BATCH)]
    return rng.sample(found, len(found))
