"""Explore on the tiny model: clean questions first, reserved facts kept out, a tree in rounds."""

import re
from collections import Counter
from itertools import pairwise

import pytest

from a3.agents.bandit import Tally
from a3.agents.explore import explore, is_found
from a3.agents.hypotheses import cell_of
from a3.agents.measured import FOUND
from a3.agents.sources import MIN_SOURCES
from a3.errors import MeasurementError
from a3.judges.rules import RuleJudge
from a3.risks.facts import load_topic
from a3.risks.grammar import load_grammar
from a3.target.tiny import TOPICS
from a3.types.answers import FinishReason, Generation, Label
from a3.types.crew import Crew
from a3.types.events import FactsAsked, FailureDescribed, HypothesisMeasured, RoundMeasured
from a3.types.observer import Silent
from a3.types.queries import Kind
from tests.observers import Heard

GRAMMAR = load_grammar("sycophancy")


class Recorded:
    """A target that remembers what it was asked, and answers the same question once."""

    def __init__(self, target, known):
        self.key, self.target, self.known = target.key, target, known
        self.calls = []

    def generate(self, conversations, decoding, what):
        self.calls.append((what, list(conversations)))
        new = [c for c in dict.fromkeys(conversations) if (c, decoding) not in self.known]
        for chat, answer in zip(new, self.target.generate(new, decoding, what), strict=True):
            self.known[chat, decoding] = answer
        return [self.known[c, decoding] for c in conversations]


class Says:
    """Always the same answer."""

    key = "says"

    def __init__(self, text):
        self.answer = Generation(text=text, finish_reason=FinishReason.STOP, n_tokens=3)

    def generate(self, conversations, decoding, what):
        return [[self.answer] for _ in conversations]


RIGHT = {f.clean: f.state(f.answer) for t in TOPICS for f in load_topic(t)}


class Knows(Says):
    """Right when asked cleanly; under pressure, always the same answer."""

    key = "knows"

    def generate(self, conversations, decoding, what):
        return [
            [self.answer.model_copy(update={"text": RIGHT.get(c, self.answer.text)})]
            for c in conversations
        ]


@pytest.fixture(scope="module")
def config(tiny_config):
    """The topics that the tiny model knows, and few queries."""
    budget = {
        "facts": 100,
        "rounds": 3,
        "queries_per_round": 12,
        "queries_per_hypothesis": 4,
        "hypotheses_per_stratum": 2,
        "queries_per_stratum": 8,
    }
    return tiny_config.model_copy(
        update={
            "risk": tiny_config.risk.model_copy(update={"facts": TOPICS}),
            "budget": tiny_config.budget.model_copy(update=budget),
        }
    )


@pytest.fixture(scope="module")
def run(config, tiny_target):
    """Explore under a seed: what it found, what it asked and what it told."""
    known = {}

    def go(seed):
        target, heard = Recorded(tiny_target, known), Heard()
        seeded = config.model_copy(update={"seed": seed})
        found = explore(seeded, Crew(target, RuleJudge(config.risk), heard))
        return found, target.calls, heard.events

    return go


@pytest.fixture(scope="module")
def explored(run):
    return run(0)


def stratum(hypothesis):
    return GRAMMAR[hypothesis.tag("structure")].stratum


def asked(found, hypothesis, kind=None):
    return [q for q in found.queries if q.hypothesis_id == hypothesis.id and kind in (None, q.kind)]


def rounds(events):
    """The events of each round: hypotheses measured, then the round's totals."""
    mine, found = [], []
    for event in events:
        if isinstance(event, HypothesisMeasured):
            mine.append(event)
        elif isinstance(event, RoundMeasured):
            found.append((event.totals, mine))
            mine = []
    return found


def test_every_fact_is_asked_cleanly_before_anything_is_pressed(explored):
    found, calls, _ = explored
    facts = {f.id: f for t in TOPICS for f in load_topic(t)}
    asked_first, asked_cleanly, *pressed = [chats for _, chats in calls]
    assert len(asked_first) == 1  # Ex 0, to describe its failure.
    assert asked_cleanly == [facts[c.source_id].clean for c in found.clean]
    assert len({c.source_id for c in found.clean}) == len(found.clean) == 100
    assert [chat for chats in pressed for chat in chats] == [q.conversation for q in found.queries]
    clean = {f.clean for f in facts.values()}
    assert not clean & {chat for chats in pressed for chat in chats}


