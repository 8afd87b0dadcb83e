"""Live progress in a terminal; plain lines where there is none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from a3.types.events import (
    CallsPaused,
    Event,
    FactsAsked,
    MemoryShort,
    ResponsesMade,
    RoundMeasured,
    RunStarted,
    Selected,
    SoupMeasured,
    SplitMade,
    StageFinished,
    StageStarted,
    TrialFinished,
)
from a3.types.llm import TokenUsage
from a3.types.rates import Rate
from a3.types.results import CallCost, Cost
from a3.types.trials import Candidate, again

PLAIN_EVERY_S = 15.0
"""Without a terminal, progress is a line at most this often."""


def percent(rate: Rate) -> str:
    """A rate as people read it."""
    return "-" if rate.value is None else f"{100 * rate.value:.0f} % ({rate.hits}/{rate.n})"


def spent(calls: Iterable[CallCost]) -> str:
    """Calls, tokens and dollars; a sum with an unknown price is unknown."""
    made = list(calls)
    known = [c.usd for c in made if c.usd is not None]
    dollars = f"${sum(known):,.2f}" if len(known) == len(made) else "price unknown"
    n, tokens = sum(c.calls for c in made), sum(c.usage.total for c in made)
    return f"{n:,} {'call' if n == 1 else 'calls'}, {tokens:,} tokens, {dollars}"


class _Bars(Progress):
    """Progress bars with lines of text below them."""

    below: Callable[[], Sequence[str]] = list

    def get_renderables(self) -> Iterable[RenderableType]:
        """Asked for several times a second."""
        yield from super().get_renderables()
        yield from (Text(line, style="dim") for line in self.below())


class ConsoleObserver:
    """Shows stages, progress bars, what is spent and one line for every finding."""

    def __init__(self, console: Console, cost: Callable[[], Cost] = Cost) -> None:
        self.console, self._cost = console, cost
        self._stage = ""
        self._last_line = time.monotonic()
        self._progress = _Bars(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._progress.below = lambda: list(self._spent())
        self._tasks: dict[str, int] = {}

    def __enter__(self) -> ConsoleObserver:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def event(self, event: Event) -> None:
        """One line for what is worth one."""
        if isinstance(event, StageStarted):
            self._stage = event.stage
        line = self._line(event)
        if line:
            # No markup: agents and services write some of it, and a bracket of theirs is no style.
            self.console.print(line, highlight=False, markup=False)

    def progress(self, what: str, done: int, total: int) -> None:
        """Move the bar of this piece of work; it disappears when done."""
        if not self.console.is_terminal:
            self._plain(what, done, total)
            return
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.update(
            self._tasks[what],  # type: ignore[arg-type]
            completed=done,
            total=total,
        )
        if done >= total:
            self._progress.remove_task(self._tasks.pop(what))  # type: ignore[arg-type]

    def spend(self, what: str, amount: int) -> None:
        """Shown at the end, with the result."""

    def called(self, model: str, usage: TokenUsage, usd: float | None) -> None:
        """Read from the ledger, which knows of earlier attempts and of caps."""

    def metrics(self, values: Mapping[str, float], trial: int | None = None) -> None:
        """Shown as tables, not as they come."""

    def _plain(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last_line >= PLAIN_EVERY_S:
            self._last_line = now
            told = "".join(f"; {line}" for line in self._spent())
            line = f"    {what}: {done} of {total}{told}"
            self.console.print(line, highlight=False, markup=False)

    def _spent(self) -> Iterator[str]:
        """By the stage, model by model, and by the whole run; nothing where nobody was called."""
        calls = self._cost().calls
        if mine := [c for c in calls if c.stage == self._stage]:
            by_model = [f"{c.model} {spent([c])}" for c in mine] if _several(calls) else []
            yield f"{self._stage}: {', '.join(by_model) or spent(mine)}"
        if calls:
            models = dict.fromkeys(c.model for c in calls) if _several(calls) else ()
            each = [f"{m} {spent(c for c in calls if c.model == m)}" for m in models]
            yield f"run: {spent(calls)}" + (f" ({', '.join(each)})" if each else "")

    def _line(self, event: Event) -> str | Text | None:
        match event:
            case RunStarted():
                verb = "resuming" if event.resumed else "run"
                cost = f"\n  {event.cost}" if event.cost else ""
                return Text.assemble(
                    ("a3", "bold"), f" {verb} {event.run_id} (seed {event.seed}){cost}"
                )
            case StageStarted():
                return Text(event.stage, "bold")
            case StageFinished():
                told = "".join(f"; {line}" for line in self._spent())
                return Text(f"  {event.stage} took {event.seconds:.0f} s{told}", "dim")
            case FactsAsked():
                return f"  {event.topic}: knows {event.known} of {event.asked} facts"
            case RoundMeasured():
                t = event.totals
                return (
                    f"  round {t.round}: {t.hypotheses} hypotheses, {t.failures} failures in "
                    f"{t.queries} harmful queries, {t.found} cells above 20 %"
                )
            case SplitMade():
                n, m = len(event.training), len(event.ood)
                return f"  {n} hypotheses train, {m} wait as OOD: {event.reason}"
            case ResponsesMade():
                n = len(event.yields) - len(event.uncovered)
                why = ", ".join(f"{many} {w}" for w, many in event.general_dropped.items())
                left = f" (left out: {why})" if why else ""
                failed = ", ".join(f"{many} {kind}" for kind, many in event.unwritten.items())
                by_agent = f"; the agent's that failed: {failed}" if failed else ""
                general = f"{event.n_general} general examples{left}"
                held = f"{event.n_beliefs} about beliefs, " if event.n_beliefs else ""
                return f"  answers for {n} hypotheses, {held}{general}{by_agent}"
            case TrialFinished() | SoupMeasured() | MemoryShort() | CallsPaused() | Selected():
                return _repair_line(event)
            case _:
                return None


def _several(calls: Iterable[CallCost]) -> bool:
    """Whether more than one model was called."""
    return len({c.model for c in calls}) > 1


def _repair_line(
    event: TrialFinished | SoupMeasured | MemoryShort | CallsPaused | Selected,
) -> str:
    match event:
        case TrialFinished():
            return _trial_line(event)
        case SoupMeasured():
            s = event.soup
            what = f"  the mean of {len(s.trials)} adapters × {s.scale:g}"
            if s.partial is not None:
                return f"{what} dropped: {s.partial.reason}"
            return f"{what}: {_figures(s)}" if s.scores else f"{what} not measured: {s.error}"
        case MemoryShort():
            return f"  memory ran out: {event.what} goes on in {event.parts} parts a batch"
        case CallsPaused():
            return f"  {event.what}: waiting {event.seconds:.0f} s ({event.reason})"
        case Selected():
            r = event.repair
            front = ", ".join(map(str, r.front)) or "none"
            if r.adapter is None:
                return f"  no repair came of {r.n_trials} trials"
            chosen = f"trial {r.trial}" if r.soup is None else f"the mean of trials (soup {r.soup})"
            return f"  {chosen} is the repair, of {r.n_trials} trials; on the front: {front}"


def _trial_line(event: TrialFinished) -> str:
    trial = event.trial
    if trial.partial is not None:
        return f"  trial {trial.number} dropped: {trial.partial.reason}"
    if trial.scores is None:
        return f"  trial {trial.number} failed: {trial.error}"
    c = trial.proposal.config
    rerun = "" if trial.rerun_of is None else f"{again(trial.rerun_of, trial.proposal.length)}, "
    return (
        f"  trial {trial.number} ({rerun}lr {c.learning_rate:.1e}, rank {c.lora.rank}, "
        f"{c.epochs} epochs, {c.general_share:.0%} general): {_figures(trial)}"
    )


def _figures(candidate: Candidate) -> str:
    """What was measured of it on validation."""
    assert candidate.scores is not None
    v, drift = candidate.scores.validation, candidate.scores.kl_task.value
    return (
        f"SFR {percent(v.sfr)}, FPR {percent(v.fpr)}, "
        f"KL {'-' if drift is None else f'{drift:.3f}'}, objective {candidate.objective:.3f}"
    )
