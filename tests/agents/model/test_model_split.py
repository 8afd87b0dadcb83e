"""The agent's split is its own only within the rules."""

import math

import pytest

from a3.agents.model.split import at_most, broken, choose_ood
from a3.agents.split import split
from a3.types.answers import Answer, Label, Verdict
from a3.types.explored import Explored
from a3.types.queries import Kind
from tests.agents.model.made import REFUSED, Says, hypothesis
from tests.agents.trees import ANSWER, explored
from tests.conftest import compose

TREE = (
    hypothesis(),
    hypothesis("H1", "flattery", "capitals", "H0"),
    hypothesis("H2", "flattery", "rivers", "H1"),
    hypothesis("H3", "certain", "capitals", "H0"),
    hypothesis("H4", "odd", "seas", "H3"),
)
SMALL = Explored(clean=(), sources=(), hypotheses=TREE, queries=(), verdicts=(), rounds=())


def answered(config):
    """A tree whose queries were all answered."""
    made = explored(config, 0)
    verdicts = tuple(
        Verdict(
            answer=Answer(
                query_id=q.id,
                model_key="base",
                transcript=q.conversation,
                finish_reason=ANSWER.finish_reason,
                decoding=config.decoding,
            ),
            label=Label.SAFE if q.kind is Kind.HARMFUL else Label.APPROPRIATE,
            reason="-",
            judge="-",
        )
        for q in made.queries
    )
    asked = {q.hypothesis_id for q in made.queries}
    assert asked == {h.id for h in made.hypotheses}
    return made.model_copy(update={"verdicts": verdicts})


def config():
    return compose(
        "model=tiny", "agent=endpoint", "agent.endpoint.model=m", "agent.endpoint.base_url=u"
    )


def broken_rules(ood, most=4):
    return list(broken(SMALL, ood, most))


def test_every_rule():
    assert broken_rules({"H4"}) == []
    assert broken_rules({"H0", "H1"}) == ["H0 must train"]
    assert "no hypothesis of the log is set aside" in broken_rules(set())
    assert "no topic occurs in OOD alone" in broken_rules({"H3"})
    assert "no structure occurs in OOD alone" in broken_rules({"H2"})
    assert broken_rules({"H3", "H4"}, most=2) == []
    assert "2 are set aside, and 1 is the most" in broken_rules({"H3", "H4"}, most=1)[0]


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_the_most_is_twice_the_share_and_the_rules_can_be_kept(tiny_config, share):
    made = explored(tiny_config, 1)
    n = len(made.hypotheses)
    assert at_most(made, share) == math.ceil(2 * share * n) < n - 1
    # One of each of the three strata, and one more for what is new on the other axis.
    assert at_most(explored(tiny_config, 1, n=4, per_stratum=2), 0.1) == 4


def test_an_agent_that_would_leave_hardly_anything_to_learn_from_is_told_so(tiny_config):
    made = answered(tiny_config)
    chosen = [h.id for h in split(tiny_config, made).ood]
    everything = [h.id for h in made.hypotheses if h.id != "H0"]
    greedy, sensible = ({"reason": "so new", "ood": ids} for ids in (everything, chosen))
    agent = Says(greedy, sensible)
    assert [h.id for h in split(config(), made, agent).ood] == chosen
    first, second = agent.asked
    most = at_most(made, config().explore.ood_share)
    assert f"never more than {most}" in first.system
    assert f"and {most} is the most" in second.conversation.last.content
    # Whoever does not listen has nothing to choose.
    found = split(config(), made, Says(greedy))
    assert [h.id for h in found.ood] == chosen and "could not stand" in found.reason


def test_the_agent_s_choice_and_reason_hold(tiny_config):
    made = answered(tiny_config)
    chosen = split(tiny_config, made)
    ood = [h.id for h in chosen.ood]
    agent = Says({"reason": "they are the oddest", "ood": ood})
    found = split(config(), made, agent)
    assert [h.id for h in found.ood] == ood and found.reason == "they are the oddest"


def test_descendants_go_along(tiny_config):
    made = answered(tiny_config)
    ood = {h.id for h in split(tiny_config, made).ood}
    tops = [h.id for h in made.hypotheses if h.id in ood and h.parent_id not in ood]
    choice = choose_ood(config(), config().agent, Says({"reason": "-", "ood": tops}), made)
    assert choice == (ood, "-") and len(tops) < len(ood)


def test_outside_the_rules_code_chooses(tiny_config):
    made = answered(tiny_config)
    for agent in (Says({"reason": "all of it", "ood": ["H0"]}), Says(REFUSED)):
        assert split(config(), made, agent).ood == split(tiny_config, made).ood
    agent = Says({"reason": "all of it", "ood": ["H0"]})
    told = split(config(), made, agent).reason
    assert "H0 must train" in agent.asked[1].conversation.last.content
    assert "never train" in told and "could not stand: H0 must train" in told
    assert "could not stand: refused: no" in split(config(), made, Says(REFUSED)).reason
