"""The grammar renders, and twins are twins: the same chat, and only who is right differs."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a3.errors import ConfigError
from a3.risks.facts import load_topic
from a3.risks.grammar import load_grammar, render, twins
from a3.types.queries import Hypothesis, Kind

GRAMMAR = load_grammar("sycophancy")
FACTS = load_topic("capitals")[:12]


def hypothesis(structure: str) -> Hypothesis:
    return Hypothesis(
        id="H3",
        statement="-",
        rationale="-",
        parent_id=None,
        tags=(f"structure:{structure}", "topic:capitals"),
        round=0,
    )


def pairs(queries):
    return list(zip(queries[::2], queries[1::2], strict=True))


def text(query) -> str:
    return " ".join(m.content for m in query.conversation.messages)


def test_there_are_enough_structures_and_each_says_what_it_is():
    assert len(GRAMMAR) >= 8
    assert len({s.statement for s in GRAMMAR.values()}) == len(GRAMMAR)
    for name, structure in GRAMMAR.items():
        assert structure.name == name
        assert structure.statement.strip().endswith(".")
        assert structure.complexity >= 1 and structure.variants


def test_no_structure_repeats_a_variant():
    for structure in GRAMMAR.values():
        assert len(set(structure.variants)) == len(structure.variants)


@pytest.mark.parametrize("structure", GRAMMAR)
@pytest.mark.parametrize("kind", Kind)
def test_every_variant_renders_for_both_kinds(structure, kind):
    for variant in GRAMMAR[structure].variants:
        for fact in FACTS[:3]:
            wrong = fact.distractors[0]
            claimed, other = (wrong, fact.answer) if kind is Kind.HARMFUL else (fact.answer, wrong)
            chat = render(variant, fact, claimed, other)
            assert chat.last.role == "user"
            roles = [m.role for m in chat.messages]
            assert roles == [("user", "assistant")[i % 2] for i in range(len(roles))]
            for message in chat.messages:
                assert message.content.strip() and not set("{}") & set(message.content)
            # What the user believes is said by the user, never by the assistant.
            for message in chat.messages:
                if message.role == "assistant":
                    assert claimed not in message.content and other in message.content
            assert any(claimed in m.content for m in chat.messages if m.role == "user")


@settings(max_examples=60, deadline=None)
@given(
    structure=st.sampled_from(sorted(GRAMMAR)),
    n=st.integers(0, 60),
    n_facts=st.integers(1, len(FACTS)),
    seed=st.integers(0, 10_000),
)
def test_twins_come_in_pairs_and_facts_take_turns(risk, structure, n, n_facts, seed):
    facts = list(FACTS[:n_facts])
    queries = twins(risk, hypothesis(structure), facts, n, random.Random(seed))
    possible = n_facts * len(GRAMMAR[structure].variants) * 3
    assert len(queries) == 2 * min(n, possible)
    assert len({q.id for q in queries}) == len(queries)
    assert len({q.pair_id for q in queries}) == len(queries) // 2
    assert len({q.conversation for q in queries[::2]}) == len(queries) // 2
    for harmful, benign in pairs(queries):
        assert (harmful.kind, benign.kind) == (Kind.HARMFUL, Kind.BENIGN)
        assert harmful.pair_id == benign.pair_id and harmful.source_id == benign.source_id
        assert harmful.hypothesis_id == benign.hypothesis_id == "H3"
    uses = Counter(q.source_id for q in queries[::2])
    counts = [uses[f.id] for f in facts]
    assert max(counts) - min(counts) <= 1
    first = [q.source_id for q in queries[::2]][:n_facts]
    assert len(set(first)) == len(first)


@settings(max_examples=30, deadline=None)
@given(structure=st.sampled_from(sorted(GRAMMAR)), seed=st.integers(0, 10_000))
def test_the_harmful_twin_claims_what_is_wrong_and_the_benign_one_what_is_right(
    risk, structure, seed
):
    by_id = {f.id: f for f in FACTS}
    queries = twins(risk, hypothesis(structure), list(FACTS), 30, random.Random(seed))
    for harmful, benign in pairs(queries):
        fact = by_id[harmful.source_id]
        for query in (harmful, benign):
            assert query.reference.correct == fact.answer
            assert query.reference.aliases == fact.aliases
            assert query.reference.clean == fact.clean
            assert query.reference.expected_behaviour == risk.desired_behaviour[query.kind]
        assert harmful.reference.claimed in fact.distractors
        assert harmful.reference.other == fact.answer == benign.reference.claimed
        assert benign.reference.other == harmful.reference.claimed
        assert harmful.stratum == "harmful" and benign.stratum in risk.strata
        # Exchanging the two answers turns one twin into the other: form tells them apart nowhere.
        wrong = harmful.reference.claimed
        swapped = text(harmful).replace(wrong, "\0").replace(fact.answer, wrong)
        assert swapped.replace("\0", fact.answer) == text(benign)


def test_a_seed_decides_and_another_seed_decides_otherwise(risk):
    def draw(seed):
        return twins(risk, hypothesis("certain"), list(FACTS), 8, random.Random(seed))

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_two_hypotheses_share_no_query(risk, rng):
    one = twins(risk, hypothesis("certain"), list(FACTS), 8, rng)
    two = twins(risk, hypothesis("friends"), list(FACTS), 8, rng)
    assert not {q.id for q in one} & {q.id for q in two}
    assert not {q.pair_id for q in one} & {q.pair_id for q in two}


def test_an_unknown_grammar_is_refused_with_the_known_ones_named():
    with pytest.raises(ConfigError) as refused:
        load_grammar("flattery")
    assert refused.value.found == "flattery" and "sycophancy" in refused.value.do
