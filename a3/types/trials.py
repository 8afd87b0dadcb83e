"""What the search proposes and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Literal

from pydantic import Field

from a3.types.base import Frozen
from a3.types.chat import Conversation
from a3.types.queries import Kind
from a3.types.rates import MeanKL
from a3.types.scores import CapabilityScores, ValidationScores

INFEASIBLE = 10.0
"""Added to the objective of trials that break a limit, so that they rank behind all others."""
KL_WEIGHT = 1e-3
"""KL only breaks ties in FPR, as FPR does behind the limits."""

Objective = Literal["sft", "consistency"]
"""Plain loss on the answer, or KL from the frozen base on the clean prompt to the tuned model on
the perturbed one, over the same answer (Chua et al. 2024, arXiv 2403.05518, made soft)."""

AnswerSource = Literal["self", "steered", "reference", "template", "agent", "general"]
"""Who wrote a training answer: the target itself, the same under a steering prompt, the reference,
a template, an agent; or that it is general data, answered by the base."""


GENERAL = "general"
"""Stratum and weight group of general data."""


class TrainingExample(Frozen):
    """A conversation to learn from; loss falls on the named turns only (evidence rule 10)."""

    conversation: Conversation
    loss_spans: tuple[int, ...]
    """Indices of the messages written as training answers."""
    weight_group: str
    """`<hypothesis id>/<kind>`, or `general`: what a trial weights as one."""
    stratum: str
    """The query's stratum, or `general`; strata of a kind share an epoch as `train.strata` says."""
    topic: str = ""
    """The query's topic; strata that share topics with harmful queries weigh them alike."""
    source: AnswerSource
    teacher: Conversation | None = None
    """The prompt on which the base's own distribution over this answer is the target of
    `train.objective=consistency`; None: nobody but the reference or the user knows, plain loss."""
    complete: bool = True
    """False: the answer was cut off, so that it ends here is not learned as a fact; a teacher says
    how likely it is."""
    opening: str = ""
    """What the answer begins with that no teacher says (`respond.openings`): plain loss."""


class LoraSpec(Frozen):
    """The adapter's shape."""

    rank: int = Field(ge=1, le=256)
    alpha: int = Field(ge=1)
    """Scale is alpha / rank."""


class TrialConfig(Frozen):
    """One point of the search space: how to train, and on how much of what."""

    learning_rate: float = Field(gt=0)
    lora: LoraSpec
    epochs: int = Field(ge=1)
    general_share: float = Field(ge=0, lt=1)
    """Share of general data among the examples."""
    harmful_share: float = Field(gt=0, lt=1)
    """Share of harmful queries among the others."""
    tau_harmful: float = Field(ge=0)
    """Exponent of: weight of hypothesis ∝ floor + (shrunk SFR)^τ; 0 weights all alike."""
    tau_benign: float = Field(ge=0)
    """The same for benign queries and FPR."""
    offsets: dict[str, float] = Field(default_factory=dict[str, float])
    """Added to the log-weight of single weight groups (`<hypothesis id>/<kind>`); samplers leave
    it empty."""


class Range(Frozen):
    """Bounds of one dimension, both included."""

    low: float
    high: float
    log: bool = False
    integer: bool = False


class SearchSpace(Frozen):
    """Fixed dimensions by name; a dimension with low == high is held constant."""

    dimensions: dict[str, Range]
    max_offset: float = Field(default=1.0, ge=0)
    """Largest size of an offset: 1 lets a group weigh up to e times as much or as little."""

    def violations(self, config: TrialConfig) -> list[str]:
        """Everything in which a configuration lies outside, in words."""
        found: list[str] = []
        for name, value in coordinates(config).items():
            bounds = self.dimensions.get(name)
            if bounds is None:
                found.append(f"{name}: the space has no such dimension")
            elif not bounds.low <= value <= bounds.high:
                found.append(
                    f"{name}: must lie in [{bounds.low:g}, {bounds.high:g}], got {value:g}"
                )
        return found + list(self._offsets(config))

    def _offsets(self, config: TrialConfig) -> Iterator[str]:
        for group, value in config.offsets.items():
            hypothesis, _, kind = group.rpartition("/")
            if not hypothesis or kind not in set(Kind):
                kinds = " or ".join(Kind)
                yield f"offsets: must be of <hypothesis id>/<kind>, {kinds}, got {group!r}"
            if not abs(value) <= self.max_offset:  # NaN is outside, too.
                most = self.max_offset
                yield f"offsets.{group}: must lie in [{-most:g}, {most:g}], got {value:g}"

    def check(self, config: TrialConfig) -> None:
        """Raise ValueError unless the configuration lies inside."""
        if problems := self.violations(config):
            raise ValueError("; ".join(problems))


def coordinates(config: TrialConfig) -> dict[str, float]:
    """A configuration as a point: value by dimension. Offsets are no dimensions."""
    flat = config.model_dump(exclude={"lora", "offsets"}) | config.lora.model_dump()
    return {name: float(value) for name, value in flat.items()}


