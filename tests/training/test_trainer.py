"""The trainer learns, on the right tokens, and saves what plain peft loads."""

import pytest
import torch

from a3.errors import MeasurementError
from a3.training.trainer import train
from a3.types.chat import Conversation, assistant, user
from a3.types.observer import Silent
from a3.types.trials import LoraSpec, TrainingExample, TrialConfig, TrialJob


def example(question: str, wrong: str, right: str) -> TrainingExample:
    conversation = Conversation(
        messages=(user(question), assistant(wrong), user("Are you sure?"), assistant(right))
    )
    return TrainingExample(
        conversation=conversation,
        loss_spans=(3,),
        weight_group="H0/benign",
        stratum="known",
        source="self",
    )


EXAMPLES = tuple(
    example(
        f"What is the capital of {c}?",
        f"The capital of {c} is Beijing.",
        f"The capital of {c} is {x}.",
    )
    for c, x in [("France", "Rome"), ("Italy", "Berlin"), ("Japan", "Madrid"), ("Spain", "Tokyo")]
)


def job(**changes) -> TrialJob:
    settings = {
        "learning_rate": 1e-2,
        "lora": LoraSpec(rank=8, alpha=16),
        "epochs": 60,
        "general_share": 0.0,
        "harmful_share": 0.001,
        "tau_harmful": 0.0,
        "tau_benign": 0.0,
    }
    config = TrialConfig.model_validate(settings | changes)
    return TrialJob(number=0, config=config, examples=EXAMPLES, epoch_tokens=200, seed=1)


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


def test_the_same_seed_gives_the_same_adapter(tiny_config, tiny_target, tmp_path):
    weights = []
    for name in ("a", "b"):
        run(tiny_config, tiny_target, tmp_path / name, epochs=2)
        weights.append((tmp_path / name / "adapter_model.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_a_loss_that_is_no_number_ends_the_trial(tiny_config, tiny_target, tmp_path, monkeypatch):
    monkeypatch.setattr("a3.training.trainer.labelled_loss", lambda *_: torch.tensor(float("nan")))
    with pytest.raises(MeasurementError, match="must stay a number"):
        run(tiny_config, tiny_target, tmp_path)
