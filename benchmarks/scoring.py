"""Capability items: options that share their context, against every option as a row of its own.

.venv/bin/python -m benchmarks.scoring

200 items of the built-in task, four options each. `rows`: the same model, formats and budget of
padded tokens a batch, every option with its context, sorted by length. `lm_eval`: lm-eval's own
transformers backend with the model's defaults, 32 rows a batch. `ours`: LocalTarget.score without a
content cache. The last figure of each way is the share of items on which it chooses as `rows` does.
"""

from __future__ import annotations

from typing import Any

import torch

from a3.evals.capability import items
from a3.target import devices
from a3.target.generate import batches
from a3.target.score import response_logits
from a3.types.target import Continuation
from benchmarks.ways import main, target, timed

ITEMS = items("everyday", 200, seed=0)
PAIRS = [
    (f"Question: {row['question']}\nAnswer:", f" {c}") for row in ITEMS for c in row["choices"]
]


def ours() -> dict[str, Any]:
    mine = target()
    asked = [Continuation(context=a, continuation=b) for a, b in PAIRS]
    mine.score([Continuation(context="Warm", continuation=" up")], "")
    result: dict[str, Any] = {}
    with timed(result):
        scores = mine.score(asked, "")
    return _told(result, [s.logprob for s in scores])


@torch.inference_mode()
def rows() -> dict[str, Any]:
    mine = target()
    mine.score([Continuation(context="Warm", continuation=" up")], "")
    result: dict[str, Any] = {}
    logprobs = [0.0] * len(PAIRS)
    with timed(result):
        budget = devices.pass_tokens(mine.device)
        ids = [mine._split_ids(Continuation(context=a, continuation=b)) for a, b in PAIRS]
        for batch in batches([len(a) + len(b) for a, b in ids], 0, budget):
            asked = [ids[i] for i in batch]
            found = response_logits(mine.model, *map(list, zip(*asked, strict=True)))
            for i, logits in zip(batch, found, strict=True):
                of_words = logits.float().log_softmax(-1)
                logprobs[i] = float(of_words[range(len(ids[i][1])), ids[i][1]].sum())
    return _told(result, logprobs)


def lm_eval() -> dict[str, Any]:
    import transformers
    from lm_eval.models.huggingface import HFLM

    mine = target()
    model = transformers.AutoModelForCausalLM.from_pretrained(mine.folder, dtype=mine.dtype)
    tokenizer = transformers.AutoTokenizer.from_pretrained(mine.folder)
    theirs = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=32)
    result: dict[str, Any] = {}
    with timed(result):
        encoded = [((a, b), *theirs._encode_pair(a, b)) for a, b in PAIRS]
        found = theirs._loglikelihood_tokens(encoded, disable_tqdm=True)
    return _told(result, [logprob for logprob, _ in found])


def _told(result: dict[str, Any], logprobs: list[float]) -> dict[str, Any]:
    of_items = [logprobs[i : i + 4] for i in range(0, len(logprobs), 4)]
    chosen = [scores.index(max(scores)) for scores in of_items]
    return {"items": result | {"n": len(ITEMS), "units": len(ITEMS), "answers": chosen}}


if __name__ == "__main__":
    ways = {"rows": rows, "lm_eval": lm_eval, "ours": ours}
    main("scoring", ways, {"items": "items"}, str(__doc__))
