"""The trials of a run: a table, and the front that they draw on validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from a3.search.selection import mean_fpr
from a3.types.results import Repair, RunResult, SoupSummary, TrialSummary
from a3.types.trials import Candidate, Soup, Trial, again

HEAD = ("trial", "learning rate", "rank", "epochs", "general", "SFR", "mean FPR", "KL", "")
NOTE = (
    "All figures are of validation: trials were selected on them, they support no verdict. The "
    "front holds the trials that none other beats on both SFR and mean FPR."
)
NO_SEARCH = " Only one configuration was trained: this is no search."


def summary(trial: Trial, repair: Repair) -> TrialSummary:
    """What result.json says of a trial."""
    return TrialSummary(
        **_figures(trial),
        state=trial.state,
        config=trial.proposal.config,
        rerun_of=trial.rerun_of,
        length=trial.proposal.length,
        front=trial.number in repair.front,
        rationale=trial.proposal.rationale,
        expected=trial.proposal.expected,
    )


def soup_summary(soup: Soup) -> SoupSummary:
    """What result.json says of a soup."""
    kind = soup.model_dump(include={"trials", "scale", "depth"})
    return SoupSummary(**_figures(soup), **kind, dropped=soup.partial is not None)


def _figures(candidate: Candidate) -> dict[str, Any]:
    """What both have."""
    scores = candidate.scores
    measured = scores is not None and candidate.objective is not None
    return {
        "number": candidate.number,
        "sfr": scores.validation.sfr.value if scores else None,
        "fpr": mean_fpr(scores.validation) if scores else None,
        "kl": scores.kl_task.value if scores else None,
        "feasible": max(candidate.constraints.values()) <= 0 if measured else None,
        "objective": candidate.objective,
    }


def note(result: RunResult) -> str:
    """What to know of the table."""
    searched = sum(t.rerun_of is None for t in result.trials) > 1
    return NOTE if searched else NOTE + NO_SEARCH


def trial_rows(result: RunResult) -> Iterator[tuple[str, ...]]:
    """One row a trial, then one a soup, under HEAD."""
    for t in result.trials:
        yield (
            str(t.number),
            f"{t.config.learning_rate:.2g}",
            str(t.config.lora.rank),
            str(t.config.epochs),
            _percent(t.config.general_share),
            _percent(t.sfr),
            _percent(t.fpr),
            "-" if t.kl is None else f"{t.kl:.3f}",
            ", ".join(_notes(t, result)),
        )
    for s in result.soups:
        yield (
            soup_name(s),
            *("-",) * 4,
            _percent(s.sfr),
            _percent(s.fpr),
            "-" if s.kl is None else f"{s.kl:.3f}",
            ", ".join(_soup_notes(s, result)),
        )


def soup_name(soup: SoupSummary | Soup) -> str:
    """How people read of it."""
    return f"mean × {soup.scale:g}"


def _soup_notes(soup: SoupSummary, result: RunResult) -> Iterator[str]:
    if soup.number == result.best_soup:
        yield "the repair"
    low, high = (f"{100 * share:.0f}" for share in soup.depth)
    where = "" if soup.depth == (0, 1) else f" between {low} and {high} % of the depth"
    yield f"the mean of {len(soup.trials)} adapters{where}"
    if soup.feasible is None:
        yield "dropped" if soup.dropped else "not measured"
    elif not soup.feasible:
        yield "breaks a limit"


def _notes(trial: TrialSummary, result: RunResult) -> Iterator[str]:
    if trial.number == result.best_trial:
        yield "the repair"
    if trial.front:
        yield "front"
    if trial.rerun_of is not None:
        yield again(trial.rerun_of, trial.length)
    if len(result.selected_on) > 1 and trial.number in result.selected_on:
        yield "in the mean that decided"
    if trial.feasible is None:
        yield str(trial.state)
    elif not trial.feasible:
        yield "breaks a limit"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def expectations(result: RunResult) -> Iterator[str]:
    """What was expected of each trial beside what came; nothing of trials without a word."""
    for t in result.trials:
        if t.expected:
            came = f"SFR {_percent(t.sfr)}, mean FPR {_percent(t.fpr)}"
            found = came if t.sfr is not None else str(t.state)
            yield f"trial {t.number}: expected {t.expected.rstrip('.')}; came {found}"


def markdown_trials(result: RunResult) -> Sequence[str]:
    """The table as lines of Markdown; none without trials."""
    if not result.trials:
        return []
    cells = [HEAD, ("---",) * len(HEAD), *trial_rows(result)]
    rows = ["| " + " | ".join(row) + " |" for row in cells]
    return [
        "## Trials",
        "",
        *rows,
        "",
        note(result),
        "",
        *(f"- {e}" for e in expectations(result)),
        "",
    ]
