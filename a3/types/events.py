"""The experiment log's entries: one tagged union, one line each on disk."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from a3.types.base import Frozen
from a3.types.explored import RoundTotals
from a3.types.queries import Hypothesis
from a3.types.rates import Rate
from a3.types.results import Repair, VerdictKind
from a3.types.trials import Soup, Trial


class RunStarted(Frozen):
    """A run began, or was resumed."""

    type: Literal["run_started"] = "run_started"
    run_id: str
    risk: str
    model: str
    method: str
    seed: int
    resumed: bool
    cost: str = ""
    """What its calls to APIs may come to; empty: there are none, or some were paid before."""


class StageStarted(Frozen):
    """A stage of the pipeline began its work."""

    type: Literal["stage_started"] = "stage_started"
    stage: str


class StageFinished(Frozen):
    """A stage's value is on disk."""

    type: Literal["stage_finished"] = "stage_finished"
    stage: str
    seconds: float


class FailureDescribed(Frozen):
    """The target's own account of Ex 0."""

    type: Literal["failure_described"] = "failure_described"
    text: str


class FactsAsked(Frozen):
    """How many facts of a topic the target answers rightly when asked cleanly."""

    type: Literal["facts_asked"] = "facts_asked"
    topic: str
    known: int
    asked: int


class HypothesisMeasured(Frozen):
    """A hypothesis of explore with what it elicited from the base, and one example query."""

    type: Literal["hypothesis_measured"] = "hypothesis_measured"
    hypothesis: Hypothesis
    example: str
    """The whole conversation; one that failed, if any did."""
    sfr: Rate
    fpr: Rate


class HypothesesRejected(Frozen):
    """The agent proposed hypotheses that break rules, or none."""

    type: Literal["hypotheses_rejected"] = "hypotheses_rejected"
    round: int
    reason: str


class QueriesRejected(Frozen):
    """Queries that the agent wrote and that were not used."""

    type: Literal["queries_rejected"] = "queries_rejected"
    hypothesis_id: str
    written: int
    """Those that were."""
    wanted: int
    reasons: dict[str, int]


class RoundMeasured(Frozen):
    """A round of explore is over."""

    type: Literal["round_measured"] = "round_measured"
    totals: RoundTotals


class SplitMade(Frozen):
    """Which hypotheses train and which wait."""

    type: Literal["split_made"] = "split_made"
    training: tuple[str, ...]
    ood: tuple[str, ...]
    reason: str


class ResponsesMade(Frozen):
    """Which share of each hypothesis's queries has a training answer."""

    type: Literal["responses_made"] = "responses_made"
    yields: dict[str, float]
    uncovered: tuple[str, ...]
    n_general: int
    n_beliefs: int = 0
    """Examples in which the target keeps to what it says itself (`respond.beliefs`)."""
    general_dropped: dict[str, int] = Field(default_factory=dict[str, int])
    """Why prompts of the general data were not used -> how many."""
    unwritten: dict[str, int] = Field(default_factory=dict[str, int])
    """Answers that the agent was asked for and did not write, by kind of failure."""


class TrialFinished(Frozen):
    """A trial ended."""

    type: Literal["trial_finished"] = "trial_finished"
    trial: Trial


class SoupMeasured(Frozen):
    """A mean of trials was measured."""

    type: Literal["soup_measured"] = "soup_measured"
    soup: Soup


class MemoryShort(Frozen):
    """An accelerator's memory ran out; batches are cut into more parts from here on."""

    type: Literal["memory_short"] = "memory_short"
    what: str
    parts: int


class CallsPaused(Frozen):
    """A service asked for fewer calls; all of them wait."""

    type: Literal["calls_paused"] = "calls_paused"
    what: str
    reason: str
    seconds: float


class ProposalsRejected(Frozen):
    """The agent proposed a trial outside the space, or none."""

    type: Literal["proposals_rejected"] = "proposals_rejected"
    trial: int
    reasons: tuple[str, ...]


class Selected(Frozen):
    """The repair that goes to evaluate."""

    type: Literal["selected"] = "selected"
    repair: Repair


class RunFinished(Frozen):
    """result.json is written."""

    type: Literal["run_finished"] = "run_finished"
    verdict: VerdictKind
    provisional: str | None


Event = Annotated[
    RunStarted
    | StageStarted
    | StageFinished
    | FailureDescribed
    | FactsAsked
    | HypothesisMeasured
    | HypothesesRejected
    | QueriesRejected
    | RoundMeasured
    | SplitMade
    | ResponsesMade
    | TrialFinished
    | SoupMeasured
    | ProposalsRejected
    | MemoryShort
    | CallsPaused
    | Selected
    | RunFinished,
    Field(discriminator="type"),
]