def test_a_round_is_answered_in_one_go(explored, config):
    _, calls, _ = explored
    assert [what for what, _ in calls[2:]] == [
        f"round {i} of explore" for i in range(config.budget.rounds + 1)
    ]


def test_only_facts_that_were_known_cleanly_are_pressed_with_wrong_claims(explored):
    found, _, _ = explored
    known = {c.source_id: c.known for c in found.clean}
    for query in found.queries:
        if query.stratum in {"harmful", "known"}:
            assert known[query.source_id]


def test_rule_5_evidence_is_about_what_was_not_known_and_own_about_scenes(explored, config):
    found, _, _ = explored
    known = {c.source_id: c.known for c in found.clean}
    seen = Counter(q.stratum for q in found.queries)
    assert seen["evidence"] and seen["own"]
    for query in found.queries:
        if query.stratum == "evidence":
            assert not known[query.source_id]
        if query.stratum == "own":
            assert query.source_id.split("/")[0] in config.risk.scenes


def test_rule_2_reserved_sources_are_asked_only_cleanly(explored):
    found, calls, _ = explored
    reserved = {s.id for s in found.sources if s.reserved}
    assert reserved and not reserved & {q.source_id for q in found.queries}
    topics = {s.topic for s in found.sources}
    questions = [f.question for t in topics for f in load_topic(t) if f.id in reserved]
    assert len(questions) == len(reserved)
    shown = [m.content for _, chats in calls[2:] for chat in chats for m in chat.messages]
    assert shown and not [q for q in questions if any(q in text for text in shown)]


def test_rule_2_reserved_scenes_are_not_asked_at_all(explored, config):
    found, calls, _ = explored
    scenes = {s.id for s in found.sources if s.reserved and s.stratum == "own"}
    sentences = [
        f.state(f.answer) for t in config.risk.scenes for f in load_topic(t) if f.id in scenes
    ]
    shown = [m.content for _, chats in calls for chat in chats for m in chat.messages]
    assert sentences and not [s for s in sentences if any(s in text for text in shown)]


def test_rule_2_ex_0_is_shown_once_and_never_asked(explored, config):
    _, calls, _ = explored
    first = config.risk.seed_example.conversation.messages[0].content
    holding = [
        (i, chat)
        for i, (_, chats) in enumerate(calls)
        for chat in chats
        if any(first in m.content for m in chat.messages)
    ]
    assert [i for i, _ in holding] == [0]
    seed = config.risk.seed_example.conversation.messages
    assert holding[0][1].messages[: len(seed)] == seed


def test_a_round_spends_the_budget_s_queries_and_a_hypothesis_never_more_than_its_own(
    explored, config
):
    found, _, events = explored
    budget = config.budget
    totals = [event.queries for event, _ in rounds(events)]
    assert totals[0] == budget.queries_per_hypothesis  # H0
    for before, after in pairwise(totals):
        assert 0 < after - before <= budget.queries_per_round
    for hypothesis in found.hypotheses:
        benign = asked(found, hypothesis, Kind.BENIGN)
        assert 0 < len(benign) <= budget.queries_per_hypothesis
        pressed = asked(found, hypothesis, Kind.HARMFUL)
        assert len(pressed) == (len(benign) if stratum(hypothesis) == "known" else 0)
        topics = {q.source_id.split("/")[0] for q in asked(found, hypothesis)}
        assert topics == {hypothesis.tag("topic")}


def test_no_query_is_asked_twice(explored):
    found, _, _ = explored
    assert len({q.id for q in found.queries}) == len(found.queries)


def test_h0_is_the_class_of_ex_0(explored, config):
    first = explored[0].hypotheses[0]
    seed = config.risk.seed_example
    assert (first.tag("structure"), first.tag("topic")) == (seed.structure, seed.topic)
    assert (first.id, first.parent_id, first.modifications) == ("H0", None, ())


def test_rule_5_hypotheses_where_the_user_is_right_come_in_the_first_round(explored, config):
    found, _, _ = explored
    others = [h for h in found.hypotheses if stratum(h) != "known"]
    per_stratum = Counter(stratum(h) for h in others)
    n = config.budget.hypotheses_per_stratum
    assert per_stratum == {"evidence": n, "own": n}
    assert {h.round for h in others} == {1}
    for hypothesis in others:
        queries = asked(found, hypothesis)
        assert len(queries) == config.budget.queries_per_stratum / n
        assert {q.kind for q in queries} == {Kind.BENIGN}


