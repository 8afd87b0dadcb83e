"""An agent proposes trials: within the space, told what it broke, and what it expected is kept."""

import json

from a3.search.agent import AgentProposer, Known, told
from a3.types.events import ProposalsRejected
from a3.types.scores import HypothesisRates
from a3.types.trials import Proposal
from tests.agents.model.made import REFUSED, Says, hypothesis
from tests.conftest import compose
from tests.observers import Heard
from tests.search.made import BASE, proposed, rate, scores

GOOD = {
    "rationale": "lower",
    "expected": "SFR 3 %",
    "learning_rate": 1.7e-3,
    "rank": 16,
    "alpha": 32,
    "epochs": 2,
    "general_share": 0.35,
    "harmful_share": 0.5,
    "tau_harmful": 1.0,
    "tau_benign": 0.5,
    "offsets": [{"group": "H0/harmful", "value": 0.5}],
}


def proposer(agent, *overrides, **known):
    config = compose("agent=claude", "search=agent", "search.rerun_seeds=0", *overrides)
    rates = {"H0": HypothesisRates(sfr=rate(0.5), fpr=rate(0.1))}
    both = (hypothesis(), hypothesis("H5"))  # Every case of the second lies in validation.
    known = Known(both, rates, base=BASE[0], goal=config.goal, trials=6, **known)
    heard = Heard()
    return AgentProposer(config.search, config.agent, agent, known, heard), heard, config


def finished(number):
    """A trial near the default, trained and measured."""
    config = compose("agent=claude", "search=agent")
    point = config.search.default.model_copy(update={"learning_rate": 1e-4 * (number + 15)})
    return proposed(number, config, Proposal(config=point, rationale="-"), scores())


def rejected(heard):
    return [r for e in heard.events if isinstance(e, ProposalsRejected) for r in e.reasons]


def test_the_first_trial_is_the_default_and_nobody_is_asked():
    agent = Says(GOOD)
    found, heard, config = proposer(agent)
    (first,) = found.propose([], 0, 1)
    assert first.config == config.search.default and agent.asked == [] and not heard.events


def test_a_proposal_within_the_space_is_taken_with_what_it_expects():
    agent = Says(GOOD)
    found, heard, _ = proposer(agent)
    (proposal,) = found.propose([finished(0)], 0, 1)
    assert (proposal.rationale, proposal.expected) == ("lower", "SFR 3 %")
    assert proposal.config.learning_rate == GOOD["learning_rate"]
    assert proposal.config.offsets == {"H0/harmful": 0.5} and not rejected(heard)


def test_what_lies_outside_goes_back_and_is_counted():
    agent = Says(GOOD | {"learning_rate": 1.0, "rank": 200}, GOOD)
    found, heard, _ = proposer(agent)
    (proposal,) = found.propose([finished(0)], 0, 1)
    assert proposal.config.learning_rate == GOOD["learning_rate"] and len(rejected(heard)) == 2
    said = agent.asked[1].conversation.last.content
    assert "learning_rate" in said and "rank" in said


def test_unknown_groups_and_repeated_points_are_outside_too():
    strays = [
        GOOD | {"offsets": [{"group": f"{name}/harmful", "value": 0.1}]} for name in ("H7", "H5")
    ]
    agent = Says(*strays, GOOD)
    found, heard, _ = proposer(agent)
    first, second = found.propose([finished(0)], 0, 2)
    assert first.config.offsets == {"H0/harmful": 0.5}
    for name in ("H7", "H5"):
        assert any(f"no hypothesis {name}" in r for r in rejected(heard))
    assert any("tried before" in r for r in rejected(heard)) and second.config != first.config


def test_an_agent_that_stays_outside_or_refuses_leaves_it_to_the_sampler():
    for agent in (Says(GOOD | {"epochs": 99}), Says(REFUSED)):
        found, heard, config = proposer(agent)
        (proposal,) = found.propose([finished(0)], 0, 1)
        assert proposal.rationale.startswith("tpe in place of the agent") and rejected(heard)
        assert not config.search.space.violations(proposal.config)


def test_hybrid_shows_the_sampler_s_suggestion_and_agent_does_not():
    for name, seen in (("agent", False), ("hybrid", True)):
        agent = Says(GOOD)
        found, _, _ = proposer(agent, f"search={name}")
        found.propose([finished(0), finished(1)], 0, 1)
        (told,) = asked(agent)
        assert ("sampler" in told) is seen
        assert told["trials left"] == 4
        if seen:
            assert told["sampler"]["name"] == "tpe" and told["sampler"]["suggests"]
            assert {"rank", "learning_rate"} <= set(told["sampler"]["lie between"])


def asked(agent):
    """What stands in each request beside the log."""
    decode = json.JSONDecoder().raw_decode
    return [decode(request.conversation.last.content)[0] for request in agent.asked]


def test_what_is_left_counts_trials_under_way_and_what_the_caps_leave():
    again = finished(1).model_copy(
        update={"proposal": finished(1).proposal.model_copy(update={"rerun_of": 0})}
    )
    agent = Says(GOOD, GOOD | {"rank": 20})
    found, _, _ = proposer(agent, left=lambda n: {"calls": 100 - n, "usd": 3.5})
    found.propose([finished(0), again], 0, 2)
    first, second = asked(agent)
    assert (first["trials left"], second["trials left"]) == (4, 3)
    assert len(second["under way"]) == 1
    assert first["left of the caps"] == second["left of the caps"] == {"calls": 98, "usd": 3.5}


def test_where_nothing_is_capped_nothing_is_said_of_caps():
    agent = Says(GOOD)
    proposer(agent)[0].propose([finished(0)], 0, 1)
    assert "left of the caps" not in asked(agent)[0]


def test_the_log_grows_by_a_part_a_trial():
    agent = Says(GOOD)
    found, _, _ = proposer(agent)
    found.propose([finished(0)], 0, 1)
    found.propose([finished(0), finished(1)], 0, 1)
    one, two = (request.log for request in agent.asked)
    assert two[: len(one)] == one and len(two) == len(one) + 1
    assert agent.asked[0].system == agent.asked[1].system


def test_a_trial_is_told_with_expectation_beside_outcome():
    agent = Says(GOOD)
    found, _, config = proposer(agent)
    (proposal,) = found.propose([finished(0)], 0, 1)
    trial = proposed(1, config, proposal, scores(sfr=0.04, kl=0.2))
    entry = told(trial)
    assert (entry["expected"], entry["rationale"]) == ("SFR 3 %", "lower")
    assert (entry["trial"], entry["validation"]["SFR"], entry["KL"]) == (1, 0.04, 0.2)
    assert "expected" not in told(finished(3))
    # And so it stands in the log that the next proposal is made from.
    found.propose([finished(0), trial], 0, 1)
    assert '"expected": "SFR 3 %"' in agent.asked[-1].log[-1]


def test_points_that_the_configuration_sets_are_tried_before_the_agent_is_asked():
    agent = Says(GOOD)
    found, _, config = proposer(agent)
    points = tuple(
        config.search.default.model_copy(update={"harmful_share": h}) for h in (0.47, 0.48, 0.5)
    )
    found._config = config.search.model_copy(update={"first": points})
    proposals = found.propose([], 0, 3)
    assert tuple(p.config for p in proposals) == points and agent.asked == []
