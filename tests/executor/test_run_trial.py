"""A trial that cannot win is measured in part; any other as though there were no rule."""

import json
from types import SimpleNamespace

import pytest

from a3.errors import MeasurementError
from a3.executor import local
from a3.executor.local import LOSSES, run_trial
from a3.executor.validate import BASE, remember
from a3.measure import answer, verdicts_on
from a3.store import Store
from a3.types.answers import FinishReason, Generation, Label
from a3.types.observer import Silent
from a3.types.queries import Kind
from a3.types.rates import MeanKL
from a3.types.scores import CapabilityScores
from a3.types.trials import FINER, DropRule, TrialJob
from tests.measure.test_parts import queries

VALIDATION = queries(20, 20, 8, 8)
LIMITS = {"sfr": 0.05, "incoherent": 0.05, "fpr/known": 0.2, "fpr/evidence": 0.5, "fpr/own": 0.5}


class Labelled:
    """A target whose answers are labels; it remembers how many it was asked for at a time."""

    key = "labelled"

    def __init__(self, bad: float):
        self.bad, self.asked = bad, []

    def with_adapter(self, folder):
        return self

    def generate(self, conversations, decoding, what):
        self.asked.append((len(conversations), what))
        order = {q.conversation: i for i, q in enumerate(VALIDATION)}
        harmful = sum(q.kind is Kind.HARMFUL for q in VALIDATION)
        bad = [order[c] < self.bad * harmful for c in conversations]
        return [[Generation(text=str(b), finish_reason=FinishReason.STOP, n_tokens=1)] for b in bad]


class Reader:
    """Reads the labels that `Labelled` gives: a share of the harmful queries fails."""

    key, free = "reader", True

    def rule_all(self, answers, what):
        return [self.ruling(query, answer) for query, answer in answers]

    def ruling(self, query, answer):
        if answer.text == "True":
            return Label.FAILED, "-"
        return Label.SAFE if query.kind is Kind.HARMFUL else Label.APPROPRIATE, "-"


class Lost(Reader):
    def ruling(self, query, answer):
        return Label.UNSCORED, "timeout"


@pytest.fixture
def trial(tiny_config, tmp_path, monkeypatch):
    """Runs one trial with an adapter that is already trained; tells what else was measured."""
    measured = []
    kept = CapabilityScores(tasks={})
    drift = MeanKL(value=0.1, n=1, low=0.0, high=0.2)
    monkeypatch.setattr(local, "capability", lambda *_: measured.append("capability") or kept)
    monkeypatch.setattr(local, "kl", lambda *_: measured.append("kl") or drift)

    def run(target, rule, judge=None, number=1):
        store = Store(tmp_path)
        store.folder(
            ("trial", number), lambda to: (to / LOSSES).write_text(json.dumps([1.0])) and None
        )
        context = SimpleNamespace(
            config=tiny_config,
            store=store,
            target=target,
            trainable=target,
            judge=judge or Reader(),
            observer=Silent(),
        )
        job = TrialJob(
            number=number, config=tiny_config.search.default, examples=(), epoch_tokens=1, seed=1
        )
        return run_trial(job, VALIDATION, None, context, rule), measured

    return run


def rule(incumbent: float) -> DropRule:
    return DropRule(objective=incumbent, limits=LIMITS, parts=4)


def test_rule_8_a_trial_that_cannot_win_is_dropped_and_saves_the_rest(trial):
    target = Labelled(bad=0.9)
    result, measured = trial(target, rule(0.1))
    assert result.scores is None and result.partial.answered < len(VALIDATION)
    assert sum(n for n, _ in target.asked) == result.partial.answered
    assert measured == [] and set(result.seconds) == {"train", "validation"}
    assert result.partial.objective_at_least > 10


@pytest.mark.parametrize("incumbent", [0.1, 30.0])
def test_rule_8_a_trial_that_may_win_is_measured_like_any_other(trial, incumbent):
    bad = 0.0 if incumbent < 1 else 0.9
    with_rule, measured = trial(Labelled(bad), rule(incumbent))
    without, _ = trial(Labelled(bad), None, number=2)
    assert with_rule.partial is None and measured == ["capability", "kl"] * 2
    assert with_rule.scores == without.scores


def test_the_last_part_is_followed_by_no_look(trial):
    """Who has answered everything is measured to the end: nothing but time could be saved."""
    target = Labelled(bad=0.9)
    result, measured = trial(target, rule(0.1).model_copy(update={"parts": 1}))
    assert result.scores is not None and measured == ["capability", "kl"]


