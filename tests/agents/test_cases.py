"""Cases of a held-out set: hypotheses take turns, and no source makes up much of it."""

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from a3.agents.cases import MOST_OF_A_SET, evenly
from a3.types.chat import Conversation, Message
from a3.types.queries import Kind, Query, Reference


def case(hypothesis, number, source):
    """A benign query without a twin."""
    words = Conversation(messages=(Message(role="user", content=f"{source}?"),))
    return (
        Query(
            id=f"{hypothesis}/{number}",
            hypothesis_id=hypothesis,
            kind=Kind.BENIGN,
            stratum="own",
            conversation=words,
            pair_id=f"{hypothesis}/{number}",
            source_id=source,
            reference=Reference(correct="yes", expected_behaviour="-"),
        ),
    )


def drawn(*hypotheses):
    """Cases of each hypothesis, given what they are about."""
    return [[case(f"H{h}", i, s) for i, s in enumerate(mine)] for h, mine in enumerate(hypotheses)]


def sources(cases):
    return Counter(c[0].source_id for c in cases)


def hypotheses(cases):
    return Counter(c[0].hypothesis_id for c in cases)


SETS = st.lists(st.lists(st.sampled_from("abcdefghijkl"), max_size=30), max_size=6)


@given(SETS, st.integers(0, 60))
def test_as_many_as_wanted_or_all_there_are_and_none_twice(made, wanted):
    cases = drawn(*made)
    found = evenly(cases, wanted)
    assert len(found) == min(wanted, sum(map(len, cases)))
    assert len(set(found)) == len(found)


@given(SETS, st.integers(1, 60))
def test_a_source_has_more_than_its_share_only_where_the_set_would_stay_short(made, wanted):
    most = max(sources(evenly(drawn(*made), wanted)).values(), default=0)
    share = math.ceil(MOST_OF_A_SET * wanted)
    if most > share:
        there = Counter(source for mine in made for source in mine)
        assert sum(min(n, most - 1) for n in there.values()) < wanted


def test_who_has_a_single_fact_gives_the_turn_to_others():
    """Thirty hypotheses about the triangle, and two about two hundred other facts."""
    many = [[f"fact {i}" for i in range(h, 200, 2)] for h in range(2)]
    found = evenly(drawn(*[["triangle"] * 20] * 30, *many), 100)
    assert len(found) == 100 and sources(found)["triangle"] == 3
    assert hypotheses(found)["H30"] - hypotheses(found)["H31"] in (0, 1)


def test_where_facts_suffice_hypotheses_count_alike_and_facts_are_asked_alike():
    found = evenly(drawn(*[[f"fact {i % 20}" for i in range(100)]] * 5), 100)
    assert set(hypotheses(found).values()) == {20}
    assert set(sources(found).values()) == {5}