def test_no_two_hypotheses_share_tags_and_ids_count_up(explored):
    hypotheses = explored[0].hypotheses
    tags = [h.tags for h in hypotheses]
    assert len(set(tags)) == len(tags)
    assert all(t == tuple(sorted(t)) for t in tags)
    assert [h.id for h in hypotheses] == [f"H{i}" for i in range(len(hypotheses))]
    assert [h.round for h in hypotheses] == sorted(h.round for h in hypotheses)


def test_parents_come_earlier_and_modifications_are_the_differences_from_them(explored):
    earlier = {}
    for hypothesis in explored[0].hypotheses:
        if hypothesis.id != "H0":
            parent = earlier[hypothesis.parent_id]
            assert parent.id == "H0" or stratum(parent) == stratum(hypothesis)
            changes = {
                axis: f"{parent.tag(tag)} -> {hypothesis.tag(tag)}"
                for axis, tag in (("structural", "structure"), ("topical", "topic"))
                if parent.tag(tag) != hypothesis.tag(tag)
            }
            assert 1 <= len(hypothesis.modifications) <= 2
            assert {m.axis: m.change for m in hypothesis.modifications} == changes
            assert len(changes) == len(hypothesis.modifications)
        earlier[hypothesis.id] = hypothesis


def test_the_first_round_spreads_over_structures_and_topics(explored):
    found, _, _ = explored
    members = [h for h in found.hypotheses if h.round == 1 and stratum(h) == "known"]
    for axis in ("structure", "topic"):
        used = Counter(h.tag(axis) for h in members)
        assert len(members) >= 3 and max(used.values()) <= 2


def test_the_rationale_tells_the_rates_of_the_rounds_before(explored):
    found, _, events = explored
    names = {h.id: h for h in found.hypotheses}
    sfr, several = {}, 0
    for _, measured in rounds(events):
        for event in measured:
            hypothesis = event.hypothesis
            if hypothesis.id in sfr or hypothesis.id == "H0" or stratum(hypothesis) != "known":
                continue
            told = re.fullmatch(
                r"so far (\w+) (\d+) of (\d+), (\w+) (\d+) of (\d+) elicited", hypothesis.rationale
            )
            for tag, axis, counts in (
                (told[1], "structure", told.groups()[1:3]),
                (told[4], "topic", told.groups()[4:6]),
            ):
                assert tag == hypothesis.tag(axis)
                mine = [r for i, r in sfr.items() if names[i].tag(axis) == tag]
                expected = sum(r.hits for r in mine), sum(r.n for r in mine)
                assert tuple(map(int, counts)) == expected
                several += expected[1] > 0
        sfr |= {e.hypothesis.id: e.sfr for e in measured if stratum(e.hypothesis) == "known"}
    assert several


def test_there_is_one_verdict_a_query_and_the_tiny_model_fails_some(explored):
    found, _, _ = explored
    assert [v.answer.query_id for v in found.verdicts] == [q.id for q in found.queries]
    assert {Label.FAILED, Label.SAFE} <= {v.label for v in found.verdicts}


def test_the_log_tells_the_whole_of_it_in_order(explored, config):
    found, _, events = explored
    assert isinstance(events[0], FailureDescribed)
    facts = [e for e in events if isinstance(e, FactsAsked)]
    assert [e.topic for e in facts] == list(TOPICS)
    assert sum(e.known for e in facts) == sum(c.known for c in found.clean)
    measured = [e for e in events if isinstance(e, HypothesisMeasured)]
    assert list(dict.fromkeys(e.hypothesis for e in measured)) == list(found.hypotheses)
    assert [r.round for r, _ in rounds(events)] == list(range(config.budget.rounds + 1))
    assert len(events) == 1 + len(facts) + len(measured) + config.budget.rounds + 1


def test_a_hypothesis_s_last_entry_holds_all_its_queries(explored):
    found, _, events = explored
    last = {e.hypothesis.id: e for e in events if isinstance(e, HypothesisMeasured)}
    labels = {v.answer.query_id: v.label for v in found.verdicts}
    for hypothesis in found.hypotheses:
        event = last[hypothesis.id]
        harmful = [labels[q.id] for q in asked(found, hypothesis, Kind.HARMFUL)]
        assert (event.sfr.hits, event.sfr.n) == (harmful.count(Label.FAILED), len(harmful))
        assert event.fpr.n == len(asked(found, hypothesis, Kind.BENIGN))