def test_parts_have_names_of_their_own_and_without_a_rule_there_are_none(trial):
    target = Labelled(bad=0.0)
    trial(target, rule(0.1))
    assert [what for _, what in target.asked] == [
        f"trial 1: validation, part {k} of 4" for k in (1, 2, 3, 4)
    ]
    whole = Labelled(bad=0.0)
    trial(whole, None, number=2)
    assert whole.asked == [(len(VALIDATION), "trial 2: validation")]


def test_rule_4_unscored_answers_stop_it_as_soon_as_they_are_too_many(trial):
    target = Labelled(bad=0.0)
    with pytest.raises(MeasurementError, match=f"of {len(VALIDATION)}"):
        trial(target, rule(0.1), Lost())
    assert len(target.asked) == 1


class Paid(Reader):
    """Costs something, so nothing is asked twice."""

    free = False

    def __init__(self):
        self.asked = []

    def rule_all(self, answers, what):
        self.asked += [(query.id, given.text) for query, given in answers]
        return super().rule_all(answers, what)


@pytest.fixture
def base_said(tiny_config, tmp_path):
    """Lets a judge rule on the answers of the base, and keeps its verdicts."""

    def of(target, judge):
        given = answer(target, VALIDATION, tiny_config.decoding, "base")
        context = SimpleNamespace(store=Store(tmp_path), judge=judge)
        remember(context, BASE, verdicts_on(judge, given, "base"))
        judge.asked.clear()

    return of


def test_a_paid_judge_rules_on_no_answer_twice(trial, base_said):
    judge = Paid()
    base_said(Labelled(bad=0.0), judge)
    result, _ = trial(Labelled(bad=0.1), rule(30.0), judge)
    harmful = sum(q.kind is Kind.HARMFUL for q in VALIDATION)
    assert len(judge.asked) == round(0.1 * harmful) and result.scores is not None
    assert result.scores.validation.sfr.hits == round(0.1 * harmful)
    free, _ = trial(Labelled(bad=0.1), rule(30.0), number=2)
    assert free.scores.validation == result.scores.validation
    # A later trial profits from this one.
    judge.asked.clear()
    trial(Labelled(bad=0.1), rule(30.0), judge, number=3)
    assert judge.asked == []


def test_a_judge_that_is_told_of_a_cut_rules_anew_where_one_answer_was_cut_off(trial, base_said):
    class CutOff(Labelled):
        def generate(self, *rest):
            cut = {"finish_reason": FinishReason.LENGTH}
            return [[g.model_copy(update=cut) for g in s] for s in super().generate(*rest)]

    judge = Paid()
    base_said(CutOff(bad=0.0), judge)
    trial(Labelled(bad=0.0), None, judge)
    assert len(judge.asked) == len(VALIDATION)


def test_a_paid_judge_is_asked_in_finer_parts_than_a_target(trial):
    class Counting(Paid):
        def rule_all(self, answers, what):
            parts.append(len(answers))
            return super().rule_all(answers, what)

    parts = []
    trial(Labelled(bad=0.1), rule(30.0), Counting())
    assert len(parts) == 4 * FINER and max(parts) - min(parts) <= 1
    parts.clear()
    trial(Labelled(bad=0.2), None, Counting(), number=2)
    assert len(parts) == 1  # Where nothing is dropped there is nothing to look for.


def test_rule_8_what_was_ruled_on_before_may_be_enough_to_drop_a_trial(trial, base_said):
    judge = Paid()
    base_said(Labelled(bad=0.9), judge)
    target = Labelled(bad=0.5)
    result, _ = trial(target, rule(0.1), judge)
    assert result.partial is not None and len(judge.asked) < len(VALIDATION) / 2
    assert sum(n for n, _ in target.asked) == len(VALIDATION)  # Answers cost nothing here.


def test_a_dropped_trial_s_verdicts_are_not_paid_for_again(trial, base_said):
    judge = Paid()
    base_said(Labelled(bad=0.0), judge)
    trial(Labelled(bad=0.9), rule(0.1), judge)
    first = list(judge.asked)
    trial(Labelled(bad=0.9), rule(0.1), judge, number=2)
    assert first and not set(first) & set(judge.asked[len(first) :])


def test_verdicts_that_were_lost_are_asked_for_again(trial, base_said):
    class Halting(Paid):
        def ruling(self, query, answer):
            return Label.UNSCORED, "timeout"

    base_said(Labelled(bad=0.0), Halting())
    judge = Paid()
    trial(Labelled(bad=0.0), rule(30.0), judge)
    assert len(judge.asked) == len(VALIDATION)
