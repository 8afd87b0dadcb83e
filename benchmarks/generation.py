"""Answering: A3 against plain `model.generate`, on the same requests at the same batch size.

.venv/bin/python -m benchmarks.generation

Plain: AutoModelForCausalLM with its defaults in the same number format, left padding, batches of 32
in the order given, greedy. A3: LocalTarget.generate without a content cache, at most 32 rows under
way. Tokens are those of answers up to the end of turn; time includes tokenising, not loading.
`queries` are sycophancy queries with up to 48 new tokens, `mixed` every other one of them a general
instruction and up to 96 new tokens. In bf16 near-ties may fall either way, so answers are compared;
`fp32` is a few of the mixed requests in fp32, where every answer must be the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import transformers

from a3.evals.kl import neutral_prompts
from a3.target import chat
from a3.types.answers import Decoding
from a3.types.chat import Conversation
from benchmarks.ways import main, queries, target, timed

ROWS = 32


def requests() -> dict[str, tuple[list[Conversation], int, str]]:
    """By task: conversations, new tokens, number format."""
    asked = [query for _, query in queries(96)]
    mixed = [c for pair in zip(asked, neutral_prompts(64), strict=False) for c in pair]
    return {
        "queries": (asked, 48, "auto"),
        "mixed": (mixed, 96, "auto"),
        "fp32": (mixed[:12], 24, "float32"),
    }


def ours() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for task, (conversations, new, dtype) in requests().items():
        mine = target(batch_rows=ROWS, dtype=dtype)
        mine.generate(conversations[:2], Decoding(max_new_tokens=4), "")  # Loads and warms up.
        result: dict[str, Any] = {"n": len(conversations)}
        with timed(result):
            answers = mine.generate(conversations, Decoding(max_new_tokens=new), "")
        result["answers"] = [a[0].text for a in answers]
        found[task] = result | {"units": sum(a[0].n_tokens for a in answers)}
    return found


def plain() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for task, (conversations, new, dtype) in requests().items():
        mine = target(dtype=dtype)
        model = transformers.AutoModelForCausalLM.from_pretrained(mine.folder, dtype=mine.dtype)
        model.to(mine.device)
        tokenizer = transformers.AutoTokenizer.from_pretrained(mine.folder, padding_side="left")
        _answers(model, tokenizer, conversations[:2], 4)
        result: dict[str, Any] = {"n": len(conversations)}
        with timed(result):
            answers = _answers(model, tokenizer, conversations, new)
        result["answers"] = [text for text, _ in answers]
        found[task] = result | {"units": sum(n for _, n in answers)}
    return found


def _answers(
    model: Any, tokenizer: Any, conversations: Sequence[Conversation], new: int
) -> list[tuple[str, int]]:
    """Text and tokens of every answer."""
    found: list[tuple[str, int]] = []
    for first in range(0, len(conversations), ROWS):
        texts = [chat.prompt_text(tokenizer, c) for c in conversations[first : first + ROWS]]
        batch = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
        batch = batch.to(model.device)
        with torch.inference_mode():
            whole = model.generate(**batch, max_new_tokens=new, do_sample=False)
        for ids in whole[:, batch["input_ids"].shape[1] :].tolist():
            end = tokenizer.eos_token_id
            n = ids.index(end) + 1 if end in ids else len(ids)
            found.append((tokenizer.decode(ids[:n], skip_special_tokens=True).strip(), n))
    return found


if __name__ == "__main__":
    units = dict.fromkeys(("queries", "mixed", "fp32"), "tokens")
    main("generation", {"plain": plain, "ours": ours}, units, str(__doc__))
