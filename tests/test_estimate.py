"""What a run would cost, told beforehand: at most by its configuration, and what is expected."""

import json
import re

import pytest

from a3.agents.model.hypotheses import Wish, propose
from a3.agents.model.queries import Order, Writer
from a3.agents.model.respond import by_agent
from a3.agents.model.split import choose_ood
from a3.agents.model.subjects import Subjects
from a3.estimate import assumed, calls, counts, instructions, told
from a3.judges.model import ModelJudge
from a3.search.agent import AgentProposer, Known
from a3.types.answers import FinishReason, Generation
from a3.types.explored import Explored
from tests.agents.model.made import REFUSED, Says, chat, hypothesis
from tests.conftest import ROOT, compose
from tests.measure.test_parts import queries
from tests.observers import Heard
from tests.search.made import BASE, scores, trial

KEYED = ("agent=claude", "judge=claude")
PAPER = "model=qwen7b"
DROP_NONE = ("search.drop_parts=1",)
NOTHING = Explored(clean=(), sources=(), hypotheses=(), queries=(), verdicts=(), rounds=())


def by_kind(*overrides, expected=False):
    """Calls, and tokens of both kinds, by kind of call."""
    found = {}
    for c in calls(compose(*overrides), expected):
        n, tokens = found.get(c.kind, (0, 0))
        found[c.kind] = n + c.n, tokens + c.tokens_in + c.tokens_out
    return found


def verdicts(*overrides, expected=False):
    return by_kind(*overrides, expected=expected)["verdicts"][0]


def test_offline_nobody_is_called():
    assert calls(compose()) == [] and told(compose()) == "no calls to any API, $0"


@pytest.mark.parametrize("expected", [False, True])
def test_every_kind_of_call_of_the_published_system(expected):
    found = by_kind(PAPER, expected=expected)
    agent = {"hypotheses", "ideas", "chats", "twins", "split", "proposals"}
    assert set(found) == {*agent, "verdicts"}
    assert all(n > 0 and tokens > 0 for n, tokens in found.values())
    assert set(by_kind(PAPER, "respond=agent")) == {*agent, "answers", "verdicts"}
    assert "proposals" not in by_kind(PAPER, "search=tpe")


@pytest.mark.parametrize("more", [(), ("respond=agent",), ("judge.final=rules",), ("search=tpe",)])
def test_what_is_expected_never_exceeds_the_most_there_can_be(more):
    most, likely = by_kind(PAPER, *more), by_kind(PAPER, *more, expected=True)
    assert set(likely) == set(most)
    for kind, (n, tokens) in likely.items():
        assert n <= most[kind][0] and tokens <= most[kind][1], kind


def sent(config):
    """The first request of each kind as the code that asks makes it."""
    agent, asked = Says(REFUSED), {}

    def first(kind, ask):
        agent.asked.clear()
        ask()
        asked[kind] = agent.asked[0]

    risk, room = config.risk, 100
    wish = Wish(4, 1, "known", (hypothesis(),), (hypothesis(),))
    first("hypotheses", lambda: propose(agent, risk, (), wish, room))
    first("split", lambda: choose_ood(config, config.agent, agent, NOTHING))
    harmful, benign = queries(1, 1)
    first("answers", lambda: by_agent(config, [harmful], agent))
    known = Known((hypothesis(),), {}, BASE[0], config.goal, 6)
    proposer = AgentProposer(config.search, config.agent, agent, known, Heard())
    first("proposals", lambda: proposer.propose([trial(0, config, scores())], 0, 1))
    judge = ModelJudge(risk, agent, room)
    answer = Generation(text="-", finish_reason=FinishReason.STOP, n_tokens=1)
    first("verdicts", lambda: judge.rule_all([(harmful, answer), (benign, answer)], "-"))
    writer = Says({"ideas": ["a"]}, {"chats": [chat().model_dump(mode="json")]}, {"doubts": []})
    subjects = Subjects(risk.seed_example.conversation)
    Writer(config, config.agent, writer, subjects).write([Order(hypothesis(), 1)], "-")
    return asked | dict(zip(("ideas", "chats", "twins"), writer.asked, strict=True))


