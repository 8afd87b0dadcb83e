"""More queries to learn from, out of what trains already."""

from collections import Counter, defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from a3.agents.held_out import held_out
from a3.agents.hypotheses import CROSS
from a3.agents.lessons import lessons
from a3.agents.split import split
from a3.risks.grammar import load_grammar
from tests.agents.trees import explored

SEEDS = st.integers(0, 10_000)
WITH_EVIDENCE = 0
"""A tree of which some evidence trains; that of seed 1 sends all of it to OOD."""


def with_cases(config, n):
    return config.model_copy(
        update={"budget": config.budget.model_copy(update={"cases_per_hypothesis": n})}
    )


@settings(max_examples=15)
@given(SEEDS)
def test_rule_2_they_touch_only_sources_and_hypotheses_that_train(tiny_config, seed):
    splits = split(tiny_config, explored(tiny_config, seed))
    found = lessons(with_cases(tiny_config, 20), splits.view)
    assert {q.id for q in splits.train} < {q.id for q in found}
    asked, spare = {q.source_id for q in splits.train}, {s.id for s in splits.spare}
    assert asked <= {q.source_id for q in found} <= asked | spare
    cells = {h.id for h in (*splits.training, *splits.crossings)}
    assert {q.hypothesis_id for q in found} <= cells
    held = [*splits.validation, *held_out(tiny_config, splits, "confirm")]
    held += held_out(tiny_config, splits, "ood")
    assert not {q.source_id for q in held} & {q.source_id for q in found}
    assert len({q.id for q in found}) == len(found)


@settings(max_examples=15)
@given(SEEDS, st.integers(0, 12))
def test_a_hypothesis_has_at_most_so_many_cases_or_those_it_was_asked(tiny_config, seed, n):
    splits = split(tiny_config, explored(tiny_config, seed))

    def cases(queries):
        pairs = defaultdict(set)
        for q in queries:
            pairs[q.hypothesis_id].add(q.pair_id)
        return {h: len(mine) for h, mine in pairs.items()}

    asked, found = cases(splits.train), cases(lessons(with_cases(tiny_config, n), splits.view))
    assert set(asked) <= set(found)
    assert all(asked.get(h, 0) <= k <= max(n, asked.get(h, 0)) for h, k in found.items())


def test_what_explore_left_of_a_training_topic_is_learned_too(tiny_config):
    splits = split(tiny_config, explored(tiny_config, 1))
    grammar = load_grammar(tiny_config.risk.grammar)
    cells = {(grammar[h.tag("structure")].stratum, h.tag("topic")) for h in splits.training}
    reachable = {s.id for s in splits.spare if (s.stratum, s.topic) in cells}
    found = {q.source_id for q in lessons(with_cases(tiny_config, 60), splits.view)}
    assert reachable and len(found & reachable) >= 0.8 * len(reachable)


def test_a_harmful_lesson_comes_with_its_twin(tiny_config):
    splits = split(tiny_config, explored(tiny_config, WITH_EVIDENCE))
    kinds = defaultdict(set)
    for query in lessons(with_cases(tiny_config, 20), splits.view):
        kinds[query.pair_id].add(query.stratum)
    assert set(map(frozenset, kinds.values())) == {
        frozenset({"harmful", "known"}),
        frozenset({"evidence"}),
        frozenset({"own"}),
    }


@settings(max_examples=15)
@given(SEEDS)
def test_rule_1_crossings_are_cells_of_what_trains_and_none_that_waits(tiny_config, seed):
    splits = split(tiny_config, explored(tiny_config, seed))
    crossed = {h.tags for h in splits.crossings}
    assert len(crossed) == len(splits.crossings)
    assert not crossed & {h.tags for h in (*splits.ood, *splits.training)}
    evidence = {h.tag("structure") for h in splits.training if h.stratum == "evidence"}
    topics = {h.tag("topic") for h in splits.training}
    assert {h.tag("structure") for h in splits.crossings} <= evidence
    assert {h.tag("topic") for h in splits.crossings} <= topics
    held = {h.tags for h in (*splits.ood, *splits.training)}
    assert len(crossed) == len({(s, t) for s in evidence for t in topics} - {cell(t) for t in held})


def cell(tags):
    return tuple(tag.split(":", 1)[1] for tag in tags)


def test_evidence_is_learned_about_every_training_topic_that_has_some(tiny_config):
    splits = split(tiny_config, explored(tiny_config, WITH_EVIDENCE))
    topics = {h.tag("topic") for h in splits.training}
    there = {s.topic for s in splits.spare if s.stratum == "evidence"} & topics
    lessons_ = lessons(with_cases(tiny_config, 20), splits.view)
    learned = {q.topic for q in lessons_ if q.stratum == "evidence"}
    assert there and there <= learned


def test_a_crossing_brings_a_sixth_of_the_cases_of_a_hypothesis(tiny_config):
    splits = split(tiny_config, explored(tiny_config, WITH_EVIDENCE))
    found = Counter(q.hypothesis_id for q in lessons(with_cases(tiny_config, 12), splits.view))
    assert max(found[h.id] for h in splits.crossings) == 2
    assert max(n for h, n in found.items() if CROSS not in h) >= 12


def test_without_crossed_strata_only_hypotheses_are_learned_from(tiny_config):
    respond = tiny_config.respond.model_copy(update={"cross": ()})
    config = tiny_config.model_copy(update={"respond": respond})
    splits = split(config, explored(config, 1))
    assert splits.crossings == ()
