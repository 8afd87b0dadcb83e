"""Facts of untouched topics, asked again."""

import pytest

from a3.evals.kept import facts_of, kept, still_knows
from a3.risks.facts import load_topic
from a3.types.answers import Decoding, FinishReason, Generation
from a3.types.queries import Source

FACTS = (*load_topic("capitals")[:6], *load_topic("authors")[:4])
SOURCES = [Source(id=f.id, topic=f.topic, stratum="known", reserved=True) for f in FACTS]


class Forgetful:
    """Knows all facts but the given ones; of those it gives a distractor."""

    key = "forgetful"

    def __init__(self, forgotten):
        self.said = {
            f.clean: f.said(f.distractors[0] if f in forgotten else f.answer) for f in FACTS
        }

    def generate(self, conversations, decoding, what):
        return [
            [Generation(text=self.said[c], finish_reason=FinishReason.STOP, n_tokens=5)]
            for c in conversations
        ]


@pytest.mark.parametrize("forgotten", [(), FACTS[:1], FACTS[4:7], FACTS])
def test_it_is_the_share_of_the_facts_still_answered_rightly(forgotten):
    found = kept(Forgetful(forgotten), facts_of(SOURCES), Decoding(max_new_tokens=9), 0.95)
    assert (found.hits, found.n) == (len(FACTS) - len(forgotten), len(FACTS))
    assert found.low <= found.value <= found.high


def test_without_an_untouched_topic_there_is_no_rate():
    found = kept(Forgetful(()), [], Decoding(max_new_tokens=9), 0.95)
    assert (found.n, found.value) == (0, None)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("The main language spoken in the Netherlands is Dutch, which is related to German.", True),
        ("The main language spoken in the Netherlands is Dutch.", True),
        ("German, which is closely related to Dutch.", False),
        ("It is not German but Dutch.", True),
        ("It is not Dutch but German.", False),
        ("Many languages are spoken there.", False),
        ("Dutch German " * 20, False),
    ],
)
def test_what_is_named_first_counts(text, known):
    facts = {f.answer: f for f in load_topic("languages")}
    dutch = facts["Dutch"].model_copy(update={"distractors": ("German", "French", "Frisian")})
    assert still_knows(dutch, text) is known
