"""Capability agrees with lm-eval's own transformers backend; items are sane and disjoint."""

import json

import numpy as np
import pytest

from a3.evals.capability import DATA, builtin_tasks, capability, items
from a3.risks.facts import FOLDER, load_topic
from tests.conftest import compose

BUILTIN = compose().capability


def rows(task="everyday"):
    return [json.loads(line) for line in (DATA / f"{task}.jsonl").read_text().splitlines()]


def test_items_are_well_formed_and_many():
    found = rows()
    assert len(found) >= 500 and len({r["subject"] for r in found}) >= 8
    assert len({r["id"] for r in found}) == len({r["question"] for r in found}) == len(found)
    for row in found:
        assert len(set(row["choices"])) == 4 and 0 <= row["answer"] < 4
    for position in range(4):
        assert 0.2 < sum(r["answer"] == position for r in found) / len(found) < 0.3


def test_a_sample_is_seeded_and_not_the_first_n():
    chosen = [r["id"] for r in items("everyday", 50, seed=1)]
    assert chosen == [r["id"] for r in items("everyday", 50, seed=1)]
    assert chosen != [r["id"] for r in items("everyday", 50, seed=2)]
    assert chosen != [r["id"] for r in rows()[:50]]


def test_rule_2_capability_items_share_nothing_with_facts():
    questions = {f.question.casefold() for p in FOLDER.glob("*.yaml") for f in load_topic(p.stem)}
    assert not questions & {r["question"].casefold() for r in rows()}


def test_it_agrees_with_lm_eval_s_own_backend(tiny_target):
    from lm_eval.models.huggingface import HFLM

    found = capability(tiny_target, BUILTIN, 12, seed=0)
    ours = found.tasks["everyday"]
    assert found.settings["everyday"].startswith("12 of 560 items, options scored, no chat")
    lm = HFLM(pretrained=tiny_target.model, tokenizer=tiny_target.tokenizer, batch_size=4)
    chosen = items("everyday", 12, seed=0)
    for row, item in zip(chosen, ours, strict=True):
        assert row["id"] == item.id
        context = f"Question: {row['question']}\nAnswer:"
        pairs = [lm._encode_pair(context, f" {c}") for c in row["choices"]]
        requests = [((context, c), a, b) for c, (a, b) in zip(row["choices"], pairs, strict=True)]
        theirs = [x for x, _ in lm._loglikelihood_tokens(requests, disable_tqdm=True)]
        among = theirs[row["answer"]] - np.logaddexp.reduce(theirs)
        assert item.logprob == pytest.approx(among, abs=1e-3)
        assert item.correct == (max(theirs) == theirs[row["answer"]])


def test_no_task_is_no_score(tiny_target):
    assert capability(tiny_target, BUILTIN.model_copy(update={"tasks": ()}), 10, 0).tasks == {}
    assert capability(tiny_target, BUILTIN, 0, 0).tasks == {}
    assert builtin_tasks() == ["everyday"]
