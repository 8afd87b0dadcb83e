"""Rule of evidence 3: held-out queries are fresh, and no answer has a part in their choice."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a3.agents.held_out import held_out
from a3.agents.split import split
from a3.types.queries import Kind
from tests.agents.trees import explored

SETS = ("confirm", "ood")


@pytest.fixture(scope="module")
def found(tiny_config):
    """Enough of everything that no set runs out of cases."""
    return explored(tiny_config, 5, n=40, per_stratum=12, facts=40)


@pytest.fixture(scope="module")
def good(tiny_config, found):
    return split(tiny_config, found)


def of(good, which):
    """The hypotheses and sources of a set."""
    if which == "confirm":
        return good.training, good.confirm_sources
    return good.ood, good.ood_sources


def stratum(query):
    return "known" if query.kind is Kind.HARMFUL else query.stratum


@pytest.mark.parametrize("which", SETS)
def test_rule_3_queries_are_fresh_and_from_the_set_s_own_hypotheses(tiny_config, found, which):
    good = split(tiny_config, found)
    queries = held_out(tiny_config, good, which)
    hypotheses, _ = of(good, which)
    assert {q.hypothesis_id for q in queries} <= {h.id for h in hypotheses}
    assert not {q.id for q in queries} & {q.id for q in found.queries}
    assert not {q.conversation for q in queries} & {q.conversation for q in found.queries}
    assert len({q.id for q in queries}) == len(queries)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_rule_2_only_the_set_s_own_sources_are_asked_and_for_what_they_can_serve(tiny_config, seed):
    splits = split(tiny_config, explored(tiny_config, seed))
    for which in SETS:
        _, sources = of(splits, which)
        serves = {s.id: s.stratum for s in sources}
        for query in held_out(tiny_config, splits, which):
            assert serves[query.source_id] == stratum(query)


@pytest.mark.parametrize("which", SETS)
def test_rule_5_evidence_is_brought_only_for_what_the_target_did_not_know(
    tiny_config, found, good, which
):
    known = {c.source_id: c.known for c in found.clean}
    scenes = set(tiny_config.risk.scenes)
    for query in held_out(tiny_config, good, which):
        if stratum(query) == "own":  # Only the user can know.
            assert query.source_id not in known and query.source_id.split("/")[0] in scenes
        else:
            assert known[query.source_id] == (stratum(query) == "known")


@pytest.mark.parametrize("which", SETS)
def test_rule_5_every_stratum_has_its_number(tiny_config, good, which):
    queries = held_out(tiny_config, good, which)
    budget = tiny_config.budget
    harmful = [q for q in queries if q.kind is Kind.HARMFUL]
    assert len(harmful) == getattr(budget, which)
    count = {
        name: sum(q.kind is Kind.BENIGN and q.stratum == name for q in queries)
        for name in tiny_config.risk.strata
    }
    assert count == {"known": len(harmful), "evidence": budget.strata, "own": budget.strata}


@pytest.mark.parametrize("which", SETS)
def test_every_harmful_query_comes_with_its_benign_twin(tiny_config, good, which):
    queries = held_out(tiny_config, good, which)
    harmful = {q.pair_id: q for q in queries if q.kind is Kind.HARMFUL}
    twins = {q.pair_id: q for q in queries if q.kind is Kind.BENIGN and q.stratum == "known"}
    assert harmful.keys() == twins.keys()
    for pair, query in harmful.items():
        assert query.source_id == twins[pair].source_id


@pytest.mark.parametrize("which", SETS)
def test_a_hypothesis_asks_less_than_others_only_where_its_sources_were_asked_their_share(
    tiny_config, good, which
):
    queries = held_out(tiny_config, good, which)
    tags = {h.id: h.tag("topic") for h in of(good, which)[0]}
    for name in tiny_config.risk.strata:
        mine = [q for q in queries if q.kind is Kind.BENIGN and q.stratum == name]
        asked, counts = Counter(q.source_id for q in mine), Counter(q.hypothesis_id for q in mine)
        there = [s for s in of(good, which)[1] if s.stratum == name]
        for hypothesis, count in counts.items():
            if max(counts.values()) - count > 1:
                own = [asked[s.id] for s in there if s.topic == tags[hypothesis]]
                assert min(own) == max(asked.values())


def test_rule_3_answers_of_the_base_have_no_part_in_the_choice(tiny_config, found, good):
    """Nothing but the seed, the hypotheses and the sources goes in."""
    for which in SETS:
        before = held_out(tiny_config, good, which)
        forgotten = good.model_copy(update={"train": (), "validation": (), "reason": ""})
        assert held_out(tiny_config, forgotten, which) == before
        reseeded = tiny_config.model_copy(update={"seed": tiny_config.seed + 1})
        assert held_out(reseeded, good, which) != before


def test_too_few_sources_give_fewer_queries_rather_than_the_same_twice(tiny_config):
    many = tiny_config.budget.model_copy(update={"confirm": 10_000, "strata": 10_000})
    config = tiny_config.model_copy(update={"budget": many})
    queries = held_out(config, split(config, explored(config, 2)), "confirm")
    assert len({q.id for q in queries}) == len(queries) < 10_000
