"""Training answers: only what the judge accepts, never a stand-in; and data that is disjoint."""

import json
import re
from collections import Counter

import pytest

from a3.agents.general import BUILTIN as DATA
from a3.agents.respond import CLEAN, respond
from a3.evals import capability
from a3.judges.rules import RuleJudge
from a3.judges.text import normalise
from a3.risks.facts import FOLDER, load_topic
from a3.risks.grammar import draw, load_grammar
from a3.types.answers import FinishReason, Generation, Label
from a3.types.crew import Crew
from a3.types.events import ResponsesMade
from a3.types.explored import CleanAnswer
from a3.types.queries import Hypothesis
from a3.types.trials import GENERAL
from tests.observers import Heard

STOP, LENGTH, ERROR = FinishReason.STOP, FinishReason.LENGTH, FinishReason.ERROR
FACTS, SCENES = load_topic("capitals")[:6], load_topic("preferences")[:6]
USER_IS_RIGHT = [("shown", FACTS), ("cited", FACTS), ("told", SCENES), ("guessed", SCENES)]
SMALL_TALK = "Sure, here you are."


def said(text, finish=STOP) -> Generation:
    return Generation(text=text, finish_reason=finish, n_tokens=9)


class Answering:
    """Answers general instructions, by turns, with the given generations."""

    key = "answering"

    def __init__(self, *answers):
        self.answers = answers or (said(SMALL_TALK),)
        self.asked = []

    def generate(self, conversations, decoding, what):
        self.asked += conversations
        return [[self.answers[i % len(self.answers)]] for i in range(len(conversations))]


class Helped(Answering):
    """As above, and answers what it was told before the question as `reply` of the fact says."""

    def __init__(self, reply):
        super().__init__()
        self.reply = {f"{f.state(f.answer)} {f.question}": reply(f) for f in (*FACTS, *SCENES)}

    def generate(self, conversations, decoding, what):
        found = super().generate(conversations, decoding, what)
        for i, conversation in enumerate(conversations):
            if conversation.last.content in self.reply:
                found[i] = [self.reply[conversation.last.content]]
        return found


def queries(risk, rng, name="H1", structure="pushback", facts=FACTS):
    """One case a fact: a harmful query with its benign twin, or one where the user is right."""
    hypothesis = Hypothesis(
        id=name,
        statement="-",
        rationale="-",
        parent_id=None,
        tags=(f"structure:{structure}", f"topic:{facts[0].topic}"),
        round=1,
    )
    cases = list(draw(risk, hypothesis, load_grammar("sycophancy")[structure], facts, rng))
    return [query for case in cases[: len(facts)] for query in case]


def clean(answers=None):
    """A clean answer to every fact: the right one unless told otherwise (None: no answer)."""
    chosen = {f.id: said(f.state(f.answer)) for f in FACTS} | (answers or {})
    return [
        CleanAnswer(source_id=source, topic="capitals", known=True, answer=answer)
        for source, answer in chosen.items()
        if answer is not None
    ]


@pytest.fixture
def config(tiny_config):
    budget = tiny_config.budget.model_copy(update={"general": 8})
    return tiny_config.model_copy(update={"budget": budget})


def with_respond(config, **changes):
    return config.model_copy(update={"respond": config.respond.model_copy(update=changes)})


def made(config, train, answers, target=None, observer=None):
    """What respond returns: the repair examples, the general ones, and the uncovered."""
    found = respond(
        config,
        train,
        answers,
        Crew(target or Answering(), RuleJudge(config.risk), observer or Heard()),
    )
    repair = [e for e in found.examples if e.stratum not in {GENERAL, CLEAN}]
    general = [e for e in found.examples if e.weight_group == GENERAL]
    return repair, general, found.uncovered


def test_openings_set_the_answers_of_their_strata_apart(config, risk, rng):
    openings = {"harmful": "In truth:", "evidence": "As it says there:"}
    train = queries(risk, rng)
    for number, (structure, facts) in enumerate(USER_IS_RIGHT):
        train += queries(risk, rng, f"R{number}", structure, facts)
    crew = Crew(Helped(lambda f: said(f.state(f.answer))), RuleJudge(risk), Heard())
    found = respond(with_respond(config, openings=openings), train, clean(), crew)
    plain = respond(config, train, clean(), crew)
    strata = {e.stratum for e in found.examples}
    assert strata == {"harmful", "known", "evidence", "own", CLEAN, GENERAL}
    for mine, other in zip(found.examples, plain.examples, strict=True):
        words = openings.get(mine.stratum, "")
        assert (mine.opening, other.opening) == (words, "")
        whole = f"{words} {other.conversation.last.content}".strip()
        assert mine.conversation.last.content == whole
        assert mine.conversation.messages[:-1] == other.conversation.messages[:-1]


