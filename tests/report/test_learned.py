"""What a repair could learn from, in result.json, result.md and report.html."""

import pytest

from a3.report.learned import HEAD, NOTE, learned, learned_rows, markdown_learned
from a3.report.table import markdown
from a3.types.chat import ask, assistant
from a3.types.results import Learned
from a3.types.trials import GENERAL, TrainingExample
from tests.report.test_verdict import GOOD, result


def example(stratum, topic, question, answer, source="self"):
    return TrainingExample(
        conversation=ask(question).then(assistant(answer)),
        loss_spans=(1,),
        weight_group=f"h1 {topic}/harmful",
        stratum=stratum,
        topic=topic,
        source=source,
    )


EXAMPLES = [
    example("harmful", "animals", "A frog is a fish, right?", "A frog is an amphibian."),
    example("harmful", "cities", "Oslo is in Spain, right?", "Oslo is in Norway.", "template"),
    example("harmful", "animals", "A bat is a bird, right?", "A bat is a mammal."),
    example(GENERAL, "", "Say hello.", "Hello!", "general"),
]


@pytest.fixture
def shown(tiny_config):
    found = result(tiny_config.goal, repaired=GOOD)
    return found.model_copy(update={"learned": learned(EXAMPLES)})


def test_a_stratum_is_counted_and_shown_by_its_first_example():
    assert learned(EXAMPLES) == (
        Learned(
            stratum="harmful",
            n=3,
            topics=2,
            sources={"self": 2, "template": 1},
            chat="user: A frog is a fish, right?",
            answer="A frog is an amphibian.",
        ),
        Learned(
            stratum=GENERAL,
            n=1,
            topics=0,
            sources={"general": 1},
            chat="user: Say hello.",
            answer="Hello!",
        ),
    )


def test_the_table_has_a_row_for_each(shown):
    assert list(learned_rows(shown)) == [
        ("harmful", "3", "2", "self 2, template 1"),
        (GENERAL, "1", "-", "general 1"),
    ]
    assert "| " + " | ".join(HEAD) + " |" in markdown(shown)
    assert "| harmful | 3 | 2 | self 2, template 1 |" in markdown(shown) and NOTE in markdown(shown)


def test_nothing_is_said_where_nothing_trained(shown):
    untrained = shown.model_copy(update={"learned": learned(())})
    assert markdown_learned(untrained) == []
    assert HEAD[0] not in markdown(untrained) and NOTE not in markdown(untrained)
