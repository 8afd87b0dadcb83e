"""A trial is dropped only where what is left to answer cannot make it the best."""

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from a3.measure import dropped, likeliest_first, validation_scores
from a3.measure.dropping import at_least, objective_at_least
from a3.search.drop_rule import beating, keeping
from a3.search.selection import constraints, limits, mean_fpr, objective, standing
from a3.types.answers import Answer, Decoding, FinishReason, Label, Verdict
from a3.types.chat import ask, assistant
from a3.types.queries import Kind
from a3.types.rates import MeanKL
from a3.types.scores import CapabilityScores
from a3.types.trials import DropRule, TrialScores
from tests.measure.test_parts import queries
from tests.search import made as made_up
from tests.search.made import trial

ASKED = queries(12, 12, 5, 4)
HARMFUL = (Label.SAFE, Label.FAILED, Label.INCOHERENT, Label.UNSCORED)
BENIGN = (Label.APPROPRIATE, Label.OVER_DEFENSIVE, Label.INCOHERENT, Label.UNSCORED)


def verdict(query, label, sample=0) -> Verdict:
    answer = Answer(
        query_id=query.id,
        model_key="m",
        transcript=ask("?").then(assistant("!")),
        finish_reason=FinishReason.STOP,
        decoding=Decoding(max_new_tokens=8),
        sample=sample,
    )
    return Verdict(answer=answer, label=label, reason="-", judge="j")


def verdicts(labels, asked=ASKED):
    return [verdict(q, label) for q, label in zip(asked, labels, strict=True)]


def labels(harmful=0, benign=0):
    """All harmful queries with one label, all benign ones with one."""
    return [HARMFUL[harmful] if q.kind is Kind.HARMFUL else BENIGN[benign] for q in ASKED]


BASE = validation_scores(ASKED, verdicts(labels(harmful=1)), 0.95)


def rule(goal, incumbent, parts=4) -> DropRule:
    return DropRule(objective=incumbent, limits=limits(BASE, goal), parts=parts)


def figures(found, goal):
    """Objective, FPR and the violation it stands for, as a trial with these verdicts has them."""
    scores = TrialScores(
        validation=validation_scores(ASKED, found, 0.95),
        capability=CapabilityScores(tasks={}),
        kl_task=MeanKL(value=0.0, n=1, low=0.0, high=0.0),
    )
    none = CapabilityScores(tasks={})
    excess = constraints(scores, BASE, none, goal)
    return objective(scores, BASE, none, goal), mean_fpr(scores.validation), excess, scores


def best_case(found, goal):
    """The objective on these verdicts if capability and KL turn out perfect."""
    value, _, excess, _ = figures(found, goal)
    assert not any("capability" in name for name in excess)
    return value


def bound(found, goal):
    return objective_at_least(*at_least(ASKED, found, rule(goal, 0.0)))


def shuffled(seed):
    return random.Random(seed).sample([q.id for q in ASKED], len(ASKED))


@given(st.lists(st.integers(0, 2), min_size=len(ASKED), max_size=len(ASKED)))
@settings(max_examples=60)
def test_rule_8_with_everything_answered_the_bound_is_the_objective(tiny_config, chosen):
    goal = tiny_config.goal
    found = verdicts(
        [
            HARMFUL[c] if q.kind is Kind.HARMFUL else BENIGN[c]
            for q, c in zip(ASKED, chosen, strict=True)
        ]
    )
    # Ties among infeasible trials are broken by 0.001 FPR, which the bound leaves out.
    assert -1e-9 <= best_case(found, goal) - bound(found, goal) <= 1e-3 + 1e-9


@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 0.3))
@settings(max_examples=60)
def test_rule_8_what_is_certain_is_a_bound_whatever_is_left(tiny_config, seed, failing, unscored):
    """The error of dropping is none: in no order is a trial dropped that could have won."""
    rng = random.Random(seed)
    found = []
    for query in ASKED:
        named = HARMFUL if query.kind is Kind.HARMFUL else BENIGN
        found.append(
            verdict(query, named[3 if rng.random() < unscored else int(rng.random() < failing)])
        )
    order, goal = shuffled(seed), tiny_config.goal
    for n in (4, 16, 30):
        seen = [v for v in found if order.index(v.answer.query_id) < n]
        assert bound(seen, goal) <= best_case(found, goal) + 1e-9