def test_the_base_s_own_clean_answer_is_what_is_learned(config, risk, rng):
    train = queries(risk, rng)
    repair, _, uncovered = made(config, train, clean())
    by_source = {f.id: f for f in FACTS}
    assert uncovered == () and len(repair) == len(train)
    for query, example in zip(train, repair, strict=True):
        fact = by_source[query.source_id]
        assert example.conversation.messages[:-1] == query.conversation.messages
        assert example.conversation.last.role == "assistant"
        assert example.conversation.last.content == fact.state(fact.answer)
        assert example.weight_group == f"H1/{query.kind}"
        assert example.source == "self" and example.complete


def test_rule_10_loss_falls_on_the_last_turn_only(config, risk, rng):
    train = queries(risk, rng, structure="insist")
    repair, general, _ = made(config, train, clean())
    for example in (*repair, *general):
        assert example.loss_spans == (len(example.conversation.messages) - 1,)
    assert {e.loss_spans for e in repair} == {(5,)}


@pytest.mark.parametrize(("structure", "facts"), USER_IS_RIGHT)
def test_rule_5_where_the_user_is_right_the_answer_follows_them_never_the_clean_answer(
    config, risk, rng, structure, facts
):
    """The clean answers are all wrong here: a target that learned them would ignore its user."""
    train = queries(risk, rng, structure=structure, facts=facts)
    stubborn = clean({f.id: said(f.said(f.distractors[0])) for f in facts})
    target = Helped(lambda f: said(f.said(f.answer)))
    repair, _, uncovered = made(config, train, stubborn, target)
    by_source = {f.id: f for f in facts}
    assert uncovered == () and len(repair) == len(train)
    for query, example in zip(train, repair, strict=True):
        fact = by_source[query.source_id]
        assert example.conversation.messages[:-1] == query.conversation.messages
        assert example.conversation.last.content == fact.said(fact.answer)
        assert example.loss_spans == (len(query.conversation.messages),)
        assert example.weight_group == "H1/benign"


@pytest.mark.parametrize(("structure", "facts"), USER_IS_RIGHT)
@pytest.mark.parametrize(
    "useless",
    [
        lambda f: said(f.said(f.distractors[0])),
        lambda f: said(f"{f.answer} is the title of a famous song."),
    ],
)
def test_where_help_does_not_help_the_reference_s_own_sentence_is_learned(
    config, risk, rng, structure, facts, useless
):
    train = queries(risk, rng, structure=structure, facts=facts)
    repair, _, uncovered = made(config, train, clean(), Helped(useless))
    assert uncovered == () and {e.source for e in repair} == {"reference"}
    by_source = {f.id: f for f in facts}
    for query, example in zip(train, repair, strict=True):
        fact = by_source[query.source_id]
        assert example.conversation.last.content == fact.said(fact.answer)
        assert example.teacher is None and example.stratum == query.stratum


def test_rule_4_help_without_a_reference_s_sentence_gives_no_example(config, risk, rng):
    train = [
        q.model_copy(update={"reference": q.reference.model_copy(update={"reply": None})})
        for q in queries(risk, rng, structure="told", facts=SCENES)
    ]
    target = Helped(lambda f: said(f.said(f.distractors[0])))
    repair, _, uncovered = made(config, train, clean(), target)
    assert repair == [] and uncovered == ("H1",)


def test_every_question_that_was_learned_is_learned_without_pressure_too(config, risk, rng):
    train = [*queries(risk, rng), *queries(risk, rng, "H2", "told", SCENES)]
    found = respond(config, train, clean(), Crew(Answering(), RuleJudge(risk), Heard()))
    plain = [e for e in found.examples if e.stratum == CLEAN]
    assert [e.conversation.messages[:-1] for e in plain] == [
        c.messages
        for c in dict.fromkeys(q.reference.clean for q in train if q.reference.helped is None)
    ]
    for example in plain:
        assert example.teacher is not None
        assert example.conversation.messages[:-1] == example.teacher.messages
        assert example.loss_spans == (1,) and example.weight_group == "clean capitals/benign"


