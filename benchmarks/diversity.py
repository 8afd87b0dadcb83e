"""How many different facts and scenes the tables hold: size, effective answers, effective facts.

.venv/bin/python -m benchmarks.diversity
"""

import json
from pathlib import Path

from a3.risks.diversity import Diversity, diversity
from a3.risks.facts import FOLDER, SCENES, load_table

RESULT = Path(__file__).with_suffix(".json")
FEW = 0.4
"""A table with fewer effective answers than this share of its rows is noted."""


def measure() -> dict[str, Diversity]:
    """Every table by name, and each folder as a whole."""
    found: dict[str, Diversity] = {}
    for folder in (FOLDER, SCENES):
        tables = {p.stem: load_table(p) for p in sorted(folder.glob("*.yaml"))}
        found |= {name: diversity(facts) for name, facts in tables.items()}
        found[f"all {folder.name}"] = diversity([f for facts in tables.values() for f in facts])
    return found


def note(found: dict[str, Diversity]) -> str:
    few = [k for k, d in found.items() if d.answers < FEW * d.n and not k.startswith("all ")]
    return f"few different answers (under {FEW:.0%} of the rows): {', '.join(few) or 'none'}"


if __name__ == "__main__":
    found = measure()
    rows = {
        name: {"n": d.n, "answers": round(d.answers, 1), "facts": round(d.facts, 1)}
        for name, d in found.items()
    }
    print("| table | n | effective answers | effective facts |\n|---|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | {row['n']} | {row['answers']} | {row['facts']} |")
    print(f"\n{note(found)}")
    RESULT.write_text(json.dumps(rows, indent=1) + "\n")
