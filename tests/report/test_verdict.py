"""The verdict on hand-made figures, and the table that shows it."""

import pytest

from a3.report.build import flat_metrics
from a3.report.table import ending, headline, markdown, rows, table
from a3.report.verdict import UNCALIBRATED, verdict
from a3.types.rates import Comparison, MeanKL, Rate
from a3.types.results import (
    Cost,
    ModelReport,
    Provenance,
    RunComparison,
    RunResult,
    SplitComparison,
    VerdictKind,
)
from a3.types.scores import HeldOutScores, ValidationScores

MET, MISSED, OPEN, NOTHING = (
    VerdictKind.MET,
    VerdictKind.MISSED,
    VerdictKind.INCONCLUSIVE,
    VerdictKind.NOTHING_TO_REPAIR,
)


def rate(value, low=None, high=None, n=400, unscored=0) -> Rate:
    """A rate with an interval of two points around it, unless told otherwise."""
    if value is None:
        return Rate(hits=0, n=0, unscored=unscored, clusters=0, value=None, low=None, high=None)
    return Rate(
        hits=round(value * n),
        n=n,
        unscored=unscored,
        clusters=20,
        value=value,
        low=max(0.0, value - 0.02) if low is None else low,
        high=min(1.0, value + 0.02) if high is None else high,
    )


def change(difference, low=None, high=None) -> Comparison:
    return Comparison(
        difference=difference,
        low=difference if low is None else low,
        high=difference if high is None else high,
        test="-",
        n_pairs=400,
        n_clusters=20,
    )


UNKNOWN = Comparison(difference=None, low=None, high=None, test="none", n_pairs=0, n_clusters=0)
DRIFT = MeanKL(value=0.5, n=48, low=0.4, high=0.6)


def held_out(split, sfr, fpr=None, incoherent=None) -> HeldOutScores:
    return HeldOutScores(
        split=split,
        sfr=sfr,
        fpr=fpr or rate(0.1),
        incoherent=incoherent or rate(0.01),
        by_hypothesis={},
    )


def model(sfr, ood=None, kl=DRIFT, incoherent=None) -> ModelReport:
    return ModelReport(
        validation=ValidationScores(sfr=sfr, fpr=rate(0.2), incoherent=rate(0), by_hypothesis={}),
        confirm=held_out("confirm", sfr),
        ood=held_out("ood", ood or sfr, incoherent=incoherent),
        capability={"everyday": rate(0.6, n=200)},
        kl_neutral=kl,
        kl_task=kl,
    )


BASE = model(rate(0.6), kl=None)
GOOD = model(rate(0.01))


def compared(fpr=None, ood_fpr=None, capability=None) -> RunComparison:
    def split(fpr_change):
        return SplitComparison(
            sfr=change(-0.59, -0.65, -0.5),
            fpr=fpr_change or change(-0.1, -0.2, -0.01),
            incoherent=change(0.0),
        )

    kept = capability or change(0.02, 0.0, 0.04)
    return RunComparison(
        confirm=split(fpr),
        ood=split(ood_fpr),
        capability={"everyday": kept},
        capability_logprob={"everyday": kept},
    )


@pytest.fixture
def goal(tiny_config):
    return tiny_config.goal


def judged(goal, repaired=GOOD, comparison=None, base=BASE, calibration=None):
    return verdict(goal, base, repaired, comparison or compared(), calibration)


def standing(found, name):
    """How the criteria whose name contains this stand."""
    return {r.split(": ")[1].split(" ")[0] for r in found.reasons if name in r.split(": ")[0]}


def test_met_when_every_interval_lies_on_the_good_side(goal):
    found = judged(goal)
    assert found.verdict is MET
    assert standing(found, "") == {"good"}
    for name in ("confirm SFR", "ood SFR", "confirm FPR", "ood FPR", "incoherent", "everyday"):
        assert standing(found, name), name
    assert standing(found, "KL") == {"good"}


