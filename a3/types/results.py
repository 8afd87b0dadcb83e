"""The outcome of a run: result.json and its parts."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from a3.types.base import Frozen
from a3.types.explored import RoundTotals
from a3.types.judge import Calibration, SecondOpinion
from a3.types.llm import TokenUsage
from a3.types.rates import Comparison, Estimate, MeanKL, Rate
from a3.types.scores import CapabilityScores, HeldOutScores, ValidationScores
from a3.types.trials import TrialConfig, TrialState

SCHEMA_VERSION = 2


class Goal(Frozen):
    """What a repair must reach (evidence rule 7)."""

    name: str
    sfr: float = Field(gt=0, lt=1)
    """Upper limit of SFR."""
    sfr_selection: float = Field(gt=0, lt=1)
    """The same on validation, where the repair is chosen by it."""
    capability_loss: float = Field(gt=0, lt=1)
    """Largest loss of accuracy, as a share (0.01 is one point)."""
    kl: float = Field(gt=0)
    """Upper limit of kl_task, nats per token."""
    incoherent: float = Field(gt=0, lt=1)
    """Upper limit of the incoherent share of answers to harmful queries."""
    fpr_increase: float = Field(gt=0, lt=1)
    """Margin of non-inferiority: largest increase of FPR over the base, in each stratum."""
    resolution: float = Field(gt=0, lt=1)
    """How far from a limit on a rate a model must be for the named number of items to decide."""
    capability_logprob: float = Field(gt=0)
    """Largest loss of the right option's log-probability, nats; the gate for small samples."""
    confidence: float = Field(gt=0.5, lt=1)
    """Level of every interval."""


class VerdictKind(StrEnum):
    """Whether the repair did what it should."""

    MET = "met"
    """Every interval lies on the good side, also with every UNSCORED counted against us."""
    MISSED = "missed"
    """At least one interval lies wholly on the bad side."""
    INCONCLUSIVE = "inconclusive"
    """The data cannot tell."""
    NOTHING_TO_REPAIR = "nothing_to_repair"
    """The base meets the SFR goal already."""


class More(Frozen):
    """What it would take to decide an open criterion."""

    items: int
    """Further items of its kind."""
    hypotheses: int = 0
    """Further hypotheses that these items must come from; 0: any."""


class RunVerdict(Frozen):
    """The verdict and each criterion's part in it."""

    verdict: VerdictKind
    reasons: tuple[str, ...]
    more_items: dict[str, More]
    """By open criterion, where it can be told."""
    provisional: str | None
    """Why the verdict cannot be final yet, e.g. an uncalibrated judge; None when it is."""


class Repair(Frozen):
    """What a method returns. Nothing at all is a valid repair (`method=none`)."""

    adapter: str | None = None
    """Folder of the adapter, relative to the run folder."""
    trial: int | None = None
    """Number of the trial it came from."""
    soup: int | None = None
    """Number of the soup that it is, where no single trial did better."""
    n_soups: int = 0
    n_trials: int = 0
    """All trials, failed ones and reruns included."""
    objective: float | None = None
    selected_on: tuple[int, ...] = ()
    """Numbers of the trials whose mean it was selected on; several: one configuration's seeds."""
    front: tuple[int, ...] = ()
    """Numbers of the trials that none other beats on SFR and mean FPR, both on validation."""


class TrialSummary(Frozen):
    """One trial in result.json, on validation; trials.jsonl has everything of it."""

    number: int
    state: TrialState
    config: TrialConfig
    rerun_of: int | None
    length: int = 1
    """How many times as long as other trials it trained."""
    sfr: float | None
    fpr: float | None
    """Mean over strata."""
    kl: float | None
    feasible: bool | None
    """Whether its point estimates keep every limit of the goal; None: not measured."""
    objective: float | None
    front: bool
    rationale: str = ""
    """Why it was proposed."""
    expected: str = ""
    """What the proposer thought would come of it; empty: nothing was said."""


class SoupSummary(Frozen):
    """One soup in result.json, on validation."""

    number: int
    trials: tuple[int, ...]
    scale: float
    depth: tuple[float, float] = (0, 1)
    """Shares of the model's depth between which its blocks are changed."""
    sfr: float | None
    fpr: float | None
    """Mean over strata."""
    kl: float | None
    feasible: bool | None
    """Whether its point estimates keep every limit of the goal; None: not measured."""
    objective: float | None
    dropped: bool = False
    """Measured in part: shown not to beat the best so far."""


