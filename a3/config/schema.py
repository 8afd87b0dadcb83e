"""The whole configuration as one frozen type."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from a3.config.groups import (
    AgentConfig,
    BudgetConfig,
    CapabilityConfig,
    EndpointJudgeConfig,
    EvalsConfig,
    ExecutorConfig,
    ExploreConfig,
    GeneralDataConfig,
    JudgeConfig,
    LocalJudgeConfig,
    MethodConfig,
    ModelAgent,
    OfflineAgent,
    PlainMethod,
    RandomMix,
    RespondConfig,
    SearchConfig,
    TrackerConfig,
    TrainConfig,
)
from a3.types.answers import Decoding
from a3.types.base import Frozen
from a3.types.endpoint import EndpointSpec
from a3.types.model import EndpointSource, ModelSpec
from a3.types.results import Goal
from a3.types.risk import Risk


class Config(Frozen):
    """One run."""

    seed: Annotated[int, Field(ge=0)]
    run_dir: str
    risk: Risk
    model: ModelSpec
    agent: AgentConfig
    judge: JudgeConfig
    final_judge: JudgeConfig | None = None
    goal: Goal
    method: MethodConfig
    explore: ExploreConfig
    respond: RespondConfig
    general_data: GeneralDataConfig
    search: SearchConfig
    train: TrainConfig
    capability: CapabilityConfig
    evals: EvalsConfig
    budget: BudgetConfig
    tracker: TrackerConfig
    executor: ExecutorConfig

    @property
    def searches(self) -> bool:
        """Whether trials are proposed one after the other, and averaged."""
        return self.method.name == "a3"

    @property
    def trials(self) -> int:
        """How many trials the method trains, reruns included."""
        match self.method:
            case RandomMix():
                return len(self.method.harmful_shares)
            case PlainMethod(name="a3"):
                return self.budget.trials
            case _:
                return 0

    @property
    def models(self) -> dict[str, ModelSpec]:
        """The models that run on this machine, by the keys they are configured under."""
        local = {
            f"{key}.model": judge.model
            for key, judge in self._judges.items()
            if isinstance(judge, LocalJudgeConfig)
        }
        return {"model": self.model, **local}

    @property
    def endpoints(self) -> dict[str, EndpointSpec]:
        """The models behind endpoints, by the keys they are configured under."""
        found: dict[str, EndpointSpec] = {}
        if isinstance(self.model.source, EndpointSource):
            found["model.source.endpoint"] = self.model.source.endpoint
        if isinstance(self.agent, ModelAgent):
            found["agent.endpoint"] = self.agent.endpoint
        for key, judge in self._judges.items():
            if isinstance(judge, EndpointJudgeConfig):
                found[f"{key}.endpoint"] = judge.endpoint
        return found

    @property
    def _judges(self) -> dict[str, JudgeConfig | None]:
        return {"judge": self.judge, "judge.final": self.final_judge}

    @property
    def decoding(self) -> Decoding:
        """How answers to queries are drawn, everywhere in a run."""
        return Decoding(
            max_new_tokens=self.model.max_new_tokens,
            temperature=self.model.temperature,
            samples=self.model.samples,
            seed=self.seed,
        )

    @model_validator(mode="after")
    def _samples_need_temperature(self) -> Config:
        for key, spec in self.models.items():
            if spec.samples > 1 and spec.temperature == 0:
                raise ValueError(
                    f"{key}.samples > 1 needs {key}.temperature > 0: greedy answers repeat"
                )
        return self

    @model_validator(mode="after")
    def _agents_need_a_model(self) -> Config:
        for group, name in (("search", self.search.name), ("respond", self.respond.source)):
            if name == "agent" and isinstance(self.agent, OfflineAgent):
                raise ValueError(f"{group}=agent needs an agent: agent=claude or agent=endpoint")
        return self

    @model_validator(mode="after")
    def _default_lies_in_space(self) -> Config:
        self.search.space.check(self.search.default)
        return self
