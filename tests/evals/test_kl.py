from types import SimpleNamespace

import pytest
import torch

from a3.evals.kl import kl, neutral_prompts, task_prompts
from a3.risks.facts import load_topic
from a3.target import chat
from a3.types.answers import Decoding

PROMPTS = [f.clean for f in load_topic("capitals")[:6]]


def test_a_model_has_no_distance_to_itself(tiny_target):
    found = kl(tiny_target, tiny_target, PROMPTS, 12, 0.95)
    assert found.value == pytest.approx(0, abs=1e-6) and found.n == 6


class Shifted:
    """The tiny model with one logit raised."""

    def __init__(self, target, token, by):
        import copy

        self.model = copy.deepcopy(target.model)
        # The head is tied to the embedding: give it weights of its own before changing it.
        head = torch.nn.Linear(*self.model.lm_head.weight.shape[::-1], bias=True)
        head.weight.data = self.model.lm_head.weight.detach().clone()
        head.bias.data.zero_()
        head.bias.data[token] = by
        self.model.set_output_embeddings(head)
        self.tokenizer, self.observer = target.tokenizer, target.observer


def test_it_is_the_mean_over_the_base_s_own_tokens(tiny_target):
    changed = Shifted(tiny_target, token=7, by=6.0)
    found = kl(tiny_target, changed, PROMPTS, 12, 0.95)
    total, tokens = 0.0, 0
    answers = tiny_target.generate(PROMPTS, Decoding(max_new_tokens=12), "")
    for prompt, answer in zip(PROMPTS, answers, strict=True):
        before = chat.prompt_ids(tiny_target.tokenizer, prompt)
        after = tiny_target.tokenizer(answer[0].text, add_special_tokens=False)["input_ids"]
        ids = torch.tensor([before + after])
        with torch.inference_mode():
            p = tiny_target.model(ids).logits[0].log_softmax(-1)
            q = changed.model(ids).logits[0].log_softmax(-1)
        span = slice(len(before) - 1, len(before) + len(after) - 1)
        total += float((p[span].exp() * (p[span] - q[span])).sum())
        tokens += len(after)
    assert found.value == pytest.approx(total / tokens, rel=1e-3) and found.value > 0


def test_task_prompts_are_a_sample_and_not_the_first_ones():
    queries = [SimpleNamespace(conversation=n) for n in range(100)]
    found = task_prompts(queries, 40, 1)
    assert len(set(found)) == 40 and max(found) > 80 and found == task_prompts(queries, 40, 1)
    assert found != task_prompts(queries, 40, 2)
    assert sorted(task_prompts(queries[:7], 40, 1)) == list(range(7))


def test_there_are_enough_neutral_prompts():
    assert len(neutral_prompts(64)) >= 50
    assert len({p.last.content for p in neutral_prompts(64)}) == len(neutral_prompts(64))