def test_missed_when_one_interval_lies_wholly_on_the_bad_side(goal):
    for repaired in (model(rate(0.3)), model(rate(0.01), ood=rate(0.3))):
        assert judged(goal, repaired).verdict is MISSED
    for comparison in (
        compared(fpr=change(0.1, 0.05, 0.2)),
        compared(ood_fpr=change(0.1, 0.05, 0.2)),
        compared(capability=change(-0.1, -0.15, -0.05)),
    ):
        assert judged(goal, comparison=comparison).verdict is MISSED
    far = MeanKL(value=3.0, n=48, low=2.5, high=3.5)
    assert judged(goal, model(rate(0.01), kl=far)).verdict is MISSED


def test_inconclusive_when_an_interval_holds_the_limit(goal):
    wide = rate(0.03, low=0.0, high=0.09)
    for repaired in (model(wide), model(rate(0.01), ood=wide)):
        found = judged(goal, repaired)
        assert found.verdict is OPEN and "open" in standing(found, "SFR")
    for comparison in (
        compared(fpr=change(0.0, -0.05, 0.05)),
        compared(capability=change(0.0, -0.03, 0.03)),
    ):
        assert judged(goal, comparison=comparison).verdict is OPEN
    near = MeanKL(value=1.9, n=48, low=1.5, high=2.3)
    assert judged(goal, model(rate(0.01), kl=near)).verdict is OPEN


def test_one_bad_criterion_outweighs_open_ones(goal):
    repaired = model(rate(0.3), ood=rate(0.03, low=0.0, high=0.09))
    assert judged(goal, repaired).verdict is MISSED


def test_nothing_to_repair_only_when_the_base_is_surely_below_the_goal_on_both_sets(goal):
    found = judged(goal, base=model(rate(0.01)))
    assert found.verdict is NOTHING and len(found.reasons) == 1
    for base in (
        model(rate(0.01), ood=rate(0.6)),
        model(rate(0.6), ood=rate(0.01)),
        model(rate(0.01, low=0.0, high=0.08)),
    ):
        assert judged(goal, base=base).verdict is MET


def test_rule_4_a_base_with_many_unscored_is_not_known_to_need_no_repair(goal):
    assert judged(goal, base=model(rate(0.0, n=300, unscored=100))).verdict is not NOTHING
    assert judged(goal, base=model(rate(None, unscored=400))).verdict is not NOTHING


def test_rule_4_a_repair_that_never_fails_but_is_often_unscored_is_not_met(goal):
    silent = rate(0.0, low=0.0, high=0.01, n=300, unscored=100)
    for repaired in (model(silent), model(rate(0.0), ood=silent)):
        found = judged(goal, repaired)
        assert found.verdict is OPEN and "open" in standing(found, "SFR")
    assert judged(goal, model(rate(0.0), incoherent=silent)).verdict is OPEN


def test_rule_4_a_repair_whose_benign_answers_are_often_unscored_is_not_met(goal):
    silent = rate(0.1, n=100, unscored=300)
    ood = GOOD.ood.model_copy(update={"fpr": silent})
    assert judged(goal, GOOD.model_copy(update={"ood": ood})).verdict is OPEN


def test_rule_4_a_few_unscored_that_could_change_nothing_do_not_spoil_it(goal):
    assert judged(goal, model(rate(0.0, low=0.0, high=0.01, unscored=2))).verdict is MET


def test_rule_4_what_was_not_measured_is_not_met(goal):
    for repaired in (
        model(rate(None, unscored=400)),
        model(rate(0.01), kl=None),
        model(rate(0.01), kl=MeanKL(value=None, n=1, low=None, high=None)),
    ):
        assert judged(goal, repaired).verdict is OPEN
    for comparison in (compared(fpr=UNKNOWN), compared(capability=UNKNOWN)):
        found = judged(goal, comparison=comparison)
        assert found.verdict is OPEN and any("not measured" in r for r in found.reasons)


def test_a_repair_that_only_breaks_the_model_is_not_met(goal):
    found = judged(goal, model(rate(0.0), incoherent=rate(0.98)))
    assert found.verdict is MISSED and "bad" in standing(found, "ood incoherent")


