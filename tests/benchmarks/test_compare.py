"""Comparing methods over finished runs, here made by hand."""

import json
import re

import pytest

from a3.errors import StoreError
from a3.measure import compare, held_out_scores
from a3.stats import Outcome, paired_difference, rate
from a3.types.answers import Label
from a3.types.evaluation import Evaluation
from a3.types.rates import MeanKL
from a3.types.results import (
    Cost,
    ModelReport,
    ModelScores,
    Provenance,
    RunComparison,
    RunResult,
    VerdictKind,
)
from a3.types.scores import CapabilityItem, CapabilityScores
from benchmarks.compare import comparison
from benchmarks.figures import SETS, differences
from benchmarks.finished import Finished, grouped, read
from tests.measure.test_rates import case

N = 20
"""Harmful queries of each set, and benign twins."""
DRIFT = MeanKL(value=0.25, n=8, low=0.2, high=0.3)


def config(method, seed=0, respond="self", search="tpe"):
    return {
        "seed": seed,
        "method": {"name": method},
        "respond": {"source": respond},
        "search": {"name": search},
        "train": {"objective": "sft"},
        "goal": {"name": "default", "confidence": 0.95},
    }


def answered(fails, over):
    """`fails` of the harmful queries fail, `over` of the benign ones are refused."""
    harmful = [Label.FAILED] * fails + [Label.SAFE] * (N - fails)
    benign = [Label.OVER_DEFENSIVE] * over + [Label.APPROPRIATE] * (N - over)
    return case(harmful, benign)


def capability(right):
    items = (CapabilityItem(id=str(i), correct=i < right, logprob=-1.0) for i in range(N))
    return CapabilityScores(tasks={"everyday": tuple(items)})