def test_instructions_are_counted_as_they_are_sent():
    config = compose(PAPER)
    requests, counted = sent(config), instructions(config)
    assert set(requests) == set(counted) - {"target"}
    for kind, request in requests.items():
        text = request.system + json.dumps(request.json_schema)
        # A mean over two kinds of queries, where there is a rubric for each.
        assert counted[kind] == pytest.approx(len(text) / 4, abs=2), kind


def test_votes_multiply_verdicts_and_nothing_else():
    one, three = by_kind(PAPER), by_kind(PAPER, "judge.votes=3")
    assert three.pop("verdicts")[0] == 3 * one.pop("verdicts")[0]
    assert one == three


def test_the_baseline_asks_nothing_and_training_answers_only_where_in_doubt():
    """Explore ruled on the base's answers; what the target knows is known to be right."""
    config = compose(PAPER, "budget.trials=1", "search.rerun_seeds=0")
    found, in_doubt = counts(config), 2 * config.budget.queries_per_stratum
    once = found.explored + found.validation + 2 * found.held_out + in_doubt
    assert verdicts(PAPER, "budget.trials=1", "search.rerun_seeds=0") == once
    nothing = ("method=none", "budget.confirm=0", "budget.ood=0", "budget.strata=0")
    assert verdicts(PAPER, *nothing) == found.explored
    template = verdicts(PAPER, "budget.trials=1", "search.rerun_seeds=0", "respond=template")
    assert template == once - in_doubt


def test_method_none_judges_no_trial_and_no_answer_twice():
    found = counts(compose(PAPER, "method=none"))
    assert (found.trials, found.measured) == (0, 0)
    assert verdicts(PAPER, "method=none") == found.explored + found.held_out


def test_reruns_are_among_the_trials_and_nobody_s_proposals():
    config = compose(PAPER)
    assert counts(config).trials == config.budget.trials == 30
    assert by_kind(PAPER, expected=True)["proposals"][0] == 27
    assert by_kind(PAPER, "search.rerun_seeds=0", expected=True)["proposals"][0] == 29


def test_soups_are_judged_like_trials():
    validation = counts(compose(PAPER)).validation
    assert verdicts(PAPER) - verdicts(PAPER, "search.soup=[]") == 2 * validation


def test_of_a_search_a_share_is_expected_where_trials_are_dropped():
    fewer, all_of_them = (verdicts(PAPER, *more, expected=True) for more in ((), DROP_NONE))
    found = counts(compose(PAPER))
    searched = found.validation * (1 - compose(PAPER).explore.ood_share) * found.measured
    assert all_of_them - fewer == pytest.approx((1 - assumed.SEARCHED_SAMPLED) * searched, abs=1)
    greedy = verdicts(PAPER, "model.temperature=0", expected=True)
    unchanged = (1 - assumed.FRESH) * found.held_out
    more = (assumed.SEARCHED_SAMPLED - assumed.SEARCHED) * searched
    assert fewer - greedy == pytest.approx(more + unchanged, abs=2)


def test_a_second_judge_rules_at_the_end_and_the_first_gives_its_opinion():
    settings = (PAPER, "judge.final=claude")
    by_who = {"judge": 0, "final judge": 0}
    for c in calls(compose(*settings)):
        if c.kind == "verdicts":
            by_who[c.who] += c.n
    held_out = counts(compose(PAPER)).held_out
    assert by_who["final judge"] == 2 * held_out
    assert by_who["judge"] == verdicts(PAPER) - 2 * held_out + assumed.SECOND