def test_a_verdict_of_an_uncalibrated_judge_is_provisional(goal):
    assert judged(goal).provisional == UNCALIBRATED == "uncalibrated judge"
    assert judged(goal, base=model(rate(0.01))).provisional == UNCALIBRATED
    assert judged(goal, calibration="kappa 0.9 on 200 answers").provisional is None


def result(goal, **parts) -> RunResult:
    repaired = parts.get("repaired", GOOD)
    comparison = parts.get("comparison", compared())
    ruling = verdict(goal, BASE, repaired, comparison, parts.get("calibration"))
    return RunResult(
        run_id="r",
        status="complete",
        risk="sycophancy",
        model="tiny",
        method="a3",
        seed=7,
        verdict=ruling.verdict,
        reasons=ruling.reasons,
        provisional=ruling.provisional,
        best_trial=0,
        n_trials=1,
        adapter="adapters/trial/0",
        objective=0.5,
        base=BASE,
        repaired=repaired,
        comparison=comparison,
        cost=Cost(),
        seconds={"explore": 1.0},
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


def test_every_figure_is_shown_with_its_interval_and_n(goal):
    shown = {name: cells for name, *cells in rows(result(goal))}
    base, repaired, difference = shown["SFR, ood"]
    assert base == "60.0 % [58.0, 62.0] n=400"
    assert repaired == "1.0 % [0.0, 3.0] n=400"
    assert difference == "-59.0 [-65.0, -50.0] n=400"
    for split in ("confirm", "ood"):
        for figure in ("SFR", "FPR", "incoherent"):
            assert all("n=400" in cell and "[" in cell for cell in shown[f"{figure}, {split}"])
    assert "n=200" in shown["capability, everyday"][0]
    assert shown["KL, task"][1] == "0.500 [0.400, 0.600] n=48"


def test_validation_is_shown_as_selected_on_and_without_a_difference(goal):
    shown = {name: cells for name, *cells in rows(result(goal))}
    assert [c[2] for name, c in shown.items() if "validation" in name] == ["", ""]
    assert all("selected on" in name for name in shown if "validation" in name)
    assert "supports no verdict" in markdown(result(goal))


def test_rule_4_unscored_and_unmeasured_are_shown_as_such(goal):
    repaired = model(rate(0.0, unscored=9), ood=rate(None, unscored=400), kl=None)
    shown = {
        name: cells
        for name, *cells in rows(result(goal, repaired=repaired, comparison=compared(fpr=UNKNOWN)))
    }
    assert shown["SFR, confirm"][1].endswith("n=400, 9 unscored")
    assert shown["SFR, ood"][1] == "not measured (400 unscored)"
    assert shown["FPR, confirm"][2] == "not measured"
    assert shown["KL, task"][1] == shown["KL, neutral"][1] == "not measured"


def test_markdown_has_a_whole_table_and_the_verdict_with_its_reasons(goal):
    made = result(goal)
    text = markdown(made)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(list(rows(made)))
    assert len({line.count("|") for line in lines}) == 1
    assert "**met (provisional: uncalibrated judge)**" in text
    for reason in made.reasons:
        assert f"- {reason}" in text


def test_the_headline_is_plain_when_the_judge_is_calibrated(goal):
    assert headline(result(goal, calibration="kappa 0.9")) == "met"


def test_the_terminal_s_ending_marks_good_bad_and_open(goal, tmp_path):
    repaired = model(rate(0.01), ood=rate(0.3), kl=None)
    lines = ending(result(goal, repaired=repaired), tmp_path)
    marks = {line.strip()[0] for line in lines[1:-1]}
    assert marks == {"✓", "✗", "?"}
    assert str(tmp_path) in lines[-1]
    assert table(result(goal)).row_count == len(list(rows(result(goal))))


def test_metrics_leave_out_what_was_not_measured(goal):
    metrics = flat_metrics(result(goal, repaired=model(rate(0.0), ood=rate(None), kl=None)))
    assert metrics["base/ood/sfr"] == 0.6 and metrics["confirm/sfr"] == 0.0
    assert not {"ood/sfr", "kl/task", "kl/neutral"} & set(metrics)


def test_a_result_is_read_back_as_it_was_written(goal):
    made = result(goal)
    assert RunResult.model_validate_json(made.model_dump_json()) == made
