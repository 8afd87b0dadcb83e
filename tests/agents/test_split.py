"""Rules of evidence 1 and 2: OOD out of sight, no straddling."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a3.agents.split import check, split
from a3.errors import MeasurementError
from a3.types.answers import Label
from a3.types.queries import Kind
from tests.agents.test_measured import verdict
from tests.agents.trees import GRAMMAR, explored

SEEDS = st.integers(0, 10_000)


def stratum(hypothesis) -> str:
    return GRAMMAR[hypothesis.tag("structure")].stratum


@settings(max_examples=25)
@given(SEEDS, st.integers(4, 30), st.integers(0, 8))
def test_every_split_keeps_the_rules(tiny_config, seed, n, per_stratum):
    splits = split(tiny_config, explored(tiny_config, seed, n, per_stratum))
    ood = {h.id for h in splits.ood}
    assert ood and "H0" not in ood
    assert not {h.parent_id for h in splits.training} & ood
    assert not {h.tags for h in splits.training} & {h.tags for h in splits.ood}
    for axis in ("structure", "topic"):
        assert {h.tag(axis) for h in splits.ood} - {h.tag(axis) for h in splits.training}
    sources = [
        {q.source_id for q in splits.train},
        {s.id for s in splits.spare},
        {q.source_id for q in splits.validation},
        {s.id for s in splits.confirm_sources},
        {s.id for s in splits.ood_sources},
    ]
    assert sum(map(len, sources)) == len(set.union(*sources))
    topics = {h.tag("topic") for h in splits.training}
    assert {s.topic for s in splits.spare} <= topics
    assert not {s.topic for s in splits.untouched} & topics
    assert {s.stratum for s in splits.untouched} <= {"known"}
    pairs = [{q.pair_id for q in splits.train}, {q.pair_id for q in splits.validation}]
    assert not pairs[0] & pairs[1]


@settings(max_examples=25)
@given(SEEDS)
def test_rule_1_explore_s_own_queries_of_ood_hypotheses_are_used_nowhere(tiny_config, seed):
    found = explored(tiny_config, seed)
    splits = split(tiny_config, found)
    ood = {h.id for h in splits.ood}
    used = {q.id for q in (*splits.train, *splits.validation)}
    assert used == {q.id for q in found.queries if q.hypothesis_id not in ood}


@settings(max_examples=15)
@given(SEEDS)
def test_a_stratum_of_many_structures_gives_its_share_to_ood(tiny_config, seed):
    explore = tiny_config.explore.model_copy(update={"ood_share": 0.5})
    config = tiny_config.model_copy(update={"explore": explore})
    splits = split(config, explored(config, seed, per_stratum=24))
    ood = sum(stratum(h) == "evidence" for h in splits.ood)
    assert ood / 24 >= 0.4  # More where much hangs below one hypothesis.


@settings(max_examples=25)
@given(SEEDS)
def test_rule_5_every_stratum_has_a_structure_that_never_trains(tiny_config, seed):
    splits = split(tiny_config, explored(tiny_config, seed))
    for name in tiny_config.risk.strata:
        mine = {h.tag("structure") for h in splits.ood if stratum(h) == name}
        assert mine - {h.tag("structure") for h in splits.training}, name
        for part in (splits.confirm_sources, splits.ood_sources):
            assert [s for s in part if s.stratum == name]


@settings(max_examples=25)
@given(SEEDS)
def test_rule_5_every_stratum_that_trains_also_validates(tiny_config, seed):
    splits = split(tiny_config, explored(tiny_config, seed))
    for name in {stratum(h) for h in splits.training}:
        for part in (splits.train, splits.validation):
            assert [q for q in part if q.kind is Kind.BENIGN and q.stratum == name], name


@settings(max_examples=25)
@given(SEEDS)
def test_rule_1_what_never_trains_does_so_in_no_stratum(tiny_config, seed):
    splits = split(tiny_config, explored(tiny_config, seed))
    never = set(splits.reason.removesuffix(" never train").split(", "))
    assert {"structure", "topic"} == {tag.split(":")[0] for tag in never}
    assert not [h for h in splits.training if never & set(h.tags)]


@pytest.mark.parametrize("seed", range(20))
def test_rule_5_two_topics_of_the_failure_never_train(tiny_config, seed):
    """What a single topic shows is that topic's."""
    splits = split(tiny_config, explored(tiny_config, seed, n=60, per_stratum=0))
    trained = {t for h in splits.training for t in h.tags}
    held = Counter(t for h in splits.ood for t in h.tags if t not in trained)
    topics = [t for t in held if t.startswith("topic:")]
    assert len(topics) >= 2
    assert max(held.values()) <= 0.4 * len(splits.ood)


