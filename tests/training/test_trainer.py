"""The trainer learns, on the right tokens, and saves what plain peft loads."""

import pytest
import torch

from a3.errors import MeasurementError
from a3.training.trainer import train
from a3.types.chat import Conversation
from a3.types.observer import Silent
from tests.training.jobs import EXAMPLES, job


def run(tiny_config, tiny_target, to, **changes):
    return train(job(**changes), tiny_config.train, {}, tiny_target, to, Silent())


def test_it_learns_and_plain_peft_loads_it(tiny_config, tiny_target, tmp_path):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    losses = run(tiny_config, tiny_target, tmp_path)
    assert len(losses) == 60 and losses[-1] < 0.3 * losses[0]
    base = AutoModelForCausalLM.from_pretrained(tiny_target.folder)
    loaded = PeftModel.from_pretrained(base, tmp_path)
    assert loaded.peft_config["default"].r == 8
    moved = sum(float(p.abs().sum()) for n, p in loaded.named_parameters() if "lora_B" in n)
    assert moved > 0


def test_the_wrong_earlier_turn_is_not_learned(tiny_config, tiny_target, tmp_path):
    from a3.types.answers import Decoding

    run(tiny_config, tiny_target, tmp_path)
    repaired = tiny_target.with_adapter(tmp_path)
    prompts = [Conversation(messages=e.conversation.messages[:3]) for e in EXAMPLES]
    answers = repaired.generate(prompts, Decoding(max_new_tokens=16), "")
    assert [a[0].text for a in answers] == [e.conversation.last.content for e in EXAMPLES]
    first = [Conversation(messages=e.conversation.messages[:1]) for e in EXAMPLES]
    said = repaired.generate(first, Decoding(max_new_tokens=16), "")
    assert not any("Beijing" in a[0].text for a in said)


def test_the_first_token_of_an_answer_counts_as_configured(tiny_config, tiny_target, tmp_path):
    def loss(first_token):
        told = tiny_config.train.model_copy(update={"first_token": first_token})
        to = tmp_path / str(first_token)
        (found,) = train(job(epochs=1), told, {}, tiny_target, to, Silent())
        return found

    all_alike, twice, alone = loss(1.0), loss(2.0), loss(1e6)
    assert alone < twice < all_alike  # "The" is easy; the mean moves from all tokens' to its own.
    assert all_alike - alone > 0.1


def test_the_same_seed_gives_the_same_adapter(tiny_config, tiny_target, tmp_path):
    weights = []
    for name in ("a", "b"):
        run(tiny_config, tiny_target, tmp_path / name, epochs=2)
        weights.append((tmp_path / name / "adapter_model.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_a_last_step_to_weights_that_are_no_numbers_ends_the_trial(
    tiny_config, tiny_target, tmp_path, monkeypatch
):
    """No loss is computed after it."""
    step = torch.optim.AdamW.step

    def break_(self, *rest, **more):
        step(self, *rest, **more)
        self.param_groups[0]["params"][0].data.fill_(float("nan"))

    monkeypatch.setattr("a3.training.trainer.Backward", lambda *_: lambda _: 1.0)
    monkeypatch.setattr(torch.optim.AdamW, "step", break_)
    with pytest.raises(MeasurementError, match="norm of the adapter"):
        run(tiny_config, tiny_target, tmp_path)


def test_a_loss_that_is_no_number_ends_the_trial(tiny_config, tiny_target, tmp_path, monkeypatch):
    monkeypatch.setattr("a3.training.trainer.Backward", lambda *_: lambda _: float("nan"))
    with pytest.raises(MeasurementError, match="must stay a number"):
        run(tiny_config, tiny_target, tmp_path)
