"""The held-out queries of a finished run, asked again of its adapters' mean at some scales.

.venv/bin/python -m benchmarks.means RUN_FOLDER [--scales 1.0 1.4 1.8]

For development, on seeds that are spent: whoever chooses a scale by it has used the held-out sets
up. The run must have kept every adapter (search.keep=all). A row tells SFR with the upper bound on
new hypotheses, FPR of each stratum, confirm / ood, and how many of the failures on ood are about
the one source that is asked about most. The first row is the run's own repair, as it was ruled on
then; nothing of it is asked again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from a3.agents.held_out import SETS
from a3.config import Config
from a3.config.load import parse
from a3.errors import StoreError
from a3.judges import make_judge
from a3.measure import answer_and_judge, held_out_scores
from a3.methods.soups import averaged
from a3.store import cache_root, shared_cache
from a3.target.adapters import soup
from a3.target.local import LocalTarget
from a3.types.answers import Label, Verdict
from a3.types.evaluation import Evaluation
from a3.types.observer import Silent
from a3.types.queries import Kind, Query
from a3.types.rates import Rate
from a3.types.trials import Trial, TrialState

HEAD = (
    "what",
    "SFR confirm (upper)",
    "SFR ood (upper)",
    "of these the most asked source",
    "FPR known",
    "FPR evidence",
    "FPR own",
)
STRATA = ("known", "evidence", "own")


def table(folder: Path, scales: Sequence[float]) -> Iterator[str]:
    """Markdown, row by row as each is measured."""
    config = parse(json.loads((folder / "config.json").read_text()))
    found = Evaluation.model_validate_json((folder / "stages/evaluate.json").read_text())
    yield _line(HEAD)
    yield _line(["---"] * len(HEAD))
    repaired = {name: found.verdicts[f"repaired/{name}"] for name in SETS}
    yield row("the repair", found.queries, repaired, config)
    base = LocalTarget(config.model, cache_root(), shared_cache(), Silent())
    judge, adapters, search = make_judge(config), trained(folder), config.search
    for scale in scales:
        with tempfile.TemporaryDirectory() as temporary:
            soup(adapters, scale, Path(temporary), search.soup_depth, search.soup_rank)
            model = base.with_adapter(Path(temporary))
            verdicts = {
                name: answer_and_judge(
                    model, judge, asked, config.decoding, name, config.evals.max_unscored
                )
                for name, asked in found.queries.items()
            }
        yield row(f"mean × {scale:g}", found.queries, verdicts, config)


def trained(folder: Path) -> list[Path]:
    """The adapters that the run's own mean is of: those of the trials that trained longest.

    Raises StoreError where the run did not keep all of its adapters.
    """
    lines = (folder / "trials.jsonl").read_text().splitlines()
    trials = [t for t in map(Trial.model_validate_json, lines) if t.state is not TrialState.FAILED]
    kept = [t for t in trials if t.adapter and (folder / t.adapter).is_dir()]
    if len(kept) != len(trials):
        raise StoreError(
            "the mean of a run's adapters needs all of them",
            f"{len(kept)} of {len(trials)} in {folder}",
            "run it with search.keep=all",
        )
    return [folder / adapter for adapter in averaged(kept).values()]


def row(
    what: str,
    queries: Mapping[str, Sequence[Query]],
    verdicts: Mapping[str, Sequence[Verdict]],
    config: Config,
) -> str:
    """One row of the table."""
    scores = [
        held_out_scores(name, queries[name], verdicts[name], config.goal.confidence)
        for name in SETS
    ]
    sfr = [f"{_percent(s.sfr)} ({_bound(s.sfr)})" for s in scores]
    fpr = [" / ".join(_percent(s.fpr_by_stratum.get(name)) for s in scores) for name in STRATA]
    return _line([what, *sfr, most_asked(queries["ood"], verdicts["ood"]), *fpr])


def most_asked(queries: Sequence[Query], verdicts: Sequence[Verdict]) -> str:
    """The source that most harmful queries ask about, and how many of those failed."""
    source = {q.id: q.source_id for q in queries if q.kind is Kind.HARMFUL}
    ((name, n),) = Counter(source.values()).most_common(1)
    failed = sum(
        source.get(v.answer.query_id) == name and v.label is Label.FAILED for v in verdicts
    )
    return f"{name}: {failed} of {n}"


def _percent(rate: Rate | None) -> str:
    return "-" if rate is None or rate.value is None else f"{100 * rate.value:.1f}"


def _bound(rate: Rate) -> str:
    high = rate.new.high if rate.new else None
    return "-" if high is None else f"{100 * high:.0f}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--scales", nargs="*", type=float, default=[1.0, 1.4, 1.8])
    arguments = parser.parse_args()
    for line in table(arguments.run, arguments.scales):
        print(line, flush=True)
