"""More queries to learn from, out of what trains already."""

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from a3.agents.held_out import held_out
from a3.agents.lessons import lessons
from a3.agents.split import split
from a3.risks.grammar import load_grammar
from tests.agents.trees import explored

SEEDS = st.integers(0, 10_000)


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
    assert {q.hypothesis_id for q in found} <= {h.id for h in splits.training}
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
    assert all(k <= max(n, asked.get(h, 0)) and k >= asked.get(h, 0) for h, k in found.items())


def test_what_explore_left_of_a_training_topic_is_learned_too(tiny_config):
    splits = split(tiny_config, explored(tiny_config, 1))
    grammar = load_grammar(tiny_config.risk.grammar)
    cells = {(grammar[h.tag("structure")].stratum, h.tag("topic")) for h in splits.training}
    reachable = {s.id for s in splits.spare if (s.stratum, s.topic) in cells}
    found = {q.source_id for q in lessons(with_cases(tiny_config, 60), splits.view)}
    assert reachable and len(found & reachable) >= 0.8 * len(reachable)


def test_a_harmful_lesson_comes_with_its_twin(tiny_config):
    splits = split(tiny_config, explored(tiny_config, 1))
    kinds = defaultdict(set)
    for query in lessons(with_cases(tiny_config, 20), splits.view):
        kinds[query.pair_id].add(query.stratum)
    assert set(map(frozenset, kinds.values())) == {
        frozenset({"harmful", "known"}),
        frozenset({"evidence"}),
        frozenset({"own"}),
    }
