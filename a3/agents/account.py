"""The target's own account of Ex 0."""

from __future__ import annotations

from a3 import prompts
from a3.config import Config
from a3.errors import MeasurementError
from a3.types.answers import Decoding, FinishReason
from a3.types.chat import user
from a3.types.events import FailureDescribed
from a3.types.observer import Observer
from a3.types.target import Target


def describe_failure(config: Config, target: Target, observer: Observer) -> str:
    """What went wrong, in the target's words: part of the log, and the basis of an agent's H0."""
    request = user(prompts.render("describe_failure", description=config.risk.description.strip()))
    conversation = config.risk.seed_example.conversation.then(request)
    decoding = Decoding(max_new_tokens=config.model.max_new_tokens)
    answer = target.generate([conversation], decoding, "the target describes its failure")
    if answer[0][0].finish_reason is FinishReason.ERROR:
        raise MeasurementError(
            "the target must answer",
            f"no answer when asked to describe its failure: {answer[0][0].text}",
            "mend the cause and resume",
        )
    text = answer[0][0].text
    observer.event(FailureDescribed(text=text))
    return text
