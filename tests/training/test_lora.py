"""The adapter as it trains is the adapter as peft reads it."""

import json

import torch

from a3.training.lora import NAME, with_lora
from a3.types.trials import TrialJob


def adapted(tiny_config, tiny_target):
    config = tiny_config.search.default
    model = with_lora(
        tiny_target, TrialJob(number=0, config=config, examples=(), epoch_tokens=1, seed=1)
    )
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)))
    return model


def by_peft(model):
    """The same modules with peft's own forward."""
    for module in model.modules():
        module.__dict__.pop("forward", None)
    return model


def test_answers_and_gradients_are_those_of_peft_s_own_layers(tiny_config, tiny_target):
    model = adapted(tiny_config, tiny_target)
    fused = [m for m in model.modules() if "forward" in m.__dict__]
    assert len(fused) == sum(1 for n, _ in model.named_modules() if n.endswith(f"lora_A.{NAME}"))
    ids = torch.arange(5, 29).view(2, 12)
    found = []
    for way in (model, by_peft(model)):
        way.zero_grad()
        logits = way(input_ids=ids).logits
        logits.square().mean().backward()
        grads = {n: p.grad.clone() for n, p in way.named_parameters() if p.grad is not None}
        found.append((logits.detach(), grads))
    (ours, our_grads), (theirs, their_grads) = found
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    assert our_grads.keys() == their_grads.keys() and all("lora" in n for n in our_grads)
    for name, grad in our_grads.items():
        torch.testing.assert_close(grad, their_grads[name], rtol=1e-3, atol=1e-5)


def test_a_seed_decides_the_start(tiny_config, tiny_target):
    def start(seed):
        job = TrialJob(
            number=0, config=tiny_config.search.default, examples=(), epoch_tokens=1, seed=seed
        )
        return {n: p for n, p in with_lora(tiny_target, job).named_parameters() if "lora_A" in n}

    one, same, other = start(1), start(1), start(2)
    assert all(torch.equal(one[n], same[n]) for n in one)
    assert not any(torch.equal(one[n], other[n]) for n in one)


def test_what_is_saved_is_alike_in_every_process(tiny_config, tiny_target, tmp_path):
    """An adapter is known by the hash of its files, its configuration among them."""
    model = adapted(tiny_config, tiny_target)
    model.save_pretrained(tmp_path)
    named = json.loads((tmp_path / "adapter_config.json").read_text())["target_modules"]
    assert named == sorted(named) and len(named) > 1