def test_the_target_is_helped_once_for_each_source_and_only_where_it_cannot_know(config, risk, rng):
    train = [
        *queries(risk, rng, "H1"),
        *queries(risk, rng, "H2", "told", SCENES),
        *queries(risk, rng, "H3", "changed", SCENES),
    ]
    target = Helped(lambda f: said(f.said(f.answer)))
    made(config, train, clean(), target)
    helped = [c for c in target.asked if c.last.content in target.reply]
    assert len(set(helped)) == len(helped) == len(SCENES)
    assert set(helped) == {q.reference.helped for q in train if q.hypothesis_id != "H1"}


def test_only_what_the_judge_accepts_becomes_an_example(config, risk, rng):
    wrong, confused, looping = FACTS[:3]
    answers = clean(
        {
            wrong.id: said(wrong.state(wrong.distractors[0])),
            confused.id: said("The weather is nice."),
            looping.id: said(f"{looping.answer} " * 30),
        }
    )
    judge, train = RuleJudge(risk), queries(risk, rng)
    repair, _, _ = made(config, train, answers)
    by_source = {c.source_id: c.answer for c in answers}
    accepted = [
        q
        for q in train
        if judge.rule(q, by_source[q.source_id])[0] in {Label.SAFE, Label.APPROPRIATE}
    ]
    assert [e.conversation.messages[:-1] for e in repair] == [
        q.conversation.messages for q in accepted
    ]
    assert {q.source_id for q in accepted if q.kind == "benign"} == {f.id for f in FACTS[3:]}
    learned = {e.conversation.last.content for e in repair}
    assert "The weather is nice." not in learned
    assert not any(looping.answer in text for text in learned)


def test_rule_4_without_a_clean_answer_there_is_no_example_and_no_stand_in(config, risk, rng):
    gone = FACTS[0]
    repair, _, _ = made(config, queries(risk, rng), clean({gone.id: None}))
    assert len(repair) == 2 * (len(FACTS) - 1)
    learned = Counter(e.conversation.last.content for e in repair)
    assert learned == {f.state(f.answer): 2 for f in FACTS[1:]}


def test_rule_4_with_no_clean_answer_at_all_everything_is_uncovered(config, risk, rng):
    repair, general, uncovered = made(config, queries(risk, rng), [])
    assert repair == [] and uncovered == ("H1",) and len(general) == 8


def test_a_hypothesis_under_the_least_yield_is_uncovered_and_not_trained_on(config, risk, rng):
    train = [*queries(risk, rng, "H1", facts=FACTS[:2]), *queries(risk, rng, "H2", facts=FACTS[2:])]
    heard = Heard()
    answers = clean({f.id: None for f in FACTS[2:5]})  # H2 keeps one source of four.
    repair, _, uncovered = made(config, train, answers, observer=heard)
    assert config.respond.min_yield == 0.3
    assert uncovered == ("H2",)
    assert {e.weight_group for e in repair} == {"H1/harmful", "H1/benign"}
    (event,) = heard.events
    assert isinstance(event, ResponsesMade)
    assert event.yields == {"H1": 1.0, "H2": 0.25}
    assert (event.uncovered, event.n_general) == (("H2",), 8)


def test_what_is_learned_from_a_crossing_is_no_hypothesis_that_could_be_uncovered(
    config, risk, rng
):
    train = [*queries(risk, rng, "H1"), *queries(risk, rng, "pushback+capitals", facts=FACTS[2:])]
    heard = Heard()
    answers = clean({f.id: None for f in FACTS[2:5]})
    repair, _, uncovered = made(config, train, answers, observer=heard)
    (event,) = heard.events
    assert uncovered == () and set(event.yields) == {"H1"}
    assert {e.weight_group for e in repair} >= {"pushback+capitals/harmful"}


def test_exactly_the_least_yield_is_enough(config, risk, rng):
    train, answers = queries(risk, rng), clean({f.id: None for f in FACTS[:3]})
    repair, _, uncovered = made(with_respond(config, min_yield=0.5), train, answers)
    assert uncovered == () and len(repair) == 6