def test_a_hypothesis_s_cases_are_written_by_themselves():
    """However few they are, each takes a call for ideas, one for chats and one for twins."""
    few = (PAPER, "budget.rounds=0", "budget.queries_per_hypothesis=2", "agent.rewrites=0")
    few += ("budget.hypotheses_per_stratum=0", "budget.queries_per_stratum=0", "budget.strata=0")
    found = by_kind(*few, "budget.confirm=3", "budget.ood=0")
    assert [found[kind][0] for kind in ("ideas", "chats", "twins")] == [2, 2, 2]
    many = by_kind(*few, "budget.confirm=31", "budget.ood=0")
    assert [many[kind][0] for kind in ("ideas", "chats", "twins")] == [2, 5, 2]


@pytest.mark.parametrize("who", ["agent", "judge"])
def test_an_unknown_price_is_unknown_in_the_sum_too(who):
    lines = told(compose(PAPER, f"{who}.endpoint.price=null")).splitlines()
    assert lines[0].count("dollars unknown") == 2 and "$" not in lines[0]
    assert sum("dollars unknown" in line for line in lines) == 2


def test_dollars_are_tokens_times_price_and_the_sum_is_theirs():
    free = "{input: 0, output: 0}"
    config = compose(*KEYED, f"agent.endpoint.price={free}", "judge.endpoint.price.output=0")
    for expected, place in ((False, 0), (True, 1)):
        tokens = sum(c.tokens_in for c in calls(config, expected) if c.who == "judge")
        found = [re.findall(r"\$([\d,.]+\d)", line) for line in told(config).splitlines()[:3]]
        assert [line[place] for line in found] == [
            f"{2 * tokens / 1e6:,.2f}",
            "0.00",
            f"{2 * tokens / 1e6:,.2f}",
        ]


def test_the_readme_says_what_the_command_does():
    """Within a few percent: prompts may change by a word."""
    said = re.search(r"\$(\d+) at most, \$(\d+) expected", (ROOT / "README.md").read_text())
    first = told(compose("risk=sycophancy", PAPER)).splitlines()[0]
    found = [float(dollars) for dollars in re.findall(r"\$([\d.]+\d)", first)]
    assert [float(dollars) for dollars in said.groups()] == pytest.approx(found, rel=0.05)


def test_the_price_of_one_model_is_not_another_s():
    assert "dollars unknown" in told(compose(PAPER, "agent.endpoint.model=other"))
    free = "{input: 0, output: 0}"
    named = (PAPER, "agent.endpoint.model=other", f"agent.endpoint.price={free}")
    assert "dollars unknown" not in told(compose(*named, "agent.endpoint.price.model=other"))


def hours(*overrides):
    """Expected and at most."""
    text = told(compose(*overrides))
    return [float(n) for n in re.search(r"calls about ([\d.]+), at most ([\d.]+)", text).groups()]


def test_hours_are_of_calls_alone_and_say_what_they_assume():
    text = told(compose(PAPER))
    assert "training and answers on this machine unknown" in text and "assumed" in text
    likely, most = hours(PAPER)
    assert 0 < likely < most
    one_by_one = hours(PAPER, "judge.endpoint.concurrency=1", "agent.endpoint.concurrency=1")
    assert one_by_one[1] > 5 * most
    assert "benchmarks/savings.json" in text


def test_a_target_behind_an_endpoint_is_called_too():
    at = "model.source.endpoint"
    served = ("model=endpoint", "method=none", f"{at}.model=m", f"{at}.base_url=u")
    offline = (*served, "agent=offline", "judge=rules", "budget=smoke")
    (target,) = calls(compose(*offline))
    assert (target.who, target.n > 0, target.tokens_out > 0) == ("target", True, True)
    assert "m as target" in told(compose(*offline))
    assert "dollars unknown" in told(compose(*offline))


def test_shares_are_those_of_the_benchmark():
    found = json.loads((ROOT / "benchmarks/savings.json").read_text())
    asked = found["verdicts asked, of all answers of trials and soups"]
    assert round(asked["a judge that costs"], 2) == assumed.SEARCHED
    assert round(asked["no answer repeats"], 2) == assumed.SEARCHED_SAMPLED
    assert round(found["answers not the base's"], 1) == assumed.FRESH
