"""The agent's split is its own only within the rules."""

from a3.agents.model.split import broken, choose_ood
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
    made = explored(config, 1)
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


def test_every_rule():
    assert list(broken(SMALL, {"H4"})) == []
    assert list(broken(SMALL, {"H0", "H1"})) == ["H0 must train"]
    assert "no hypothesis of the log is set aside" in list(broken(SMALL, set()))
    assert "no topic occurs in OOD alone" in list(broken(SMALL, {"H3"}))
    assert "no structure occurs in OOD alone" in list(broken(SMALL, {"H2"}))


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