def test_under_pressure_the_answer_is_learned_up_to_its_point_and_no_end(config, risk, rng):
    fact = FACTS[0]
    point = f"Good question! {fact.state(fact.answer)}"
    long = clean({fact.id: said(f"{point} It lies on the river. It is")})
    repair, _, _ = made(config, queries(risk, rng), long)
    cut = [e for e in repair if e.conversation.last.content == point]
    assert len(cut) == 2 and not any(e.complete for e in cut)
    assert all(e.complete for e in repair if e not in cut)


def test_asked_cleanly_the_whole_answer_is_learned_but_no_end_where_it_was_cut_off(
    config, risk, rng
):
    ended, cut = FACTS[:2]
    more = "It lies on the river"
    answers = clean(
        {
            ended.id: said(f"{ended.state(ended.answer)} {more}."),
            cut.id: said(f"{cut.state(cut.answer)} {more} and", LENGTH),
        }
    )
    found = respond(
        config, queries(risk, rng), answers, Crew(Answering(), RuleJudge(risk), Heard())
    )
    plain = {e.conversation.last.content: e.complete for e in found.examples if e.stratum == CLEAN}
    assert plain[f"{ended.state(ended.answer)} {more}."] is True
    assert plain[f"{cut.state(cut.answer)} {more} and"] is False


def test_rule_4_an_answer_that_never_came_is_no_example(config, risk, rng):
    fact = FACTS[0]
    lost = clean({fact.id: said(f"The capital is {fact.answer}.", ERROR)})
    repair, _, _ = made(config, queries(risk, rng), lost)
    assert len(repair) == 2 * (len(FACTS) - 1)


def test_the_template_needs_no_clean_answer(config, risk, rng):
    train = queries(risk, rng)
    repair, _, uncovered = made(with_respond(config, source="template"), train, [])
    assert uncovered == () and {e.source for e in repair} == {"template"}
    assert [e.conversation.last.content for e in repair] == [
        f"The answer is {q.reference.correct}." for q in train
    ]


def test_general_data_is_the_base_s_own_answer_to_ordinary_instructions(config, risk, rng):
    target = Answering(said("Whole."), said("Cut off in the", LENGTH))
    _, general, _ = made(config, queries(risk, rng), clean(), target)
    instructions = {json.loads(line)["text"] for line in DATA.read_text().splitlines()}
    assert [e.conversation.messages[:1] for e in general] == [c.messages for c in target.asked]
    assert {e.conversation.messages[0].content for e in general} <= instructions
    assert len({e.conversation for e in general}) == len(general) == 8
    assert {(e.weight_group, e.source) for e in general} == {("general", "general")}
    for example in general:
        assert example.complete == (example.conversation.last.content == "Whole.")


def test_an_empty_answer_is_no_general_data(config, risk, rng):
    _, general, _ = made(config, queries(risk, rng), clean(), Answering(said("Yes."), said("")))
    assert [e.conversation.last.content for e in general] == ["Yes."] * 4


def test_beliefs_are_learned_in_the_structures_of_the_hypotheses(config, risk, rng):
    class Purposes(Answering):
        def generate(self, conversations, decoding, what):
            super().generate(conversations, decoding, what)
            asked = (c.last.content for c in conversations)
            return [[said(f"T{q[9:-1]} is to {q[-3:-1]} a lot.")] for q in asked]

    observer, train = Heard(), queries(risk, rng)
    structure = Hypothesis(
        id="H1",
        statement="-",
        rationale="-",
        parent_id=None,
        tags=("structure:pushback", "topic:capitals"),
        round=1,
    )
    crew = Crew(Purposes(), RuleJudge(risk), observer)
    for n, hypotheses in ((0, [structure]), (5, []), (5, [structure])):
        found = respond(with_respond(config, beliefs=n), train, clean(), crew, hypotheses)
        held = [e for e in found.examples if e.topic == "belief"]
        (event,) = [e for e in observer.events[-1:] if isinstance(e, ResponsesMade)]
        calm = [e for e in held if e.stratum == "clean_belief"]
        pressed = [e for e in held if e not in calm]
        assert len(pressed) == (2 * n if hypotheses else 0) and len(held) == event.n_beliefs
        assert {e.weight_group for e in pressed} <= {
            "belief pushback/harmful",
            "belief pushback/benign",
        }
        # What is said under pressure is said to the bare question, too, once each.
        said_to = {(e.teacher, e.conversation.last) for e in pressed}
        assert {(e.teacher, e.conversation.last) for e in calm} == said_to
        assert all(e.conversation == e.teacher.then(e.conversation.last) for e in calm)
        assert len(calm) == len(said_to)
        assert {e.weight_group for e in calm} <= {"clean belief/benign"}


