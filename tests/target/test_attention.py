"""Grouped attention computes what transformers' eager attention computes."""

import pytest
import torch

from a3.target.attention import GROUPED, use_grouped
from tests.target.families import random_model


@pytest.mark.parametrize("family", ["llama", "qwen3", "mistral"])
def test_grouped_attention_is_eager_attention(family):
    model = random_model(family)
    model.set_attn_implementation("eager")
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(3, 64, (3, 20), generator=generator)
    mask = torch.ones_like(ids)
    mask[1, :7] = 0
    mask[2, 15:] = 0
    eager = model(ids, attention_mask=mask).logits
    use_grouped(model)
    assert model.config._attn_implementation == GROUPED
    found = model(ids, attention_mask=mask).logits
    assert torch.allclose(found[mask.bool()], eager[mask.bool()], atol=1e-4)
    assert not torch.equal(found[1, 7:], model(ids).logits[1, 7:])  # The mask is looked at.


def test_its_gradients_are_those_of_eager_attention():
    model = random_model("llama").requires_grad_(True)
    ids = torch.randint(3, 64, (2, 12), generator=torch.Generator().manual_seed(1))
    found = {}
    for name in ("eager", GROUPED):
        use_grouped(model) if name == GROUPED else model.set_attn_implementation(name)
        model.zero_grad()
        model(ids, labels=ids).loss.backward()
        found[name] = model.model.layers[0].self_attn.k_proj.weight.grad.clone()
    assert torch.allclose(found["eager"], found[GROUPED], rtol=1e-3, atol=1e-5)


def test_a_family_with_attention_of_its_own_keeps_it():
    model = random_model("gemma2")  # Caps its scores.
    before = model.config._attn_implementation
    use_grouped(model)
    assert model.config._attn_implementation == before
