"""What a method and the executor work with: the run's configuration and its collaborators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from a3.config import Config
from a3.errors import ConfigError
from a3.store import Artifacts, Store
from a3.target.local import LocalTarget
from a3.target.remote import RemoteTarget
from a3.types.base import Frozen
from a3.types.crew import Crew
from a3.types.explored import CleanAnswer
from a3.types.generator import Generator
from a3.types.judge import Judge
from a3.types.llm import ChatModel
from a3.types.observer import Observer
from a3.types.scores import CapabilityScores, HypothesisRates, ValidationScores

NOT_HERE = (
    "one behind an endpoint, whose weights are elsewhere",
    "method=none evaluates it; to repair a model, give its weights (model=hub or model=local)",
)


def _uncapped() -> Mapping[str, float]:
    return {}


@dataclass(frozen=True)
class Context:
    """The collaborators of one run."""

    config: Config
    store: Store
    artifacts: Artifacts
    """Trained adapters, shared between runs."""
    target: LocalTarget | RemoteTarget
    """The base."""
    judge: Judge
    observer: Observer
    generator: Generator
    """Where fresh queries come from."""
    agent: ChatModel | None = None
    """None: agents work offline."""
    final: Judge | None = None
    """Another judge for evaluate; None: `judge` again."""
    left: Callable[[], Mapping[str, float]] = _uncapped
    """What is left of each cap on spending that is set."""

    @property
    def final_judge(self) -> Judge:
        """Who rules in evaluate."""
        return self.final or self.judge

    @property
    def trainable(self) -> LocalTarget:
        """The base, to be trained. Raises ConfigError where it is behind an endpoint."""
        if isinstance(self.target, RemoteTarget):
            raise ConfigError("a target is trained on this machine", *NOT_HERE)
        return self.target

    @property
    def crew(self) -> Crew:
        """Those whom agents work with."""
        return Crew(self.target, self.judge, self.observer, self.agent)


class Baseline(Frozen):
    """What is known of the base before any repair; nothing in it comes from OOD hypotheses."""

    validation: ValidationScores
    capability: CapabilityScores
    train_rates: Mapping[str, HypothesisRates]
    """SFR and FPR of each training hypothesis on the train queries."""
    clean: tuple[CleanAnswer, ...]
    """The base's answers to the clean questions of all that a repair may learn from."""