def test_a_seed_chooses_the_general_instructions(config, risk, rng):
    def asked(seed):
        target = Answering()
        made(config.model_copy(update={"seed": seed}), [], [], target)
        return target.asked

    assert asked(1) == asked(1)
    assert asked(1) != asked(2)


def texts(path, field="text"):
    return [json.loads(line)[field] for line in path.read_text().splitlines()]


def plain(text):
    return " ".join("".join(c if c.isalnum() else " " for c in normalise(text)).split())


SETS = {
    "general": texts(DATA),
    "neutral": texts(capability.DATA / "neutral.jsonl"),
    "capability": texts(capability.DATA / "everyday.jsonl", "question"),
    "facts": [f.question for p in sorted(FOLDER.glob("*.yaml")) for f in load_topic(p.stem)],
}


def test_there_are_enough_instructions_and_prompts_and_no_two_are_alike():
    assert len({plain(t) for t in SETS["general"]}) == len(SETS["general"]) >= 1000
    kinds = Counter(texts(DATA, "category"))
    assert len(kinds) >= 8 and all(n >= 10 for n in kinds.values()), kinds
    assert len({plain(t) for t in SETS["neutral"]}) == len(SETS["neutral"]) >= 50
    for name, path in (("general", DATA), ("neutral", capability.DATA / "neutral.jsonl")):
        assert len(set(texts(path, "id"))) == len(SETS[name])


@pytest.mark.parametrize("one", SETS)
@pytest.mark.parametrize("other", SETS)
def test_rule_2_general_neutral_capability_and_facts_are_disjoint(one, other):
    if one < other:
        assert not {plain(t) for t in SETS[one]} & {plain(t) for t in SETS[other]}


NAMED = ("figures", "professions", "athletes", "authors", "landmarks", "cities", "inventions")
"""Topics whose facts are about one thing of a name: whoever asks about it asks for the fact."""


def test_general_questions_are_about_nobody_whom_a_fact_is_about():
    names = {normalise(f.subject) for topic in NAMED for f in load_topic(topic)}
    for text in SETS["general"]:
        found = [n for n in names if f" {n} " in f" {normalise(text)} "]
        assert not found, (text, found)


def test_general_questions_hold_no_abbreviation_that_is_a_fact():
    short = {f.subject for f in load_topic("abbreviations")}
    for text in SETS["general"]:
        assert not short & set(re.findall(r"\w+", text)), text


THINGS = ("kinds", "materials", "animal_groups", "young_animals")
"""Topics whose facts say what a thing is, is made from or is called: to tell of it is to say so."""
TELL = re.compile(
    r"(?:what (?:is|are)|tell me something about|describe|how do you make|where do(?:es)?"
    r"|what do(?:es)?|name a food made of|which \w+ is used to make)"
    r" (.+?)(?: come from| turn into)?[?.]"
)


def thing(words):
    return re.sub(r"^(?:an?|the) ", "", words).removesuffix("s")


OF_FACTS = {thing(normalise(f.subject)) for t in THINGS for f in load_topic(t)}


def test_general_questions_do_not_ask_what_a_thing_is_that_a_fact_is_about():
    for text in SETS["general"]:
        told = TELL.fullmatch(text.lower())
        assert not told or thing(told[1]) not in OF_FACTS, text


@pytest.mark.parametrize(
    "text", ["What is pottery?", "Describe an elephant.", "Where does honey come from?"]
)
def test_such_a_question_would_be_seen(text):
    told = TELL.fullmatch(text.lower())
    assert told and thing(told[1]) in OF_FACTS


def test_rule_2_ex_0_is_in_none_of_them(risk):
    seen = {plain(m.content) for m in risk.seed_example.conversation.messages}
    for name, members in SETS.items():
        assert not seen & {plain(t) for t in members}, name


def test_rule_4_an_error_is_no_answer_to_learn(config, risk, rng):
    failed = said("I'm sorry, but the server is busy. Try again in", ERROR)
    repair, _, _ = made(config, queries(risk, rng), clean({FACTS[0].id: failed}))
    assert not [e for e in repair if "server" in e.conversation.last.content]


def test_rule_4_an_error_is_no_general_data(config, risk, rng):
    _, general, _ = made(config, queries(risk, rng), clean(), Answering(said("timeout", ERROR)))
    assert general == []
