"""What thirty trainings are best spent on: new configurations, or the best ones again.

.venv/bin/python -m benchmarks.reruns     # 10 s

A configuration's worth, what a seed adds to it and what validation gets wrong are drawn from normal
distributions; the best configurations by one noisy look are trained again on fresh seeds, the one
with the best mean over those wins, and its first fresh seed is the repair (a3/search/selection.py).
Told is the true worth of that repair in standard deviations of configurations, lower being better.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

TRAININGS, DRAWS = 30, 40_000
WAYS = ((1, 0), (2, 2), (2, 1), (3, 1), (4, 1))
"""How many of the best are trained again, and how often each."""
SPREADS = ((1, 1), (0.5, 1), (0.5, 0.5), (1, 2), (0.3, 2), (2, 1))
"""Of seeds, and of what validation gets wrong."""


def worth(top: int, again: int, seeds: float, noise: float) -> float:
    """Of the repair, on average."""
    rng = np.random.default_rng(0)

    def seen(true: np.ndarray) -> np.ndarray:
        return true + rng.normal(0, noise, true.shape)

    configurations = rng.normal(0, 1, (DRAWS, TRAININGS - top * again))
    first = configurations + rng.normal(0, seeds, configurations.shape)
    best = np.argsort(seen(first), axis=1)[:, :top]
    if not again:
        return float(np.take_along_axis(first, best, axis=1)[:, 0].mean())
    kept = np.take_along_axis(configurations, best, axis=1)[:, :, None]
    fresh = kept + rng.normal(0, seeds, (DRAWS, top, again))
    winner = seen(fresh).mean(axis=2).argmin(axis=1)
    return float(fresh[np.arange(DRAWS), winner, 0].mean())


def rows() -> Iterator[list[str]]:
    """One for each pair of spreads."""
    yield ["seeds", "noise", *(f"{top} x {again}" if again else "none" for top, again in WAYS)]
    for seeds, noise in SPREADS:
        found = [f"{worth(top, again, seeds, noise):.2f}" for top, again in WAYS]
        yield [f"{seeds:g}", f"{noise:g}", *found]


if __name__ == "__main__":
    for number, row in enumerate(rows()):
        print("| " + " | ".join(row) + " |")
        if not number:
            print("|---" * len(row) + "|")
