"""report.html: one page that a person can read, in one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from string import Template

from a3.report.cost import HEAD as COST_HEAD
from a3.report.cost import cost_line, cost_rows
from a3.report.learned import HEAD as HEAD_LEARNED
from a3.report.learned import NOTE as NOTE_LEARNED
from a3.report.learned import learned_rows
from a3.report.scatter import scatter
from a3.report.table import HEADER, explored, headline, judge_line, made_under, rows
from a3.report.trials import HEAD, expectations, note, trial_rows
from a3.types.answers import Label, Verdict
from a3.types.evaluation import Evaluation
from a3.types.explored import RoundTotals
from a3.types.results import RunResult

TEMPLATE = Path(__file__).with_name("page.html")
BAD = frozenset({Label.FAILED, Label.OVER_DEFENSIVE, Label.INCOHERENT})
EACH = 3
"""Examples shown of each kind of change."""
WIDTH, HEIGHT, MARGIN = 640, 200, 36


def page(result: RunResult, evaluation: Evaluation) -> str:
    """The whole page; every text that a model wrote is escaped."""
    curve_head, _, *curve_rows = list(explored(result)) or [(), ()]
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(f"{result.risk} on {result.model}"),
        subtitle=escape(
            f"method {result.method}, seed {result.seed}, run {result.run_id}, "
            f"{sum(result.seconds.values()) / 60:.1f} minutes, "
            f"{result.cost.generated_tokens:,} tokens generated, "
            f"{result.cost.trained_tokens:,} trained"
        ),
        verdict=result.verdict,
        headline=escape(f"Verdict: {headline(result)}"),
        reasons="".join(f'<li class="{_side(r)}">{escape(r)}</li>' for r in result.reasons),
        table=_table(HEADER, rows(result)),
        judge=escape(f"{judge_line(result)}.{made_under(result)}"),
        curve=_curve(result.explored),
        rounds=_table(curve_head, curve_rows),
        learned=_learned(result),
        trials=_trials(result),
        calls=_calls(result),
        answers="".join(_answers(evaluation)),
    )


def _learned(result: RunResult) -> str:
    """The section of the training data, an example of each stratum; nothing where none trained."""
    if not result.learned:
        return ""
    shown = "".join(
        f'<div class="pair"><div class="chat">{escape(row.chat)}</div><div>'
        f'<div class="label">learned, {escape(row.stratum)}</div>'
        f'<div class="said">{escape(row.answer)}</div></div></div>'
        for row in result.learned
    )
    table = _table(HEAD_LEARNED, learned_rows(result))
    told = f'<p class="note">{escape(NOTE_LEARNED)} One example of each:</p>'
    return f"<h2>What it learned from</h2><table>{table}</table>{told}{shown}"


def _trials(result: RunResult) -> str:
    """The section of the trials; nothing where a method has none."""
    if not result.trials:
        return ""
    told = "".join(f"<li>{escape(e)}</li>" for e in expectations(result))
    return (
        f"<h2>Trials</h2>{scatter(result)}<table>{_table(HEAD, trial_rows(result))}</table>"
        f'<p class="note">{escape(note(result))}</p><ul>{told}</ul>'
    )


def _calls(result: RunResult) -> str:
    """The section of what was paid for; nothing where nobody was called."""
    line = cost_line(result.cost)
    if line is None:
        return ""
    shown = _table(COST_HEAD, cost_rows(result.cost))
    return f'<h2>Calls</h2><table>{shown}</table><p class="note">{escape(line)}.</p>'


def _side(reason: str) -> str:
    return next((s for s in ("good", "bad", "open") if f": {s} " in reason), "")


def _table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(c)}</{tag}>" for c in cells) + "</tr>"

    return row(head, "th") + "".join(row(cells, "td") for cells in body)


def _curve(points: Sequence[RoundTotals]) -> str:
    """Failures and cells found against harmful queries asked, each on its own scale."""
    if len(points) < 2:
        return ""
    most = points[-1].queries or 1
    lines = [
        ("failures found", "#b3261e", [p.failures for p in points]),
        ("cells found", "#1f5fbf", [p.found for p in points]),
    ]
    drawn: list[str] = []
    for index, (name, color, values) in enumerate(lines):
        top = max(values) or 1
        spots = [
            (
                MARGIN + (WIDTH - 2 * MARGIN) * p.queries / most,
                HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * value / top,
            )
            for p, value in zip(points, values, strict=True)
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in spots]
        drawn.append(
            f'<text x="{MARGIN + 8}" y="{MARGIN + 16 * index}" fill="{color}">'
            f"{name}: {values[-1]}</text>"
        )
    axis = HEIGHT - MARGIN
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" font-size="12" role="img" '
        'aria-label="failures and cells found against queries asked">'
        f'<line x1="{MARGIN}" y1="{axis}" x2="{WIDTH - MARGIN}" y2="{axis}" stroke="#aab"/>'
        f'<text x="{MARGIN}" y="{axis + 18}" fill="#566070">0</text>'
        f'<text x="{WIDTH - MARGIN}" y="{axis + 18}" fill="#566070" text-anchor="end">'
        f"{most} harmful queries</text>{''.join(drawn)}</svg>"
    )


def _answers(evaluation: Evaluation) -> Iterator[str]:
    """Examples in the order in which they were asked, by what became of them."""
    for name in evaluation.queries:
        pairs = list(
            zip(
                evaluation.verdicts[f"base/{name}"],
                evaluation.verdicts[f"repaired/{name}"],
                strict=True,
            )
        )
        for title, wanted in (
            ("repaired", (True, False)),
            ("broken", (False, True)),
            ("still bad", (True, True)),
        ):
            chosen = [p for p in pairs if (p[0].label in BAD, p[1].label in BAD) == wanted]
            yield f"<h3>{escape(name)}: {title} ({len(chosen)} of {len(pairs)})</h3>"
            yield from (_pair(before, after) for before, after in chosen[:EACH])


def _pair(before: Verdict, after: Verdict) -> str:
    *chat, _ = before.answer.transcript.messages
    said = "\n".join(f"{m.role}: {m.content}" for m in chat)
    sides = "".join(
        f'<div><div class="label">{who}: {v.label}</div>'
        f'<div class="said">{escape(v.answer.text)}</div></div>'
        for who, v in (("base", before), ("repaired", after))
    )
    return f'<div class="pair"><div class="chat">{escape(said)}</div>{sides}</div>'
