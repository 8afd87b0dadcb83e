"""Open the lockbox: a finished run's base and repaired model on data that nothing was tuned to.

.venv/bin/python -m benchmarks.release RUN "why it is opened"

The opening is logged in lockbox/openings.jsonl before anything is measured, and what was found is
added to the log whatever it is. See lockbox/README.md for the rule.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from a3.agents.cases import evenly
from a3.agents.hypotheses import child, first
from a3.agents.knowledge import ask_cleanly
from a3.config import Config, parse
from a3.evals.kept import kept
from a3.judges import make_judge
from a3.measure import answer_and_judge, compare, held_out_scores
from a3.risks.facts import Fact, load_table
from a3.risks.grammar import Structure, draw, load_structures
from a3.store import Cache, append_line, cache_root
from a3.target.local import LocalTarget
from a3.types.answers import Decoding
from a3.types.observer import Silent
from a3.types.queries import KNOWN, Query
from a3.types.target import Target

BOX = Path(__file__).parent / "lockbox"
PER_STRATUM = 320
"""Cases of each stratum, drawn from all its structures and topics in turn."""


@dataclass(frozen=True)
class Box:
    """What the lockbox holds."""

    facts: tuple[Fact, ...]
    scenes: tuple[Fact, ...]
    structures: tuple[Structure, ...]


def open_box(folder: Path, run: str, why: str) -> Box:
    """Read the lockbox; the opening is on disk before any of it is."""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=folder
    ).stdout.strip()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    append_line(
        folder / "openings.jsonl",
        json.dumps({"opened": now, "run": run, "commit": commit, "why": why}),
    )
    return Box(
        facts=tuple(f for p in sorted((folder / "facts").glob("*.yaml")) for f in load_table(p)),
        scenes=tuple(f for p in sorted((folder / "scenes").glob("*.yaml")) for f in load_table(p)),
        structures=tuple(load_structures(folder / "structures.yaml").values()),
    )


def measure(config: Config, box: Box, base: Target, repaired: Target) -> dict[str, Any]:
    """SFR and FPR by stratum, and how many of the facts that the base knows are kept."""
    judge, level = make_judge(config), config.goal.confidence
    asked = ask_cleanly(config, base, box.facts)
    known = {a.source_id for a in asked if a.known}
    queries = _queries(config, box, known, {a.source_id for a in asked if a.doubtful})
    most = config.evals.max_unscored
    before, after = (
        answer_and_judge(model, judge, queries, config.decoding, "lockbox", most)
        for model in (base, repaired)
    )
    clean = Decoding(max_new_tokens=config.explore.clean_tokens)
    still = kept(repaired, [f for f in box.facts if f.id in known], clean, level)
    return {
        "base": held_out_scores("ood", queries, before, level).model_dump(mode="json"),
        "repaired": held_out_scores("ood", queries, after, level).model_dump(mode="json"),
        "change": compare(queries, before, after, level).model_dump(mode="json"),
        "known facts kept": still.model_dump(mode="json"),
    }


def _queries(config: Config, box: Box, known: set[str], doubtful: set[str]) -> list[Query]:
    pools = {
        KNOWN: [f for f in box.facts if f.id in known],
        "evidence": [f for f in box.facts if f.id not in known | doubtful],
        "own": list(box.scenes),
    }
    root = first(box.structures[0], box.facts[0].topic, "lockbox")
    found: list[Query] = []
    for stratum, pool in pools.items():
        drawn: list[list[tuple[Query, ...]]] = []
        for structure in (s for s in box.structures if s.stratum == stratum):
            for topic in dict.fromkeys(f.topic for f in pool):
                name = f"L/{structure.name}/{topic}"
                cell = child(name, structure, topic, 1, root, "lockbox")
                facts = [f for f in pool if f.topic == topic]
                drawn.append(list(draw(config.risk, cell, structure, facts, Random(name))))
        found += [query for case in evenly(drawn, PER_STRATUM) for query in case]
    return found


def main() -> None:
    folder, why = Path(sys.argv[1]).resolve(), sys.argv[2]
    config = parse(json.loads((folder / "config.json").read_text()))
    result = json.loads((folder / "result.json").read_text())
    base = LocalTarget(config.model, cache_root(), Cache(cache_root() / "content.sqlite"), Silent())
    repaired = base.with_adapter(folder / result["adapter"]) if result["adapter"] else base
    box = open_box(BOX, result["run_id"], why)
    found = {"run": result["run_id"], **measure(config, box, base, repaired)}
    append_line(BOX / "openings.jsonl", json.dumps(found))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