def test_rule_8_more_answers_of_the_same_kind_say_more(tiny_config):
    goal, found = tiny_config.goal, verdicts(labels(harmful=1, benign=1))
    order = shuffled(0)
    bounds = [
        bound([v for v in found if v.answer.query_id in order[:n]], goal) for n in (0, 8, 16, 33)
    ]
    assert bounds[0] == 0 and bounds == sorted(bounds) and bounds[1] < bounds[2] < bounds[3]


def test_rule_8_a_hopeless_trial_is_dropped_and_says_why(tiny_config):
    found = verdicts(labels(harmful=1, benign=1))
    order = shuffled(0)[:16]
    seen = [v for v in found if v.answer.query_id in order]
    partial = dropped(ASKED, seen, rule(tiny_config.goal, 0.3))
    assert partial and (partial.answered, partial.total) == (len(order), len(ASKED))
    assert partial.objective_at_least > 10
    assert f"after {len(order)} of {len(ASKED)}" in partial.reason and "0.300" in partial.reason


@pytest.mark.parametrize("incumbent", [0.0, 0.3, 12.0])
def test_rule_8_a_good_trial_goes_on(tiny_config, incumbent):
    order = shuffled(0)[:16]
    seen = [v for v in verdicts(labels()) if v.answer.query_id in order]
    assert dropped(ASKED, seen, rule(tiny_config.goal, incumbent)) is None


def test_rule_8_a_tie_goes_on(tiny_config):
    found = verdicts(labels(harmful=1, benign=0))
    value = bound(found, tiny_config.goal)
    assert dropped(ASKED, found, rule(tiny_config.goal, value)) is None
    assert dropped(ASKED, found, rule(tiny_config.goal, value - 1e-6)) is not None


def random_verdicts(rng, failing):
    share = {kind: rng.random() * failing for kind in Kind}
    return [
        verdict(
            q, (HARMFUL if q.kind is Kind.HARMFUL else BENIGN)[int(rng.random() < share[q.kind])]
        )
        for q in ASKED
    ]


def test_rule_8_where_limits_are_broken_equally_fpr_decides_and_an_exact_tie_goes_on():
    """Every harmful query fails, which is thirty-nine times the limit, and FPR has room to rise."""
    failing, more = verdicts(labels(harmful=1)), verdict(ASKED[12], Label.OVER_DEFENSIVE)
    wide = {"sfr": 0.025, "incoherent": 0.05} | dict.fromkeys(
        ("fpr/known", "fpr/evidence", "fpr/own"), 0.5
    )
    tie = DropRule(objective=10 + 39.0, fpr=0.0, limits=wide, parts=4)
    assert dropped(ASKED, failing, tie) is None
    worse = [*failing[:12], more, *failing[13:]]
    assert dropped(ASKED, worse, tie) is not None
    assert dropped(ASKED, worse, tie.model_copy(update={"fpr": None})) is None
    # The same among those that keep the limits; never where fewer are broken.
    assert dropped(ASKED, [more], tie.model_copy(update={"objective": 1e-3})) is not None
    assert dropped(ASKED, [more], tie) is None


@given(st.integers(0, 10**6))
@example(3327)  # equal sums of violations, of which the last digits of one were rounded down
@settings(max_examples=80)
def test_rule_8_who_would_have_stood_better_is_never_dropped(tiny_config, seed):
    """Of two trials, and of the means of two configurations over two seeds, in any order."""
    rng, goal = random.Random(seed), tiny_config.goal
    runs = [random_verdicts(rng, 0.6) for _ in range(4)]
    trials = [made(number, tiny_config, found) for number, found in enumerate(runs)]
    order = shuffled(seed)
    for beside in ((), trials[1:2]):
        incumbent, mine = trials[2 : 3 + len(beside)], [trials[0], *beside]
        bar = beating(tiny_config.search, incumbent, limits(BASE, goal), list(map(rates, beside)))
        for n in (6, 16, 33):
            seen = [v for v in runs[0] if v.answer.query_id in order[:n]]
            if dropped(ASKED, seen, bar):
                assert standing(incumbent) < standing(mine)


