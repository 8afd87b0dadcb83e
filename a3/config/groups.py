"""The groups of the configuration. Fields are explained where users set them: in conf/."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from a3.types.base import Frozen
from a3.types.endpoint import EndpointSpec
from a3.types.model import ModelSpec
from a3.types.trials import Objective, SearchSpace, TrialConfig

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class OfflineAgent(Frozen):
    """A grammar over fact tables, and samplers."""

    name: Literal["offline"]


class ModelAgent(Frozen):
    """A language model behind an endpoint."""

    name: Literal["claude", "endpoint"]
    endpoint: EndpointSpec
    hypotheses_per_round: int = Field(gt=0)
    log_tokens: int = Field(gt=0)
    chats_per_call: int = Field(gt=0)
    rewrites: Count


AgentConfig = Annotated[OfflineAgent | ModelAgent, Field(discriminator="name")]
"""Who explores, splits, writes answers and proposes."""


class RuleJudgeConfig(Frozen):
    """Detectors over text and reference."""

    name: Literal["rules"]
    calibration: str | None = None


class EndpointJudgeConfig(Frozen):
    """A model behind an endpoint."""

    name: Literal["claude", "endpoint"]
    endpoint: EndpointSpec
    votes: int = Field(gt=0)
    calibration: str | None = None


class LocalJudgeConfig(Frozen):
    """A model on this machine."""

    name: Literal["local"]
    model: ModelSpec
    reasons: bool
    orders: int = Field(gt=0)
    calibration: str | None = None


JudgeConfig = Annotated[
    RuleJudgeConfig | EndpointJudgeConfig | LocalJudgeConfig, Field(discriminator="name")
]
"""Who rules on answers."""


class PlainMethod(Frozen):
    """A method without settings of its own."""

    name: Literal["a3", "none"]


class RandomMix(Frozen):
    """The published baseline: fixed mixes in place of a search."""

    name: Literal["random_mix"]
    harmful_shares: Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(min_length=1)]
    general_share: float = Field(ge=0, lt=1)


MethodConfig = Annotated[PlainMethod | RandomMix, Field(discriminator="name")]
"""How a repair is produced."""


class ExploreConfig(Frozen):
    """How the offline explorer chooses."""

    choice: Literal["adaptive", "random"]
    pull: int = Field(gt=0)
    exploration: float = Field(ge=0)
    repeat: Share
    give_up: int = Field(gt=0)
    reserve: float = Field(gt=0, lt=1)
    validation: float = Field(gt=0, lt=1)
    ood_share: float = Field(gt=0, lt=1)
    clean_tokens: int = Field(gt=0)
    phrasings: tuple[str, ...] = Field(min_length=1)
    further_phrasings: tuple[str, ...] = ()
    odds: float | None = Field(gt=1)


class RespondConfig(Frozen):
    """Where training answers come from."""

    source: Literal["self", "template", "agent"]
    min_yield: Share
    steered: Count = 0
    openings: dict[str, str] = Field(default_factory=dict[str, str])
    """By stratum, words that an answer begins with; none elsewhere."""
    cross: tuple[str, ...] = ()
    """Strata that learn from every cell of a structure and a topic that train."""
    beliefs: Count = 0
    """Cases per structure in which the target keeps to what it says of things beside the facts."""


class _GeneralData(Frozen):
    name: str
    max_new_tokens: int = Field(gt=0)
    max_prompt_chars: int = Field(gt=0)
    column: str | None = None


class BuiltinGeneralData(_GeneralData):
    """Instructions written for this project."""

    kind: Literal["builtin"]


class LocalGeneralData(_GeneralData):
    """A file of JSON lines."""

    kind: Literal["local"]
    path: str


class HubGeneralData(_GeneralData):
    """A dataset on the Hugging Face hub, or a local folder laid out like one."""

    kind: Literal["hub"]
    id: str
    subset: str | None = None
    split: str
    revision: str | None = None


GeneralDataConfig = Annotated[
    BuiltinGeneralData | LocalGeneralData | HubGeneralData, Field(discriminator="kind")
]
"""The ordinary instructions mixed into training."""


class SearchConfig(Frozen):
    """How trials are proposed."""

    name: Literal["tpe", "gp", "random", "agent", "hybrid"]
    default: TrialConfig
    first: tuple[TrialConfig, ...] = ()
    """What is tried before anything is searched for; empty: the default alone."""
    batch: int = Field(gt=0)
    rerun_top: int = Field(gt=0)
    rerun_seeds: Count
    rerun_length: int = Field(default=1, gt=0)
    """How many times as long as the first training."""
    keep: Literal["front", "all"]
    drop_parts: int = Field(gt=0)
    soup: tuple[Annotated[float, Field(gt=0)], ...] = ()
    soup_depth: tuple[Share, Share] = (0, 1)
    soup_rank: int | None = Field(default=None, gt=0)
    space: SearchSpace

    @model_validator(mode="after")
    def _some_depth(self) -> SearchConfig:
        if self.soup_depth[0] >= self.soup_depth[1]:
            raise ValueError(
                f"search.soup_depth must rise, e.g. [0.2, 0.8]; found {list(self.soup_depth)}"
            )
        return self

    @property
    def sampler(self) -> str:
        """Who samples, or suggests where an agent chooses."""
        return "tpe" if self.name in {"agent", "hybrid"} else self.name


class TrainConfig(Frozen):
    """How one trial trains; what the search does not touch."""

    objective: Objective
    batch_tokens: int = Field(gt=0)
    warmup_share: Share
    max_grad_norm: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    weight_floor: float = Field(gt=0, le=1)
    first_token: float = Field(gt=0, default=1.0)
    strata: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict[str, float])


class CapabilityConfig(Frozen):
    """Which benchmarks stand for capability."""

    tasks: tuple[str, ...]
    local: dict[str, str] = Field(default_factory=dict[str, str])
    max_gen_toks: int = Field(gt=0)


class EvalsConfig(Frozen):
    """Everything else that evaluate measures."""

    kl_tokens: int = Field(gt=0)
    max_unscored: Share


class CapsConfig(Frozen):
    """The most that a run may spend on models behind endpoints; None: as much as it takes."""

    usd: Annotated[float, Field(ge=0)] | None = None
    calls: Count | None = None
    tokens: Count | None = None


class BudgetConfig(Frozen):
    """Counts of queries and trials; never minutes, which would break resume."""

    name: str
    facts: Count
    rounds: Count
    queries_per_round: Count
    queries_per_hypothesis: Annotated[int, Field(ge=1)]
    hypotheses_per_stratum: Count
    queries_per_stratum: Count
    trials: Annotated[int, Field(ge=1)]
    cases_per_hypothesis: Count
    epoch_tokens: Annotated[int, Field(ge=1)]
    confirm: Count
    ood: Count
    strata: Count
    general: Count
    capability_items: Count
    neutral: Count
    task_kl: Annotated[int, Field(ge=2)]
    caps: CapsConfig = CapsConfig()


class TrackerConfig(Frozen):
    """Where figures go besides the run folder."""

    name: Literal["jsonl", "wandb"]
    project: str = "a3"
    entity: str | None = None


class ExecutorConfig(Frozen):
    """Where trials are trained."""

    name: Literal["local"]
