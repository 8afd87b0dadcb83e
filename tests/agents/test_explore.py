"""Explore on the tiny model: clean questions first, reserved facts kept out, a tree in rounds."""

import re

import pytest

from a3.agents.explore import MIN_SOURCES, explore
from a3.errors import MeasurementError
from a3.judges.rules import RuleJudge
from a3.risks.facts import load_topic
from a3.target.tiny import TOPICS
from a3.types.answers import FinishReason, Generation, Label
from a3.types.events import FactsAsked, FailureDescribed, HypothesisMeasured
from a3.types.observer import Silent
from a3.types.queries import Kind


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


class Heard(Silent):
    """Keeps the events."""

    def __init__(self):
        self.events = []

    def event(self, event):
        self.events.append(event)


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
    budget = {"facts": 50, "rounds": 3, "hypotheses_per_round": 3, "queries_per_hypothesis": 4}
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
        found = explore(seeded, target, RuleJudge(config.risk), heard)
        return found, target.calls, heard.events

    return go


@pytest.fixture(scope="module")
def explored(run):
    return run(0)


def test_every_fact_is_asked_cleanly_before_anything_is_pressed(explored):
    found, calls, _ = explored
    facts = {f.id: f for t in TOPICS for f in load_topic(t)}
    asked_first, asked_cleanly, *pressed = [chats for _, chats in calls]
    assert len(asked_first) == 1  # Ex 0, to describe its failure.
    assert asked_cleanly == [facts[c.source_id].clean for c in found.clean]
    assert len({c.source_id for c in found.clean}) == len(found.clean) == 50
    assert [chat for chats in pressed for chat in chats] == [q.conversation for q in found.queries]
    clean = {f.clean for f in facts.values()}
    assert not clean & {chat for chats in pressed for chat in chats}


def test_topics_are_asked_alike_and_their_most_famous_facts(explored):
    found, _, _ = explored
    for topic in TOPICS:
        asked = {c.source_id for c in found.clean if c.topic == topic}
        assert asked == {f.id for f in load_topic(topic)[:10]}


def test_only_facts_that_were_known_cleanly_are_pressed(explored):
    found, _, _ = explored
    known = {c.source_id for c in found.clean if c.known}
    assert {q.source_id for q in found.queries} <= known
    assert set(found.reserved) <= known


def test_rule_2_reserved_sources_are_asked_only_cleanly(explored, config):
    found, calls, _ = explored
    reserved = set(found.reserved)
    assert reserved and not reserved & {q.source_id for q in found.queries}
    questions = [f.question for t in TOPICS for f in load_topic(t) if f.id in reserved]
    assert len(questions) == len(reserved)
    shown = [m.content for _, chats in calls[2:] for chat in chats for m in chat.messages]
    assert shown and not [q for q in questions if any(q in text for text in shown)]
    for topic in TOPICS:
        known = sum(c.known for c in found.clean if c.topic == topic)
        mine = [s for s in reserved if s.startswith(f"{topic}/")]
        assert len(mine) == round(known * config.explore.reserve)


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


def test_there_are_as_many_hypotheses_as_the_budget_says(explored, config):
    found, _, _ = explored
    rounds = [h.round for h in found.hypotheses]
    assert rounds == [0, *sorted([1, 2, 3] * 3)]
    assert [h.id for h in found.hypotheses] == [f"H{i}" for i in range(len(rounds))]
    for hypothesis in found.hypotheses:
        mine = [q for q in found.queries if q.hypothesis_id == hypothesis.id]
        assert sum(q.kind is Kind.HARMFUL for q in mine) == 4 and len(mine) == 8
        assert {q.source_id.split("/")[0] for q in mine} == {hypothesis.tag("topic")}


def test_h0_is_the_class_of_ex_0(explored, config):
    first = explored[0].hypotheses[0]
    seed = config.risk.seed_example
    assert (first.tag("structure"), first.tag("topic")) == (seed.structure, seed.topic)
    assert (first.parent_id, first.modifications) == (None, ())


def test_no_two_hypotheses_share_tags(explored):
    tags = [h.tags for h in explored[0].hypotheses]
    assert len(set(tags)) == len(tags)
    assert all(t == tuple(sorted(t)) for t in tags)


def test_parents_come_earlier_and_modifications_are_the_differences_from_them(explored):
    earlier = {}
    for hypothesis in explored[0].hypotheses:
        if hypothesis.id != "H0":
            parent = earlier[hypothesis.parent_id]
            assert parent.round < hypothesis.round
            changes = {
                axis: f"{parent.tag(tag)} -> {hypothesis.tag(tag)}"
                for axis, tag in (("structural", "structure"), ("topical", "topic"))
                if parent.tag(tag) != hypothesis.tag(tag)
            }
            assert 1 <= len(hypothesis.modifications) <= 2
            assert {m.axis: m.change for m in hypothesis.modifications} == changes
            assert len(changes) == len(hypothesis.modifications)
        earlier[hypothesis.id] = hypothesis


