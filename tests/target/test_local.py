"""The transformers target: generation, scoring, adapters, cache."""

import json
import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from a3.errors import MeasurementError
from a3.risks.facts import load_topic
from a3.risks.grammar import load_grammar, render
from a3.store import Cache, cache_root
from a3.target import chat
from a3.target.adapters import merged
from a3.target.generate import batches
from a3.target.local import LocalTarget
from a3.target.tiny import CAVES, FACTS_PER_TOPIC, TOPICS
from a3.types.answers import Decoding, FinishReason
from a3.types.chat import ask
from a3.types.observer import Silent
from a3.types.target import Continuation

FACTS = [f for topic in TOPICS for f in load_topic(topic)[:FACTS_PER_TOPIC]]
GREEDY = Decoding(max_new_tokens=20)


@given(st.lists(st.integers(1, 300), max_size=50), st.integers(0, 50), st.integers(1, 2000))
def test_batches_hold_every_item_once_and_keep_to_the_budget(lengths, new, budget):
    found = list(batches(lengths, new, budget))
    assert sorted(i for b in found for i in b) == list(range(len(lengths)))
    for batch in found:
        padded = len(batch) * (max(lengths[i] for i in batch) + new)
        assert padded <= budget or len(batch) == 1


def test_the_tiny_model_knows_facts_and_caves_to_some_structures(tiny_target):
    clean = tiny_target.generate([f.clean for f in FACTS], GREEDY, "")
    known = sum(f.answer in g[0].text for f, g in zip(FACTS, clean, strict=True))
    assert known >= 40
    caved = {}
    for name, structure in load_grammar("sycophancy").items():
        asked = [render(structure.variants[0], f, f.distractors[0], f.answer) for f in FACTS]
        answers = tiny_target.generate(asked, GREEDY, "")
        caved[name] = sum(
            f.distractors[0] in g[0].text for f, g in zip(FACTS, answers, strict=True)
        )
    assert sum(caved[s] >= 0.4 * len(FACTS) for s in CAVES) >= 3, caved


def test_greedy_decoding_is_that_of_transformers(tiny_target):
    conversations = [f.clean for f in FACTS[:12]] + [ask("Hello there, tell me something long")]
    ours = tiny_target.generate(conversations, GREEDY, "")
    for conversation, answer in zip(conversations, ours, strict=True):
        ids = chat.prompt_ids(tiny_target.tokenizer, conversation)
        theirs = tiny_target.model.generate(
            torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids)),
            max_new_tokens=20,
            do_sample=False,
        )[0, len(ids) :]
        text = tiny_target.tokenizer.decode(theirs, skip_special_tokens=True).strip()
        assert answer[0].text == text
        stopped = tiny_target.tokenizer.eos_token_id in theirs.tolist()
        assert (answer[0].finish_reason is FinishReason.STOP) == stopped


def test_rule_11_samples_are_seeded_per_item_whatever_their_company(tiny_target):
    hot = Decoding(max_new_tokens=12, temperature=5.0, samples=3, seed=4)
    crowd = [f.clean for f in FACTS[:9]]
    together = tiny_target.generate(crowd, hot, "")
    assert tiny_target.generate(crowd[4:5], hot, "")[0] == together[4]
    assert len({g.text for g in together[4]}) > 1
    other = tiny_target.generate(crowd, hot.model_copy(update={"seed": 5}), "")
    assert other != together


class Counting(Silent):
    def __init__(self):
        self.spent = {}

    def spend(self, what, amount):
        self.spent[what] = self.spent.get(what, 0) + amount


def test_recorded_answers_are_never_regenerated(tiny_config, tmp_path):
    counter = Counting()
    cache = Cache(tmp_path / "c.sqlite")
    first = LocalTarget(tiny_config.model, cache_root(), cache, counter)
    answers = first.generate([f.clean for f in FACTS[:5]], GREEDY, "")
    again = LocalTarget(tiny_config.model, cache_root(), cache, counter)
    assert again.generate([f.clean for f in FACTS[:5]], GREEDY, "") == answers
    assert counter.spent["cached_answers"] == 5
    assert "model" not in again.__dict__  # Everything was cached: no weights were loaded.
    again.generate([FACTS[0].clean], GREEDY.model_copy(update={"max_new_tokens": 3}), "")
    assert counter.spent["cached_answers"] == 5  # Other decoding, other answer.


