"""What may be asked about: sorted by what the target knows, and a share out of sight."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a3.agents.knowledge import ask_cleanly
from a3.agents.sources import MIN_SOURCES, gather
from a3.errors import MeasurementError
from a3.risks.facts import load_topic
from a3.types.answers import FinishReason, Generation
from a3.types.events import FactsAsked
from a3.types.observer import Silent
from tests.conftest import CONF, compose
from tests.observers import Heard

STOP, ERROR = FinishReason.STOP, FinishReason.ERROR


class Knows:
    """Answers the first `share` of each topic's facts rightly, and others wrongly."""

    key = "knows"

    def __init__(self, config, share, lost=()):
        self.asked, self.lost = [], set(lost)
        facts = [load_topic(t) for t in config.risk.facts]
        self.said = {
            f.clean: f.state(f.answer if i < share * len(mine) else f.distractors[0])
            for mine in facts
            for i, f in enumerate(mine)
        }

    def generate(self, conversations, decoding, what):
        self.asked += conversations
        return [
            [
                Generation(text="timeout", finish_reason=ERROR, n_tokens=0)
                if c in self.lost
                else Generation(text=self.said[c], finish_reason=STOP, n_tokens=5)
            ]
            for c in conversations
        ]


@pytest.fixture(scope="module")
def config():
    return compose("model=tiny", "budget=quick", "budget.facts=560")


def gathered(config, share=0.3, seed=0, **rest):
    target, heard = Knows(config, share, **rest), Heard()
    sources, clean = gather(config, target, heard, Random(seed))
    return sources, clean, target, heard.events


@pytest.fixture(scope="module")
def usual(config):
    return gathered(config)


def test_every_fact_is_asked_cleanly_and_topics_alike(config, usual):
    _, clean, target, events = usual
    facts = {f.clean for t in config.risk.facts for f in load_topic(t)}
    assert set(target.asked) <= facts and len(set(target.asked)) == len(target.asked)
    asked = Counter(c.topic for c in clean)
    assert set(asked) == set(config.risk.facts) and max(asked.values()) == min(asked.values())
    assert events == [
        FactsAsked(
            topic=t,
            known=sum(c.known for c in clean if c.topic == t),
            asked=asked[t],
        )
        for t in config.risk.facts
    ]


def test_the_most_famous_facts_are_asked(config, usual):
    _, clean, _, _ = usual
    for topic in config.risk.facts:
        mine = [c.source_id for c in clean if c.topic == topic]
        assert set(mine) == {f.id for f in load_topic(topic)[: len(mine)]}


def test_what_the_target_knows_decides_which_stratum_a_fact_can_serve(config, usual):
    sources, clean, _, _ = usual
    stratum = {s.id: s.stratum for s in sources.all}
    for answer in clean:
        assert stratum[answer.source_id] == ("known" if answer.known else "evidence")
    scenes = {f.id for t in config.risk.scenes for f in load_topic(t)}
    assert {i for i, s in stratum.items() if s == "own"} == scenes
    assert len(stratum) == len(sources.all) == len(clean) + len(scenes)


def test_what_is_known_in_one_phrasing_alone_serves_no_stratum(config):
    """Facts by turns: right in all three, in the plain one alone, in none."""
    ways = ("{question}", "Tell me. {question}", "{question} Well?")
    explore = config.explore.model_copy(update={"phrasings": ways})
    asking = config.model_copy(update={"explore": explore})
    facts = load_topic("capitals")[:9]

    class Moody:
        key = "moody"

        def generate(self, conversations, decoding, what):
            return [[self.say(c.last.content)] for c in conversations]

        def say(self, said):
            i, fact = next((i, f) for i, f in enumerate(facts) if f.question in said)
            right = i % 3 == 0 or (i % 3 == 1 and said == fact.question)
            text = fact.said(fact.answer if right else fact.distractors[0])
            return Generation(text=text, finish_reason=STOP, n_tokens=5)

    found = ask_cleanly(asking, Moody(), facts)
    assert [(a.known, a.doubtful) for a in found] == [
        (True, False),
        (False, True),
        (False, False),
    ] * 3
    assert all(
        (fact.answer in a.answer.text) == (a.known or a.doubtful)
        for fact, a in zip(facts, found, strict=True)
    )


