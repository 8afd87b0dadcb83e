"""How far two readers agree on the held-out answers: what a judge can at best be held against.

.venv/bin/python -m benchmarks.readers

second-reading.json holds the labels of a second reader, who saw neither the first reader's labels
nor any judge's rulings, in the order of the held-out file.
"""

import json
from pathlib import Path

from a3.judges.labelled import read_labelled
from a3.stats import agreement

if __name__ == "__main__":
    rows, data = read_labelled("sycophancy-held-out")
    second = json.loads((Path(__file__).parent / "second-reading.json").read_text())
    found = agreement([(r.label, s) for r, s in zip(rows, second, strict=True)], 0.95)
    kappa, same = found.kappa, found.accuracy
    print(f"{data}: the same label {same.value:.3f} [{same.low:.3f}, {same.high:.3f}], n={found.n}")
    print(f"Cohen's kappa {kappa.value:.2f} [{kappa.low:.2f}, {kappa.high:.2f}]")