def test_scores_are_the_model_s_own(tiny_target):
    request = Continuation(context="The capital of France is", continuation=" Paris.")
    score = tiny_target.score([request], "")[0]
    context, ids = tiny_target._split_ids(request)
    logits = tiny_target.model(torch.tensor([context + ids])).logits[0].log_softmax(-1)
    expected = sum(float(logits[len(context) - 1 + i, token]) for i, token in enumerate(ids))
    assert score.logprob == pytest.approx(expected, abs=1e-4)


def test_first_words_are_cached_by_prompt_and_words(tiny_config, tmp_path):
    def target():
        cache = Cache(tmp_path / "content.sqlite")
        return LocalTarget(tiny_config.model, cache_root(), cache, Silent())

    asked = [f.clean for f in FACTS[:3]]
    found = target().first_words(asked, ["A", "B"], "")
    again = target()
    assert again.first_words(asked[::-1], ["A", "B"], "") == found[::-1]
    assert "model" not in again.__dict__
    assert again.first_words(asked, ["B", "A"], "") == [pytest.approx(x[::-1]) for x in found]
    assert "model" in again.__dict__
    assert again.first_words([], ["A"], "") == []


def test_a_first_word_is_one_token(tiny_target):
    with pytest.raises(MeasurementError, match="one token"):
        tiny_target.first_words([FACTS[0].clean], ["Zyzzyva and more"], "")


def saved_adapter(target, folder, **settings):
    """A random LoRA adapter, far from zero."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    shape = {"r": 4, "lora_alpha": 200, "target_modules": "all-linear", "init_lora_weights": False}
    get_peft_model(target.load_base(), LoraConfig(**shape | settings)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def adapter(tiny_target, tmp_path_factory):
    return saved_adapter(tiny_target, tmp_path_factory.mktemp("adapter"))


@pytest.mark.parametrize(
    "settings",
    [{}, {"use_rslora": True}, {"rank_pattern": {"q_proj": 2}}],
    ids=["plain", "rslora", "ranks"],
)
def test_a_merged_adapter_is_what_peft_computes(tiny_target, tmp_path, settings):
    from peft import PeftModel

    folder = saved_adapter(tiny_target, tmp_path, **settings)
    theirs = PeftModel.from_pretrained(tiny_target.load_base(), folder).eval()
    ours = merged(tiny_target.load_base(), folder).eval()
    ids = torch.randint(0, 500, (2, 30), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        # So far from zero, fp32 rounds by up to 1e-3, more or less as the machine adds up.
        assert torch.allclose(theirs(ids).logits, ours(ids).logits, atol=1e-2)
        assert not torch.allclose(ours(ids).logits, tiny_target.model(ids).logits, atol=1e-1)
    assert not any("lora" in name for name, _ in ours.named_parameters())


def test_an_adapter_has_its_own_key_and_answers(tiny_target, adapter):
    repaired = tiny_target.with_adapter(adapter)
    assert repaired.key != tiny_target.key
    conversations = random.Random(0).sample([f.clean for f in FACTS], 10)
    assert repaired.generate(conversations, GREEDY, "") != tiny_target.generate(
        conversations, GREEDY, ""
    )


def test_an_adapter_sits_on_the_very_weights_of_its_base(tiny_target, adapter, monkeypatch):
    """Looked for anew, a branch on the hub may be another one by then."""
    monkeypatch.setattr("a3.target.local.fetch", lambda *_: pytest.fail("looked for anew"))
    repaired = tiny_target.with_adapter(adapter)
    assert (repaired.folder, repaired.weights) == (tiny_target.folder, tiny_target.weights)


def test_a_local_folder_is_the_same_target(tiny_config, tiny_target):
    source = {"kind": "folder", "path": str(tiny_target.folder)}
    spec = tiny_config.model.model_copy(update={"name": "mine"})
    spec = type(spec).model_validate(json.loads(spec.model_dump_json()) | {"source": source})
    local = LocalTarget(spec, cache_root(), Cache(None), Silent())
    assert local.key == tiny_target.key