def evaluated(fails, over, right):
    """Base: everything fails, nothing is refused, half is right."""
    queries, before = answered(N, 0)
    _, after = answered(fails, over)

    def scores(verdicts, known):
        sets = {s: held_out_scores(s, queries, verdicts, 0.95) for s in SETS}
        return ModelScores(**sets, capability=capability(known))

    return Evaluation(
        base=scores(before, N // 2),
        repaired=scores(after, right),
        confirm=compare(queries, before, after, 0.95),
        ood=compare(queries, before, after, 0.95),
        kl_neutral=DRIFT,
        kl_task=DRIFT,
        kept=rate([], 0.95),
        queries={s: tuple(queries) for s in SETS},
        verdicts={
            f"{who}/{s}": tuple(mine)
            for who, mine in (("base", before), ("repaired", after))
            for s in SETS
        },
    )


def reported(scores, right, **kl):
    known = rate(right_or_wrong(right), 0.95)
    return ModelReport(
        validation=None,
        confirm=scores.confirm,
        ood=scores.ood,
        capability={"everyday": known},
        **kl,
    )


def right_or_wrong(right):
    return [Outcome(i < right, source=str(i)) for i in range(N)]


def finished(method="a3", seed=0, fails=5, over=2, right=8, stored=True, **choices) -> Finished:
    found = evaluated(fails, over, right)
    change = paired_difference(right_or_wrong(N // 2), right_or_wrong(right), 0.95)
    result = RunResult(
        run_id=f"{method}-{seed}",
        status="complete",
        risk=choices.pop("risk", "sycophancy"),
        model="tiny",
        method=method,
        seed=seed,
        verdict=VerdictKind.MISSED,
        reasons=(),
        provisional=None,
        best_trial=0,
        n_trials=5,
        adapter=None,
        objective=0.5,
        base=reported(found.base, N // 2),
        repaired=reported(found.repaired, right, kl_neutral=DRIFT, kl_task=DRIFT),
        comparison=RunComparison(
            confirm=found.confirm,
            ood=found.ood,
            capability={"everyday": change},
            capability_logprob={"everyday": change},
        ),
        cost=Cost(trained_tokens=123_456),
        seconds={"explore": 60.0, "repair": 180.0},
        provenance=Provenance(
            commit=None,
            dirty=None,
            python="3.12",
            versions={},
            weights="-",
            dtype="float32",
            device="cpu",
            prompts={},
            judge="rules-1",
        ),
    )
    return Finished(config(method, seed, **choices), result, found if stored else None)


def cells(text, section, name):
    """The cells of one line of one section, by the section's header."""
    part = text.split(f"## {section}\n")[1].split("\n## ")[0]
    table = [line[2:-2].split(" | ") for line in part.splitlines() if line.startswith("|")]
    header = table[0]
    (line,) = (row for row in table if row[0] == name)
    return dict(zip(header, line, strict=True))


def test_columns_are_named_by_what_differs_within_a_method():
    rows = grouped(
        [
            finished("a3"),
            finished("random_mix"),
            finished("a3", respond="template"),
            finished("none", search="random"),
            finished("a3", seed=1),
        ]
    )
    assert list(rows) == ["a3 respond=self", "random_mix", "a3 respond=template", "none"]
    assert sorted(rows["a3 respond=self"]) == [0, 1]


def test_a_choice_that_plays_no_part_in_a_method_does_not_split_it():
    runs = [finished("random_mix"), finished("random_mix", seed=1, search="random")]
    assert list(grouped(runs)) == ["random_mix"]


@pytest.mark.parametrize(
    ("runs", "found"),
    [
        ([], "no runs"),
        ([finished(), finished(seed=1, risk="jailbreak")], "jailbreak on tiny"),
        ([finished(), finished()], "two runs of `a3` with seed 0"),
    ],
)
def test_runs_that_do_not_belong_together_are_refused(runs, found):
    with pytest.raises(StoreError, match=found):
        grouped(runs)


def test_an_unfinished_run_is_refused(tmp_path):
    with pytest.raises(StoreError, match="only finished runs"):
        read(tmp_path)


def test_a_run_reads_back_from_its_folder(tmp_path):
    run = finished()
    (tmp_path / "stages").mkdir()
    (tmp_path / "config.json").write_text(json.dumps(run.config))
    (tmp_path / "result.json").write_text(run.result.model_dump_json())
    assert read(tmp_path).evaluation is None
    (tmp_path / "stages/evaluate.json").write_text(run.evaluation.model_dump_json())
    assert read(tmp_path) == run


def test_one_seed_shows_every_figure_of_every_method():
    text = comparison([finished("a3", fails=5), finished("random_mix", fails=10, over=4)])
    sfr = cells(text, "Seed 0", "SFR, ood, %")
    assert sfr["base"].startswith("100.0 [")
    assert sfr["a3"].startswith("25.0 [") and sfr["random_mix"].startswith("50.0 [")
    fpr = cells(text, "Seed 0", "FPR known, confirm, %")
    assert fpr["a3"].startswith("10.0 [") and fpr["random_mix"].startswith("20.0 [")
    change = cells(text, "Seed 0", "capability everyday, change in points")
    assert change["base"] == "-" and change["a3"].startswith("-10.0 [")
    assert cells(text, "Seed 0", "KL, task")["a3"] == "0.250 [0.200, 0.300]"
    assert cells(text, "Seed 0", "KL, task")["base"] == "-"
    assert cells(text, "Seed 0", "trained tokens")["a3"] == "123,456"
    assert cells(text, "Seed 0", "minutes")["a3"] == "4.0"
    assert cells(text, "Seed 0", "verdict")["a3"] == "missed"


def test_all_seeds_give_the_rate_over_their_items_and_each():
    text = comparison([finished(seed=0, fails=4), finished(seed=1, fails=8)])
    cell = cells(text, "All seeds", "SFR, confirm, %")["a3 (0, 1)"]
    value, low, high, *each = map(float, re.findall(r"[\d.]+", cell))
    assert value == 30.0 and each == [20.0, 40.0]
    assert 0 < low < value < high < 100
    assert cells(text, "All seeds", "KL, neutral")["a3 (0, 1)"] == "0.250 (0.250, 0.250)"


def test_without_stored_verdicts_there_is_a_mean_and_no_interval():
    text = comparison([finished(seed=0, fails=4, stored=False), finished(seed=1, fails=8)])
    assert cells(text, "All seeds", "SFR, ood, %")["a3 (0, 1)"] == "30.0 (20.0, 40.0)"


def test_differences_pair_items_of_the_same_seeds():
    runs = [finished("a3", seed=s, fails=5) for s in (0, 1)]
    runs += [finished("random_mix", seed=s, fails=9) for s in (1, 2)]
    text = comparison(runs)
    section = "random_mix minus a3, item by item, in points"
    assert "Seeds: 1." in text.split(f"## {section}")[1]
    _, these, _, items = cells(text, section, "SFR, ood").values()
    assert these.startswith("+20.0 [") and items == str(N)


def test_a_difference_over_two_seeds_counts_each_item_and_keeps_its_sign():
    pairs = [(finished(seed=s, fails=9), finished("none", seed=s, fails=5)) for s in (0, 1)]
    change = dict(differences(pairs, 0.95))["SFR, confirm"]
    assert (change.difference, change.n_pairs) == (pytest.approx(-0.2), 2 * N)
    assert change.n_clusters == N  # Both seeds asked for the same facts.
    assert change.low < -0.2 < change.high


def test_runs_that_were_asked_other_queries_are_not_paired():
    other = finished("random_mix")
    queries = other.evaluation.queries | {"ood": other.evaluation.queries["ood"][:-1]}
    changed = other.evaluation.model_copy(update={"queries": queries})
    for run in (
        Finished(other.config, other.result, changed),
        finished("random_mix", stored=False),
    ):
        text = comparison([finished("a3"), run])
        end = text.split("## random_mix minus a3, item by item, in points")[1]
        assert "Seeds: none." in end
        assert "Without stored verdicts on the same queries: 0." in end
        assert "|" not in end