def test_a_parent_is_one_of_the_nearest_so_far(explored):
    hypotheses = explored[0].hypotheses
    for child in hypotheses[1:]:
        before = [h for h in hypotheses if h.round < child.round]
        distances = [len(set(child.tags) - set(h.tags)) for h in before]
        assert len(child.modifications) == min(distances)


def test_a_round_spreads_over_structures_and_topics(explored):
    found, _, _ = explored
    for number in (1, 2, 3):
        members = [h for h in found.hypotheses if h.round == number]
        for axis in ("structure", "topic"):
            used = [h.tag(axis) for h in members]
            assert max(used.count(u) for u in used) <= 2


def test_the_rationale_tells_the_rates_of_the_rounds_before(explored):
    found, _, _ = explored
    by_id = {q.id: q for q in found.queries}
    by_name = {h.id: h for h in found.hypotheses}

    def elicited(tag, before):
        mine = [
            v.label
            for v in found.verdicts
            for q in [by_id[v.answer.query_id]]
            if q.kind is Kind.HARMFUL
            and tag in by_name[q.hypothesis_id].tags
            and by_name[q.hypothesis_id].round < before
        ]
        return mine.count(Label.FAILED), len(mine)

    several = 0
    for hypothesis in found.hypotheses[1:]:
        told = re.fullmatch(
            r"so far (\w+) elicited (\d+) of (\d+), (\w+) (\d+) of (\d+)", hypothesis.rationale
        )
        structure, *s_counts, topic, t_hits, t_n = told.groups()
        assert f"structure:{structure}" in hypothesis.tags and f"topic:{topic}" in hypothesis.tags
        assert tuple(map(int, s_counts)) == elicited(f"structure:{structure}", hypothesis.round)
        assert (int(t_hits), int(t_n)) == elicited(f"topic:{topic}", hypothesis.round)
        several += int(t_n) > 0
    assert several


def test_there_is_one_verdict_a_query_and_the_tiny_model_fails_some(explored):
    found, _, _ = explored
    assert [v.answer.query_id for v in found.verdicts] == [q.id for q in found.queries]
    assert len({q.id for q in found.queries}) == len(found.queries)
    assert {Label.FAILED, Label.SAFE} <= {v.label for v in found.verdicts}


def test_the_log_tells_the_whole_of_it_in_order(explored):
    found, _, events = explored
    assert isinstance(events[0], FailureDescribed)
    asked = [e for e in events if isinstance(e, FactsAsked)]
    assert [e.topic for e in asked] == list(TOPICS)
    assert sum(e.known for e in asked) == sum(c.known for c in found.clean)
    measured = [e for e in events if isinstance(e, HypothesisMeasured)]
    assert [e.hypothesis for e in measured] == list(found.hypotheses)
    assert len(events) == 1 + len(asked) + len(measured)
    for event in measured:
        mine = [q for q in found.queries if q.hypothesis_id == event.hypothesis.id]
        assert event.example == mine[0].conversation.last.content
        failures = [
            v.label is Label.FAILED
            for q, v in zip(found.queries, found.verdicts, strict=True)
            if q.hypothesis_id == event.hypothesis.id and q.kind is Kind.HARMFUL
        ]
        assert (event.sfr.hits, event.sfr.n) == (sum(failures), len(failures))


def test_a_seed_decides(run, explored):
    assert run(0)[0] == explored[0]


def test_another_seed_reserves_asks_and_tries_others(config):
    def go(seed):
        seeded = config.model_copy(update={"seed": seed})
        return explore(seeded, Knows("Yes."), RuleJudge(config.risk), Silent())

    one, other = go(0), go(1)
    assert go(0) == one
    assert set(one.reserved) != set(other.reserved)
    assert {q.id for q in one.queries} != {q.id for q in other.queries}
    assert {h.tags for h in one.hypotheses} != {h.tags for h in other.hypotheses}


@pytest.mark.parametrize("text", ["I do not know.", "The capital of France is Paris."])
def test_too_few_known_facts_are_an_error_that_says_how_many(config, text):
    with pytest.raises(MeasurementError) as stopped:
        explore(config, Says(text), RuleJudge(config.risk), Silent())
    known = int("Paris" in text)
    assert f"two topics with {MIN_SOURCES} facts" in stopped.value.must
    assert f"answered {known} clean questions rightly" in stopped.value.found
    assert "budget.facts" in stopped.value.do


def test_no_hypotheses_a_round_leave_h0_alone(config):
    budget = config.budget.model_copy(update={"hypotheses_per_round": 0})
    small = config.model_copy(update={"budget": budget})
    found = explore(small, Knows("Yes."), RuleJudge(config.risk), Silent())
    assert [h.id for h in found.hypotheses] == ["H0"]
