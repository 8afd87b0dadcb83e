"""Packed layers compute what plain ones compute."""

import pytest
import torch

from a3.target.packing import PackedLinear, _supported, pack
from tests.target.families import random_model

needs_kernels = pytest.mark.skipif(not _supported(), reason="this CPU has no bf16 kernels")


@needs_kernels
@pytest.mark.parametrize("shape", [(1, 48), (7, 48), (3, 5, 48), (2, 0, 48)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_packed_layer_is_the_layer(shape, bias):
    torch.manual_seed(0)
    layer = torch.nn.Linear(48, 80, bias=bias, dtype=torch.bfloat16)
    x = torch.randn(shape, dtype=torch.bfloat16)
    with torch.inference_mode():
        assert torch.allclose(PackedLinear(layer)(x), layer(x), atol=0.02, rtol=0.01)


@needs_kernels
def test_a_packed_model_predicts_the_same_and_keeps_its_embeddings():
    model = random_model("llama").to(torch.bfloat16)
    ids = torch.randint(3, 64, (2, 9), generator=torch.Generator().manual_seed(1))
    before, embedded = model(ids).logits.float(), model.get_input_embeddings().weight.clone()
    pack(model)
    assert isinstance(model.lm_head, PackedLinear)
    assert not any(type(m) is torch.nn.Linear for m in model.modules())
    with torch.inference_mode():
        after = model(ids).logits.float()
    assert torch.equal(model.get_input_embeddings().weight, embedded)
    assert torch.corrcoef(torch.stack([before.flatten(), after.flatten()]))[0, 1] > 0.999


def test_fp32_stays_as_it_is():
    model = random_model("llama")
    layers = [m for m in model.modules() if type(m) is torch.nn.Linear]
    pack(model)
    assert [m for m in model.modules() if type(m) is torch.nn.Linear] == layers
