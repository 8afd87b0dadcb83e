"""Small jobs that the tiny model trains in a moment."""

from a3.types.chat import Conversation, assistant, user
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


def config(**changes) -> TrialConfig:
    """Half harmful, a fifth general data if there is any, every hypothesis alike."""
    settings = {
        "learning_rate": 1e-2,
        "lora": LoraSpec(rank=8, alpha=16),
        "epochs": 2,
        "general_share": 0.2,
        "harmful_share": 0.5,
        "tau_harmful": 0.0,
        "tau_benign": 0.0,
    }
    return TrialConfig.model_validate(settings | changes)


def job(**changes) -> TrialJob:
    """Sixty epochs of the benign examples above."""
    chosen = config(**{"epochs": 60, "harmful_share": 0.001} | changes)
    return TrialJob(number=0, config=chosen, examples=EXAMPLES, epoch_tokens=200, seed=1)