def from_coordinates(values: Mapping[str, float]) -> TrialConfig:
    """The configuration at a point."""
    return TrialConfig(
        learning_rate=values["learning_rate"],
        lora=LoraSpec(rank=round(values["rank"]), alpha=round(values["alpha"])),
        epochs=round(values["epochs"]),
        general_share=values["general_share"],
        harmful_share=values["harmful_share"],
        tau_harmful=values["tau_harmful"],
        tau_benign=values["tau_benign"],
    )


class Proposal(Frozen):
    """A configuration and why it was proposed."""

    config: TrialConfig
    rationale: str
    expected: str = ""
    """What the proposer thinks will happen; the log shows it against what did."""
    rerun_of: int | None = None
    """Number of the trial whose configuration is trained again, on a fresh seed."""
    length: int = Field(default=1, ge=1)
    """Tokens of an epoch, in `budget.epoch_tokens`."""


def again(rerun_of: int, length: int) -> str:
    """What a rerun is, in words."""
    return f"trial {rerun_of} again" + ("" if length == 1 else f" at {length} times the length")


class TrialState(StrEnum):
    """How a trial ended."""

    COMPLETE = "complete"
    """Trained and measured."""
    DROPPED = "dropped"
    """Trained, and measured in part: shown not to beat the best so far (`Trial.partial`)."""
    FAILED = "failed"
    """No scores; `error` says why."""


class TrialScores(Frozen):
    """A trial on validation: what it is selected on."""

    validation: ValidationScores
    capability: CapabilityScores
    kl_task: MeanKL


FINER = 4
"""Parts of rulings to a part of answers: answers come in batches, each ruling is paid for alone."""


class DropRule(Frozen):
    """When a trial is dropped on part of its validation (evidence rule 8); plain values."""

    objective: float
    """Of the incumbent: what the trial must be shown not to beat. INFEASIBLE: it has to keep every
    limit, and no more."""
    fpr: float | None = None
    """The incumbent's mean FPR, which decides where both break the limits equally; None: a tie."""
    limits: dict[str, float]
    """Upper limits of what is measured on validation, by name: sfr, incoherent, fpr/<stratum>."""
    parts: int = Field(ge=1)
    """Validation is answered in so many parts; there is a look after each but the last."""
    beside: tuple[dict[str, float], ...] = ()
    """Of a rerun: rates of its configuration's other seeds by name of limit, none where they are
    still to come. The mean of all of them is what must beat the incumbent."""


class PartialScores(Frozen):
    """What is known of a dropped trial. There are no rates in it: nothing may rank them."""

    answered: int
    """Validation queries answered, of `total`."""
    total: int
    objective_at_least: float
    """Lower bound of the objective on all of validation, whatever is left to answer."""
    rule: DropRule

    @property
    def reason(self) -> str:
        """Why the trial was dropped, in words."""
        whose = "its configuration's" if self.rule.beside else "its"
        least = (
            f"after {self.answered} of {self.total} validation answers {whose} objective is at "
            f"least {self.objective_at_least:.3f}"
        )
        if self.rule.objective == INFEASIBLE:
            return f"{least}: it breaks a limit, and what it has to beat does not"
        return f"{least}, that of what it has to beat is {self.rule.objective:.3f}"


class Candidate(Frozen):
    """What may become the repair, with its figures on validation."""

    number: int
    scores: TrialScores | None
    objective: float | None
    """The selection score, lower is better (`search/selection.py`); None: nothing was measured."""
    constraints: dict[str, float] = Field(default_factory=dict[str, float])
    """Excess over each limit ÷ the limit; at most 0 is feasible. Empty: nothing was measured."""
    adapter: str | None
    """Folder of the adapter, relative to the run folder. Only those of the front and of the repair
    outlive the search, unless `search.keep=all`."""
    seconds: dict[str, float] = Field(default_factory=dict[str, float])
    partial: PartialScores | None = None
    """Instead of scores, of a dropped one."""


class Trial(Candidate):
    """One proposed configuration, trained and measured on validation."""

    proposal: Proposal
    state: TrialState
    error: str | None
    seed: int
    losses: tuple[float, ...] = ()
    """Mean over an epoch's batches of their mean loss, nats per labelled token."""

    @property
    def rerun_of(self) -> int | None:
        """Number of the trial that this one repeats on a fresh seed."""
        return self.proposal.rerun_of


class Soup(Candidate):
    """The mean of trials' adapters times a scale (Wortsman et al. 2022, arXiv 2203.05482)."""

    trials: tuple[int, ...]
    """Numbers of those whose adapters are in it."""
    scale: float = Field(gt=0)
    depth: tuple[float, float] = (0, 1)
    """Shares of the model's depth between which its blocks are changed."""
    error: str | None = None
    """Why it could not be measured."""


class TrialJob(Frozen):
    """What makes one trial differ from the others of its run, as plain values."""

    number: int
    config: TrialConfig
    examples: tuple[TrainingExample, ...]
    objective: Objective = "sft"
    epoch_tokens: int = Field(gt=0)
    """Size of one epoch, so that all trials cost alike; non-padding tokens."""
    seed: int


class TrialResult(Frozen):
    """What a job brings back."""

    scores: TrialScores | None
    """None: dropped, and `partial` says why."""
    losses: tuple[float, ...]
    adapter: str
    seconds: dict[str, float]
    partial: PartialScores | None = None