@given(st.integers(0, 10**6))
@settings(max_examples=60)
def test_rule_8_what_has_to_keep_the_limits_is_dropped_where_it_breaks_one(tiny_config, seed):
    rng, goal = random.Random(seed), tiny_config.goal
    bar = keeping(tiny_config.search, limits(BASE, goal))
    found = random_verdicts(rng, rng.choice([0.05, 0.3]))
    _, _, excess, _ = figures(found, goal)
    broken = max(excess.values()) > 0
    assert (dropped(ASKED, found, bar) is not None) is broken
    seen = rng.sample(found, 16)
    if partial := dropped(ASKED, seen, bar):
        assert broken and "breaks a limit" in partial.reason


def made(number, config, found):
    value, _, excess, scores = figures(found, config.goal)
    known = {"scores": scores, "objective": value, "constraints": excess}
    return trial(number, config, made_up.scores()).model_copy(update=known)


def rates(one):
    v = one.scores.validation
    fpr = {f"fpr/{name}": r.value for name, r in v.fpr_by_stratum.items()}
    return {"sfr": v.sfr.value, "incoherent": v.incoherent.value, **fpr}


def test_rule_8_seeds_to_come_are_taken_as_perfect(tiny_config):
    """Half the harmful queries failed: alone too many, as the mean of two seeds perhaps not."""
    goal = tiny_config.goal
    found = [verdict(q, Label.FAILED) for q in ASKED[:6]]
    bar = rule(goal, 10.0 + (0.4 - goal.sfr_selection) / goal.sfr_selection)
    assert dropped(ASKED, found, bar) is not None
    to_come = bar.model_copy(update={"beside": ({},)})
    assert dropped(ASKED, found, to_come) is None
    known = bar.model_copy(update={"beside": ({"sfr": 0.4},)})
    partial = dropped(ASKED, found, known)
    assert partial is not None and "its configuration's objective" in partial.reason


def test_rule_4_unscored_counts_for_the_trial(tiny_config):
    goal = tiny_config.goal
    assert bound(verdicts(labels(harmful=3, benign=3)), goal) == 0


def test_of_several_samples_a_hit_is_what_all_of_them_are(tiny_config):
    goal, failing = tiny_config.goal, verdicts(labels(harmful=1))
    again = [verdict(q, label, 1) for q, label in zip(ASKED, labels(), strict=True)]
    assert bound(failing, goal) > 10
    assert bound(failing + again, goal) == 0


def history(hits):
    """Verdicts of a base and two trials: the named queries were hits every time."""
    return [
        verdict(q, (HARMFUL if q.kind is Kind.HARMFUL else BENIGN)[int(q.id in hits)])
        for _ in range(3)
        for q in ASKED
    ]


@pytest.mark.parametrize(
    ("incumbent", "first"), [(11.0, "harmful"), (10.0, "harmful"), (0.3, "benign")]
)
def test_what_failed_most_often_is_asked_first_and_the_kind_that_decides(
    tiny_config, incumbent, first
):
    hits = {"harmful7", "known3", "own1"}
    order = likeliest_first(ASKED, history(hits), rule(tiny_config.goal, incumbent), "s")
    assert sorted(q.id for q in order) == sorted(q.id for q in ASKED)
    leading = {h for h in hits if h.startswith("harmful") is (first == "harmful")}
    assert {q.id for q in order[: len(leading)]} == leading
    assert {q.id for q in order[:20]} >= hits


def test_without_history_the_seed_decides_the_order(tiny_config):
    order = [
        [q.id for q in likeliest_first(ASKED, [], rule(tiny_config.goal, 11.0), seed)]
        for seed in "aab"
    ]
    assert order[0] == order[1] != order[2]


def test_a_likely_order_shows_a_hopeless_trial_sooner_than_a_random_one(tiny_config):
    """Two in twelve harmful queries always fail; the best so far fails one of them."""
    goal, hits = tiny_config.goal, {"harmful4", "harmful9"}
    found = {v.answer.query_id: v for v in history(hits)[: len(ASKED)]}
    best = rule(goal, 10.0 + (1 / 12 - goal.sfr_selection) / goal.sfr_selection)

    def needed(order):
        return next(
            n
            for n in range(1, len(order) + 1)
            if dropped(ASKED, [found[name] for name in order[:n]], best)
        )

    informed = [q.id for q in likeliest_first(ASKED, history(hits), best, "s")]
    at_random = [needed(shuffled(seed)) for seed in range(50)]
    assert needed(informed) == 2 < sum(at_random) / 50
