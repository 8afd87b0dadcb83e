"""SFR against FPR of what was measured on validation, as an inline SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from a3.report.trials import soup_name
from a3.types.results import RunResult, SoupSummary, TrialSummary

WIDTH, HEIGHT, MARGIN = 420, 300, 44
COLORS = {"repair": "#1f5fbf", "front": "#1a7f4b", "": "#9aa4b2"}
RADIUS, LETTER, LINE = 4.0, 6.5, 12.0
"""Of a dot; width of a letter and height of a name at font size 12."""


@dataclass(frozen=True)
class Box:
    """A rectangle of the picture."""

    left: float
    top: float
    right: float
    bottom: float

    def shares(self, other: Box) -> float:
        """Area that both cover."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, across) * max(0.0, down)


def scatter(result: RunResult) -> str:
    """SFR against mean FPR of every measured trial and soup; the front as a line."""
    shown = [
        (c, c.sfr, c.fpr)
        for c in (*result.trials, *result.soups)
        if c.sfr is not None and c.fpr is not None
    ]
    if not shown:
        return ""
    most = 1.1 * max(0.01, *(x for _, sfr, fpr in shown for x in (sfr, fpr)))  # Room for names.
    spots = [(c, _across(sfr / most), _up(fpr / most)) for c, sfr, fpr in shown]
    line = sorted((x, y) for c, x, y in spots if isinstance(c, TrialSummary) and c.front)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in line)
    drawn = [f'<polyline points="{path}" fill="none" stroke="{COLORS["front"]}"/>']
    names = [str(c.number) if isinstance(c, TrialSummary) else soup_name(c) for c, _, _ in spots]
    places = placed([(x, y) for _, x, y in spots], names)
    for (c, x, y), name, box in zip(spots, names, places, strict=True):
        color = COLORS[_role(c, result)]
        drawn.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS:g}" fill="{color}"/>'
            f'<text x="{box.left:.1f}" y="{box.bottom - 2:.1f}" fill="{color}">{name}</text>'
        )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" font-size="12" role="img" '
        f'aria-label="SFR and mean FPR of every trial">{_axes(most)}{"".join(drawn)}</svg>'
    )


def placed(spots: Sequence[tuple[float, float]], names: Sequence[str]) -> list[Box]:
    """Where the names go: each beside its dot, where it covers least of dots and other names."""
    taken = [Box(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for x, y in spots]
    found: list[Box] = []
    for (x, y), name in zip(spots, names, strict=True):
        free = [b for b in _around(x, y, LETTER * len(name)) if b.left >= 0 and b.right <= WIDTH]
        found.append(min(free, key=lambda box: sum(map(box.shares, taken))))
        taken.append(found[-1])
    return found


def _around(x: float, y: float, width: float) -> Iterator[Box]:
    """Beside a dot, then above and below it, then further away."""
    for far in (2, 14, 26, 38):
        gap = RADIUS + far
        for top in (y - LINE / 2, y - gap - LINE, y + gap):
            for left in (x + gap, x - gap - width):
                yield Box(left, top, left + width, top + LINE)


def _role(candidate: TrialSummary | SoupSummary, result: RunResult) -> str:
    if isinstance(candidate, SoupSummary):
        return "repair" if candidate.number == result.best_soup else ""
    if candidate.number == result.best_trial:
        return "repair"
    return "front" if candidate.front else ""


def _axes(most: float) -> str:
    """From 0 to the largest value, both alike."""
    left, right, bottom, top = MARGIN, WIDTH - MARGIN, HEIGHT - MARGIN, MARGIN
    ink = 'fill="#566070"'
    return (
        f'<polyline points="{left},{top} {left},{bottom} {right},{bottom}" fill="none" '
        'stroke="#aab"/>'
        f'<text x="{right}" y="{bottom + 18}" {ink} text-anchor="end">SFR, to {most:.0%}</text>'
        f'<text x="{left}" y="{top - 10}" {ink}>mean FPR, to {most:.0%}</text>'
        f'<text x="{left - 6}" y="{bottom + 14}" {ink} text-anchor="end">0</text>'
    )


def _across(share: float) -> float:
    return MARGIN + (WIDTH - 2 * MARGIN) * share


def _up(share: float) -> float:
    return HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * share