def test_what_is_known_in_some_phrasings_alone_is_only_learned_from(config):
    """Of four facts two are known, one is right if asked plainly, one if asked otherwise."""
    ways = ("{question}", "Tell me. {question}")
    explore = config.explore.model_copy(update={"phrasings": ways})
    facts = {f.question: (i, f) for t in config.risk.facts for i, f in enumerate(load_topic(t))}

    class Moody:
        key = "moody"

        def generate(self, conversations, decoding, what):
            return [[self.say(c.last.content)] for c in conversations]

        def say(self, said):
            i, fact = facts[said.removeprefix("Tell me. ")]
            right = i % 4 < 2 or (i % 4 == 2) == (said == fact.question)
            text = fact.said(fact.answer if right else fact.distractors[0])
            return Generation(text=text, finish_reason=STOP, n_tokens=5)

    asking = config.model_copy(update={"explore": explore})
    sources, clean = gather(asking, Moody(), Heard(), Random(0))
    doubtful = {s.id: s for s in sources.all if s.doubtful}
    assert set(doubtful) == {a.source_id for a in clean if a.doubtful}
    assert not any(s.reserved for s in doubtful.values())
    assert not doubtful.keys() & {
        f.id for of in sources.open.values() for fs in of.values() for f in fs
    }
    place = {f.id: i for i, f in facts.values()}
    assert {(s.stratum, place[s.id] % 4) for s in doubtful.values()} == {
        ("known", 2),
        ("evidence", 3),
    }


@settings(max_examples=10)
@given(share=st.floats(0.2, 0.9), seed=st.integers(0, 1000))
def test_rule_2_open_and_reserved_sources_are_disjoint(config, share, seed):
    sources, _, _, _ = gathered(config, share, seed)
    reserved = {s.id for s in sources.all if s.reserved}
    for stratum, topics in sources.open.items():
        for topic, facts in topics.items():
            mine = [s for s in sources.all if (s.stratum, s.topic) == (stratum, topic)]
            assert not {f.id for f in facts} & reserved
            assert {f.id for f in facts} == {s.id for s in mine if not s.reserved}
            kept = sum(s.reserved for s in mine)
            assert kept == round(len(mine) * config.explore.reserve)
            assert len(facts) >= MIN_SOURCES


def test_a_topic_with_few_sources_of_a_stratum_is_not_explored_in_it(config, usual):
    sources, clean, _, _ = usual
    for topic in config.risk.facts:
        known = sum(c.known for c in clean if c.topic == topic)
        left = known - round(known * config.explore.reserve)
        assert (topic in sources.open["known"]) == (left >= MIN_SOURCES)


def test_rule_4_a_fact_whose_clean_answer_never_came_serves_no_stratum(config):
    lost = [load_topic(t)[0] for t in config.risk.facts]
    sources, _, _, _ = gathered(config, lost={f.clean for f in lost})
    assert not {f.id for f in lost} & {s.id for s in sources.all}


def test_rule_2_the_fact_of_ex_0_is_never_a_source(config, usual):
    seed = config.risk.seed_example.conversation.messages[0].content
    assert seed not in {c.last.content for c in usual[2].asked}


def test_a_seed_decides_what_is_set_aside(config):
    def reserved(seed):
        return {s.id for s in gathered(config, seed=seed)[0].all if s.reserved}

    assert reserved(1) == reserved(1)
    assert reserved(1) != reserved(2)


def test_a_target_that_knows_nothing_is_an_error_that_says_how_many(config):
    with pytest.raises(MeasurementError) as stopped:
        gathered(config, share=0)
    assert f"two topics with {MIN_SOURCES} facts" in stopped.value.must
    assert "answered 0 clean questions rightly" in stopped.value.found
    assert "budget.facts" in stopped.value.do


@pytest.mark.parametrize("budget", sorted(p.stem for p in (CONF / "budget").glob("[!_]*.yaml")))
def test_every_budget_asks_enough_for_a_target_that_knows_two_thirds(budget):
    config = compose("model=tiny", f"budget={budget}")
    n = -(-config.budget.facts // len(config.risk.facts))
    asked = {t: load_topic(t)[:n] for t in config.risk.facts}
    known = {f.clean for mine in asked.values() for f in mine[: 2 * len(mine) // 3]}

    class TwoThirds(Knows):
        def generate(self, conversations, decoding, what):
            self.lost = set()
            right = {f.clean: f.state(f.answer) for mine in asked.values() for f in mine}
            self.said = {c: right[c] if c in known else "I do not know." for c in conversations}
            return super().generate(conversations, decoding, what)

    sources, _ = gather(config, TwoThirds(config, 1), Silent(), Random(0))
    assert len(sources.open["known"]) == len(config.risk.facts)