class Learned(Frozen):
    """The training examples of one stratum in result.json; stages/respond.json has all of them."""

    stratum: str
    n: int
    """Different ones; a trial takes the share of them that its configuration says."""
    topics: int
    """0: of none, as general data."""
    sources: dict[str, int]
    """Who wrote the answers (`TrainingExample.source`) -> how many."""
    chat: str
    """What is asked in one of them."""
    answer: str
    """What is learned there."""


class ModelScores(Frozen):
    """Everything measured of one model, item by item where pairs are needed."""

    confirm: HeldOutScores
    ood: HeldOutScores
    capability: CapabilityScores


class ModelReport(Frozen):
    """One model in result.json."""

    validation: ValidationScores | None
    confirm: HeldOutScores
    ood: HeldOutScores
    capability: dict[str, Rate]
    capability_settings: dict[str, str] = Field(default_factory=dict[str, str])
    """How each capability task was asked."""
    sfr_corrected: dict[str, Estimate] = Field(default_factory=dict[str, Estimate])
    """SFR on confirm and ood corrected for the judge's errors; empty where nobody measured them."""
    kl_neutral: MeanKL | None = None
    kl_task: MeanKL | None = None


class SplitComparison(Frozen):
    """Repaired minus base on one held-out set."""

    sfr: Comparison
    fpr: Comparison
    fpr_by_stratum: dict[str, Comparison] = Field(default_factory=dict[str, Comparison])
    incoherent: Comparison


class RunComparison(Frozen):
    """Every paired difference, repaired minus base."""

    confirm: SplitComparison
    ood: SplitComparison
    capability: dict[str, Comparison]
    capability_logprob: dict[str, Comparison]


class CallCost(Frozen):
    """What one stage spent on one model behind an endpoint."""

    stage: str
    model: str
    calls: int
    usage: TokenUsage
    usd: float | None
    """None: its price is unknown."""


class Cost(Frozen):
    """What a run spent."""

    generated_tokens: int = 0
    cached_answers: int = 0
    trained_tokens: int = 0
    cached_trials: int = 0
    """Adapters that the cache already had."""
    llm_calls: int = 0
    usd: float | None = 0.0
    """None when a price is unknown; never 0 for unknown."""
    cached_calls: int = 0
    """Calls that the cache saved."""
    failed_calls: int = 0
    """Attempts that were sent and brought no reply; what they cost nobody knows."""
    calls: tuple[CallCost, ...] = ()
    """By stage and model, in order of their first call."""


class Provenance(Frozen):
    """What it takes to know where a figure came from."""

    commit: str | None
    dirty: str | None
    """Hash of the uncommitted diff; None when the tree is clean."""
    python: str
    versions: dict[str, str]
    weights: str
    """Hash of the base weights."""
    dtype: str
    device: str
    prompts: dict[str, str]
    """Hash of each prompt and rubric."""
    judge: str


class RunResult(Frozen):
    """result.json."""

    schema_version: int = SCHEMA_VERSION
    run_id: str
    status: str
    risk: str
    model: str
    method: str
    seed: int
    verdict: VerdictKind
    reasons: tuple[str, ...]
    """Each criterion and how it stands."""
    provisional: str | None
    """Why the verdict cannot be final yet; None when it is."""
    more_items: dict[str, More] = Field(default_factory=dict[str, More])
    """By open criterion: what would decide it."""
    calibration: Calibration | None = None
    """The judge's measured agreement with people; None: uncalibrated."""
    second_opinion: SecondOpinion | None = None
    """How far the judge that steered agrees with this one; None: it is this one."""
    explored: tuple[RoundTotals, ...] = ()
    """The curve of explore, round by round."""
    best_trial: int | None
    """None: there is no repair, or a soup of several trials is it."""
    best_soup: int | None = None
    n_trials: int
    adapter: str | None
    objective: float | None
    selected_on: tuple[int, ...] = ()
    """Numbers of the trials whose mean decided; several: one configuration's seeds."""
    learned: tuple[Learned, ...] = ()
    """What there was to train on, by stratum."""
    trials: tuple[TrialSummary, ...] = ()
    soups: tuple[SoupSummary, ...] = ()
    base: ModelReport
    repaired: ModelReport
    comparison: RunComparison
    kept: Rate | None = None
    """Of the facts that the base knows, in topics that no training touched: those still known."""
    cost: Cost
    seconds: dict[str, float]
    provenance: Provenance
    earlier: tuple[Provenance, ...] = ()
    """Of attempts under other code or versions, in their order; the run was resumed since."""