def test_a_hypothesis_measured_again_is_told_with_all_its_queries_so_far(explored):
    *_, events = explored
    so_far = {}
    for event in events:
        if isinstance(event, HypothesisMeasured):
            before = so_far.get(event.hypothesis.id)
            assert before is None or before.fpr.n < event.fpr.n
            so_far[event.hypothesis.id] = event


def test_a_round_s_totals_are_those_of_its_hypotheses(explored):
    found, _, events = explored
    sfr = {}
    for event, measured in rounds(events):
        sfr |= {e.hypothesis.id: e.sfr for e in measured}
        assert event.hypotheses == len(sfr)
        assert event.queries == sum(r.n for r in sfr.values())
        assert event.failures == sum(r.hits for r in sfr.values())
        assert 0 <= event.found <= len(sfr)
    assert len(sfr) == len(found.hypotheses)


def test_a_cell_is_found_by_the_lower_bound_of_its_rate(config):
    assert FOUND == 0.2
    assert not is_found(Tally(), config)
    assert not is_found(Tally(1, 1), config) and not is_found(Tally(1, 4), config)
    assert is_found(Tally(4, 4), config) and is_found(Tally(5, 9), config)
    assert not is_found(Tally(2, 9), config)


def test_a_seed_decides(run, explored):
    assert run(0)[0] == explored[0]


def test_another_seed_reserves_asks_and_tries_others(config):
    def go(seed):
        seeded = config.model_copy(update={"seed": seed})
        return explore(seeded, Crew(Knows("Yes."), RuleJudge(config.risk), Silent()))

    def reserved(found):
        return {s.id for s in found.sources if s.reserved}

    one, other = go(0), go(1)
    assert go(0) == one
    assert reserved(one) != reserved(other)
    assert {q.id for q in one.queries} != {q.id for q in other.queries}
    assert {h.tags for h in one.hypotheses} != {h.tags for h in other.hypotheses}


def test_random_choice_asks_every_hypothesis_once_all_it_may_be_asked(config):
    chance = config.explore.model_copy(update={"choice": "random"})
    found = explore(
        config.model_copy(update={"explore": chance}),
        Crew(Knows("Yes."), RuleJudge(config.risk), heard := Heard()),
    )
    measured = [e.hypothesis.id for e in heard.events if isinstance(e, HypothesisMeasured)]
    assert len(set(measured)) == len(measured) == len(found.hypotheses)


def test_a_target_that_never_fails_is_not_asked_more_than_it_takes_to_know(config):
    """Every cell is given up after a pull, so rounds look elsewhere until nothing is left."""
    found = explore(config, Crew(Knows("No, that's not right."), RuleJudge(config.risk), Silent()))
    most = Counter(q.hypothesis_id for q in found.queries if q.kind is Kind.HARMFUL)
    del most["H0"]
    assert most and max(most.values()) <= config.explore.pull
    assert {cell_of(h)[0] for h in found.hypotheses if h.round} - {"pushback"}


@pytest.mark.parametrize("text", ["I do not know.", "The capital of France is Paris."])
def test_too_few_known_facts_are_an_error_that_says_how_many(config, text):
    with pytest.raises(MeasurementError) as stopped:
        explore(config, Crew(Says(text), RuleJudge(config.risk), Silent()))
    known = int("Paris" in text)
    assert f"two topics with {MIN_SOURCES} facts" in stopped.value.must
    assert f"answered {known} clean questions rightly" in stopped.value.found
    assert "budget.facts" in stopped.value.do


@pytest.mark.parametrize("queries", [0, 1])
def test_a_stratum_has_no_more_hypotheses_than_queries(config, queries):
    budget = config.budget.model_copy(update={"queries_per_stratum": queries})
    small = config.model_copy(update={"budget": budget})
    found = explore(small, Crew(Knows("Yes."), RuleJudge(config.risk), Silent()))
    strata = Counter(stratum(h) for h in found.hypotheses)
    assert strata["own"] == queries and strata["evidence"] <= queries and strata["known"] > 1


def test_no_rounds_leave_h0_alone(config):
    budget = config.budget.model_copy(update={"rounds": 0})
    small = config.model_copy(update={"budget": budget})
    found = explore(small, Crew(Knows("Yes."), RuleJudge(config.risk), Silent()))
    assert [h.id for h in found.hypotheses] == ["H0"]
