"""A model against itself: how often the interval of the difference covers zero.

.venv/bin/python -m benchmarks.no_repair

`model=tiny method=none` at temperature 1, base and "repaired" sampled under different seeds and
without a cache: whatever differs is noise. Explore, split and the held-out sets are those of a run
with the quick budget; every held-out query is answered 40 times, and each of 2,000 draws takes two
different answers to every query, one as the base's and one as the repaired model's.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from a3.agents.explore import explore
from a3.agents.held_out import held_out
from a3.agents.split import split
from a3.config.compose import compose
from a3.judges import make_judge
from a3.measure.rates import failed, over_defensive
from a3.stats import Outcome, paired_difference
from a3.store import Cache, cache_root
from a3.target.local import LocalTarget
from a3.types.crew import Crew
from a3.types.observer import Silent
from a3.types.queries import Kind, Query

RESULT = Path(__file__).parent / "no_repair.json"
SAMPLES, DRAWS = 40, 2000


def measured(seed: int) -> dict[str, object]:
    config = compose(["model=tiny", "budget=quick", "method=none", f"seed={seed}"], RESULT.parent)
    judge = make_judge(config)
    target = LocalTarget(config.model, cache_root(), Cache(None), Silent())
    splits = split(config, explore(config, Crew(target, judge, Silent())))
    found: dict[str, object] = {"judge": judge.key, "samples": SAMPLES, "draws": DRAWS}
    for name in ("confirm", "ood"):
        queries = held_out(config, splits, name)
        decoding = config.decoding.model_copy(
            update={"temperature": 1.0, "samples": SAMPLES, "seed": 1}
        )
        answers = target.generate([q.conversation for q in queries], decoding, name)
        for kind, counts in ((Kind.HARMFUL, failed), (Kind.BENIGN, over_defensive)):
            asked = [
                (query, samples)
                for query, samples in zip(queries, answers, strict=True)
                if query.kind is kind and query.stratum in ("harmful", "known")
            ]
            given = [(query, sample) for query, samples in asked for sample in samples]
            hits = iter([counts(label) for label, _ in judge.rule_all(given, name)])
            rows = [(query, [next(hits) for _ in samples]) for query, samples in asked]
            found[f"{name}, {kind}"] = coverage(rows)
    return found


def coverage(rows: list[tuple[Query, list[bool | None]]]) -> dict[str, float]:
    """Share of draws whose interval covers zero, for both claims."""
    rng = np.random.default_rng(0)
    covered: dict[str, int] = defaultdict(int)
    for _ in range(DRAWS):
        picks = [rng.choice(SAMPLES, 2, replace=False) for _ in rows]
        base, repaired = (
            [
                Outcome(hit=hits[pick[side]], source=q.source_id, hypothesis=q.hypothesis_id)
                for (q, hits), pick in zip(rows, picks, strict=True)
            ]
            for side in (0, 1)
        )
        change = paired_difference(base, repaired, 0.95)
        assert change.low is not None and change.high is not None
        covered["these hypotheses"] += change.low <= 0 <= change.high
        if change.new is not None:
            covered["new hypotheses"] += change.new.low <= 0 <= change.new.high
    return {
        "queries": len(rows),
        "hypotheses": len({q.hypothesis_id for q, _ in rows}),
        "rate": float(np.mean([bool(h) for _, hits in rows for h in hits])),
        **{claim: n / DRAWS for claim, n in covered.items()},
    }


if __name__ == "__main__":
    # Seed 0 is the one on which the floor of the two-way variance was chosen, seed 1 is not.
    results = {f"seed {seed}": measured(seed) for seed in (0, 1)}
    RESULT.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))