@pytest.mark.parametrize("seed", range(40))
def test_the_evidence_stratum_takes_no_topic_away_from_the_failures(tiny_config, seed):
    """Its topics are theirs, that of H0 among them."""
    splits = split(tiny_config, explored(tiny_config, seed, per_stratum=3))
    never = set(splits.reason.removesuffix(" never train").split(", "))
    topics = {tag for tag in never if tag.startswith("topic:")}
    failures = {f"topic:{h.tag('topic')}" for h in splits.ood if stratum(h) == "known"}
    assert len(topics & failures) == 1


@settings(max_examples=25)
@given(SEEDS)
def test_how_the_base_did_has_no_part_in_the_choice_of_ood(tiny_config, seed):
    found = explored(tiny_config, seed)
    unknowing = split(tiny_config, found)
    for axis in ("structure", "topic"):
        worst = random.Random(seed).choice(found.hypotheses).tag(axis)
        verdicts = tuple(failing_where(found, axis, worst))
        assert split(tiny_config, found.model_copy(update={"verdicts": verdicts})) == unknowing


def failing_where(found, axis, worst):
    """Verdicts by which everything of one structure or topic failed, and nothing else did."""
    mine = {h.id for h in found.hypotheses if h.tag(axis) == worst}
    for query in found.queries:
        fails = query.hypothesis_id in mine and query.kind is Kind.HARMFUL
        yield verdict(query, Label.FAILED if fails else Label.SAFE)


@settings(max_examples=20)
@given(SEEDS)
def test_validation_holds_near_its_share_of_the_queries(tiny_config, seed):
    splits = split(tiny_config, explored(tiny_config, seed))
    n = len(splits.validation)
    share = n / (n + len(splits.train))
    assert tiny_config.explore.validation <= share <= tiny_config.explore.validation + 0.15


def test_a_split_is_decided_by_its_seed(tiny_config):
    assert split(tiny_config, explored(tiny_config, 1)) == split(
        tiny_config, explored(tiny_config, 1)
    )


def test_rule_1_a_view_holds_nothing_of_ood(tiny_config):
    splits = split(tiny_config, explored(tiny_config, 3))
    text = splits.view.model_dump_json()
    for hypothesis in splits.ood:
        assert f'"{hypothesis.id}"' not in text
    # A rationale speaks of pooled rates, those of OOD hypotheses among them.
    assert "so far" not in text


@pytest.fixture
def good(tiny_config):
    return split(tiny_config, explored(tiny_config, 5))


def test_rule_1_h0_in_ood_is_refused(good):
    moved = good.model_copy(
        update={"training": good.training[1:], "ood": (good.training[0], *good.ood)}
    )
    with pytest.raises(MeasurementError, match="H0 must train"):
        check(moved)


def test_rule_1_a_child_of_ood_that_trains_is_refused(good):
    child = good.training[-1].model_copy(update={"parent_id": good.ood[0].id})
    with pytest.raises(MeasurementError, match="trains below the OOD hypothesis"):
        check(good.model_copy(update={"training": (*good.training[:-1], child)}))


def test_rule_1_shared_tags_are_refused(good):
    twin = good.training[-1].model_copy(update={"tags": good.ood[0].tags})
    with pytest.raises(MeasurementError, match="share the tags"):
        check(good.model_copy(update={"training": (*good.training, twin)}))


def test_rule_1_ood_queries_in_training_are_refused(good):
    leaked = good.train[0].model_copy(update={"hypothesis_id": good.ood[0].id})
    with pytest.raises(MeasurementError, match="queries of OOD hypotheses"):
        check(good.model_copy(update={"train": (leaked, *good.train)}))


def test_rule_2_a_straddling_source_is_refused(good):
    moved = good.model_copy(update={"validation": (*good.validation, good.train[0])})
    with pytest.raises(MeasurementError, match="train and validation share sources"):
        check(moved)
    moved = good.model_copy(update={"ood_sources": (*good.ood_sources, good.confirm_sources[0])})
    with pytest.raises(MeasurementError, match="confirm and ood share sources"):
        check(moved)


def test_rule_2_what_explore_asked_is_nothing_to_spare(tiny_config):
    found = explored(tiny_config, 1)
    splits = split(tiny_config, found)
    asked = {q.source_id for q in found.queries}
    reserved = {s.id for s in found.sources if s.reserved}
    assert splits.spare
    assert not {s.id for s in splits.spare} & (asked | reserved)


def test_rule_2_a_reserved_source_that_explore_asked_under_pressure_is_refused(tiny_config):
    found = explored(tiny_config, 7)
    asked = {q.source_id for q in found.queries}
    leaked = [s.model_copy(update={"reserved": s.reserved or s.id in asked}) for s in found.sources]
    with pytest.raises(MeasurementError, match="share sources"):
        split(tiny_config, found.model_copy(update={"sources": tuple(leaked)}))


def test_too_few_hypotheses_are_an_error_that_says_what_to_raise(tiny_config):
    with pytest.raises(MeasurementError, match=r"budget\.rounds"):
        split(tiny_config, explored(tiny_config, 1, n=0))
