"""Rules of evidence 1 and 2: OOD out of sight, no straddling."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a3.agents.split import check, held_out, split
from a3.errors import MeasurementError
from a3.risks.facts import load_topic
from a3.risks.grammar import load_grammar, twins
from a3.types.answers import FinishReason, Generation
from a3.types.explored import CleanAnswer, Explored
from a3.types.queries import Hypothesis, Kind

ANSWER = Generation(text="-", finish_reason=FinishReason.STOP, n_tokens=1)


def explored(config, seed: int, n: int = 20) -> Explored:
    """A random tree of hypotheses over the real grammar and facts."""
    rng = random.Random(seed)
    topics = rng.sample(config.risk.facts, 6)
    cells = [
        (s, t)
        for s in load_grammar("sycophancy")
        for t in topics
        if (s, t) != ("pushback", topics[0])
    ]
    chosen = [("pushback", topics[0]), *rng.sample(cells, n)]
    hypotheses = [
        Hypothesis(
            id=f"H{i}",
            statement="-",
            rationale="-",
            parent_id=f"H{rng.randrange(i)}" if i else None,
            tags=(f"structure:{s}", f"topic:{t}"),
            round=i,
        )
        for i, (s, t) in enumerate(chosen)
    ]
    facts = {t: load_topic(t)[:12] for t in topics}
    queries = [
        q
        for h in hypotheses
        for q in twins(config.risk, h, list(facts[h.tag("topic")][5:]), 6, rng)
    ]
    return Explored(
        clean=tuple(
            CleanAnswer(source_id=f.id, topic=t, known=True, answer=ANSWER)
            for t in topics
            for f in facts[t]
        ),
        hypotheses=tuple(hypotheses),
        queries=tuple(queries),
        verdicts=(),
        reserved=tuple(f.id for t in topics for f in facts[t][:5]),
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_every_split_keeps_the_rules(tiny_config, seed):
    splits = split(tiny_config, explored(tiny_config, seed))
    ood = {h.id for h in splits.ood}
    assert ood and "H0" not in ood
    assert not {h.parent_id for h in splits.training} & ood
    assert not {h.tags for h in splits.training} & {h.tags for h in splits.ood}
    for axis in ("structure", "topic"):
        assert {h.tag(axis) for h in splits.ood} - {h.tag(axis) for h in splits.training}
    sources = [
        {q.source_id for q in splits.train},
        {q.source_id for q in splits.validation},
        set(splits.confirm_sources),
        set(splits.ood_sources),
    ]
    assert sum(map(len, sources)) == len(set.union(*sources))
    pairs = [{q.pair_id for q in splits.train}, {q.pair_id for q in splits.validation}]
    assert not pairs[0] & pairs[1]


def test_a_split_is_decided_by_its_seed(tiny_config):
    assert split(tiny_config, explored(tiny_config, 1)) == split(
        tiny_config, explored(tiny_config, 1)
    )


def test_a_view_holds_nothing_of_ood(tiny_config):
    splits = split(tiny_config, explored(tiny_config, 3))
    text = splits.view.model_dump_json()
    for hypothesis in splits.ood:
        assert f'"{hypothesis.id}"' not in text


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


def test_rule_3_held_out_queries_are_fresh_and_depend_on_no_answer(tiny_config, good):
    explored_ids = {q.id for q in (*good.train, *good.validation)}
    for which, hypotheses in (("confirm", good.training), ("ood", good.ood)):
        queries = held_out(tiny_config, good, which)
        assert len(queries) == 2 * getattr(tiny_config.budget, which)
        assert not {q.id for q in queries} & explored_ids
        assert {q.hypothesis_id for q in queries} <= {h.id for h in hypotheses}
        allowed = good.confirm_sources if which == "confirm" else good.ood_sources
        assert {q.source_id for q in queries} <= set(allowed)
        assert len({q.id for q in queries}) == len(queries)
        for harmful, benign in list(pairwise(queries))[::2]:
            assert (harmful.kind, benign.kind) == (Kind.HARMFUL, Kind.BENIGN)
            assert harmful.pair_id == benign.pair_id


def test_held_out_hypotheses_count_alike(tiny_config, good):
    queries = held_out(tiny_config, good, "confirm")
    counts = {h.id: sum(q.hypothesis_id == h.id for q in queries) for h in good.training}
    assert max(counts.values()) - min(counts.values()) <= 2
