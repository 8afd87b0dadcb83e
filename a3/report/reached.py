"""reached.md: what a run that a cap on spending ended has so far; it can go on."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from a3.config import Config
from a3.console import percent
from a3.errors import BudgetError
from a3.experiment_log import read_log
from a3.report.cost import markdown_cost
from a3.run import Run
from a3.store import write_atomic
from a3.types.events import Event, HypothesisMeasured, TrialFinished
from a3.types.results import Cost
from a3.types.trials import Trial

REACHED = "reached.md"
STAGES = ("explore", "split", "baseline", "repair", "evaluate")


@contextmanager
def told_if_capped(run: Run) -> Generator[None]:
    """Leave reached.md where a cap ends the run, and none where it comes to its end."""
    root = run.context.store.root
    try:
        yield
    except BudgetError as error:
        log = read_log(root / "log.jsonl")
        text = reached(run.context.config, root, error, log, run.seconds(), run.ledger.cost)
        write_atomic(root / REACHED, text)
        run.console.print(f"what was reached so far: {root / REACHED}", highlight=False)
        raise
    (root / REACHED).unlink(missing_ok=True)


def reached(
    config: Config,
    root: Path,
    error: BudgetError,
    log: Sequence[Event],
    seconds: Mapping[str, float],
    cost: Cost,
) -> str:
    """The page: why it ended, how to go on, and all that is known. There is no verdict in it."""
    caps = {name: cap for name, cap in config.budget.caps if cap is not None}
    more = " ".join(f"budget.caps.{name}=null" for name in caps)
    who = f"{config.risk.name} on {config.model.name} ({config.method.name}, seed {config.seed})"
    lines = [
        f"# {who}: ended by a cap",
        "",
        f"{error.found}. The run is unfinished, so there is no verdict; what it has is kept.",
        "",
        f"    python -m a3 resume={root} {more}",
        "",
        "continues without a cap; with a larger number in the place of `null` it ends there.",
        "",
        *_stages(seconds),
        *_hypotheses(log),
        *_trials(log),
        *markdown_cost(cost),
    ]
    return "\n".join(lines)


def _stages(seconds: Mapping[str, float]) -> Iterator[str]:
    done = [f"{name} ({seconds[name]:.0f} s)" for name in STAGES if name in seconds]
    left = [name for name in STAGES if name not in seconds]
    yield from ("## Stages", "", f"Done: {', '.join(done) or 'none'}. Left: {', '.join(left)}.", "")


def _hypotheses(log: Sequence[Event]) -> Iterator[str]:
    """The base's rates by hypothesis; a resumed explore tells of some again."""
    found = {e.hypothesis.id: e for e in log if isinstance(e, HypothesisMeasured)}
    if found:
        yield from ("## Hypotheses so far, on the base", "")
        rows = [
            (name, e.hypothesis.statement, percent(e.sfr), percent(e.fpr))
            for name, e in found.items()
        ]
        yield from _table(("", "hypothesis", "SFR", "FPR"), rows)


def _trials(log: Sequence[Event]) -> Iterator[str]:
    """All that are finished, with what they were on validation."""
    found = {e.trial.number: e.trial for e in log if isinstance(e, TrialFinished)}
    if found:
        yield from ("## Trials so far", "", "On validation, which supports no verdict.", "")
        head = ("trial", "learning rate", "SFR", "FPR", "objective", "")
        yield from _table(head, [_row(trial) for trial in found.values()])


def _row(trial: Trial) -> tuple[str, ...]:
    rate = f"{trial.proposal.config.learning_rate:.2g}"
    if trial.scores is None or trial.objective is None:
        return str(trial.number), rate, "-", "-", "-", str(trial.state)
    rates = map(percent, (trial.scores.validation.sfr, trial.scores.validation.fpr))
    return str(trial.number), rate, *rates, f"{trial.objective:.3f}", str(trial.state)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Whatever a model wrote is one cell of one line."""
    for cells in (head, ("---",) * len(head), *rows):
        yield "| " + " | ".join(" ".join(c.replace("|", "\\|").split()) for c in cells) + " |"
    yield ""
