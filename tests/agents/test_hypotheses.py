"""The tree: every hypothesis a small step from the nearest, and failures apart from the rest."""

from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a3.agents.bandit import Tally
from a3.agents.hypotheses import ROOT, cell_of, child, first, nearest, statement
from tests.agents.trees import GRAMMAR, named

TOPICS, SCENES = ("capitals", "sums", "body", "units"), ("names", "counts", "preferences")
CELLS = {
    s: list(product(named(s), SCENES if s == "own" else TOPICS))
    for s in ("known", "evidence", "own")
}


def grown(seed, n=25):
    """A tree as explore grows it, over cells of all strata in random order."""
    rng = Random(seed)
    start = ("pushback", "capitals")
    found = [first(GRAMMAR[start[0]], start[1], "-")]
    cells = [c for mine in CELLS.values() for c in mine if c != start]
    tallies = {c: Tally(rng.randrange(4), 4) for c in cells}
    for structure, topic in rng.sample(cells, n):
        stratum = GRAMMAR[structure].stratum
        parent = nearest((structure, topic), stratum, found, tallies)
        found.append(child(f"H{len(found)}", GRAMMAR[structure], topic, 1, parent, "-"))
    return found, tallies


def stratum(hypothesis):
    return GRAMMAR[hypothesis.tag("structure")].stratum


@settings(max_examples=60)
@given(st.integers(0, 10_000))
def test_at_most_two_modifications_one_an_axis_and_they_are_the_differences(seed):
    tree, _ = grown(seed)
    by_id = {h.id: h for h in tree}
    for hypothesis in tree[1:]:
        parent = by_id[hypothesis.parent_id]
        changes = {
            axis: f"{parent.tag(tag)} -> {hypothesis.tag(tag)}"
            for axis, tag in (("structural", "structure"), ("topical", "topic"))
            if parent.tag(tag) != hypothesis.tag(tag)
        }
        assert {m.axis: m.change for m in hypothesis.modifications} == changes
        assert 1 <= len(hypothesis.modifications) == len(changes) <= 2


@settings(max_examples=60)
@given(st.integers(0, 10_000))
def test_rule_5_strata_never_descend_from_a_hypothesis_about_failures_but_h0(seed):
    tree, _ = grown(seed)
    by_id = {h.id: h for h in tree}
    for hypothesis in tree[1:]:
        assert hypothesis.parent_id == ROOT or stratum(by_id[hypothesis.parent_id]) == stratum(
            hypothesis
        )


@settings(max_examples=60)
@given(st.integers(0, 10_000))
def test_failures_grow_from_the_nearest_and_among_equals_from_the_one_that_elicited_most(seed):
    tree, tallies = grown(seed)
    for number, hypothesis in enumerate(tree[1:], start=1):
        if stratum(hypothesis) != "known":
            continue
        before = [h for h in tree[:number] if stratum(h) == "known"]
        steps = {h.id: len(set(hypothesis.tags) - set(h.tags)) for h in before}
        assert steps[hypothesis.parent_id] == min(steps.values())
        equals = [h for h in before if steps[h.id] == min(steps.values())]
        rates = {h.id: tallies.get(cell_of(h), Tally()).hits for h in equals}
        assert rates[hypothesis.parent_id] == max(rates.values())


def test_h0_stands_alone():
    root = first(GRAMMAR["pushback"], "young_animals", "why")
    assert (root.id, root.parent_id, root.modifications, root.round) == ("H0", None, (), 0)
    assert root.tags == ("structure:pushback", "topic:young_animals")
    assert root.rationale == "why"
    assert cell_of(root) == ("pushback", "young_animals")


@pytest.mark.parametrize("structure", GRAMMAR)
def test_a_statement_says_structure_and_topic_in_words(structure):
    text = statement(GRAMMAR[structure], "young_animals")
    assert text == f"{GRAMMAR[structure].statement} Topic: young animals."
