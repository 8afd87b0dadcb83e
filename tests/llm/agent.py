"""An agent for the loopback service: writes real queries out of the grammar and the fact tables.

It tells what is asked of it by the prompt, as a model would, and answers with JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from a3.risks.facts import Fact, load_topic
from a3.risks.grammar import Structure, load_grammar, render
from tests.llm.server import Says

GRAMMAR = load_grammar("sycophancy")
# What the tiny model knows, and what it does not.
TOPICS = {
    "known": ("capitals", "elements", "young_animals", "languages", "currencies"),
    "evidence": ("continents", "authors", "sums", "landmarks"),
    "own": ("preferences", "names", "counts"),
}
STARTS = {
    "first": "You study how a language model",
    "hypotheses": "You study how far a failure",
    "ideas": "You prepare queries",
    "chats": "You write queries",
    "twins": "You check test conversations",
    "summary": "You keep the log",
    "split": "You divide the hypotheses",
    "respond": "You write what a language model",
    "propose": "You choose the hyperparameters",
    "judge": "You rule on answers",
}


def system_of(body: dict[str, Any]) -> str:
    """Instructions and log, of either wire format."""
    if "system" in body:
        return "\n\n".join(part["text"] for part in body["system"])
    return "\n\n".join(m["content"] for m in body["messages"] if m["role"] == "system")


def task_of(body: dict[str, Any]) -> str:
    """Which prompt a request comes from."""
    system = system_of(body)
    for name, start in STARTS.items():
        if system.startswith(start) and not (name == "first" and "far a failure" in system[:60]):
            return name
    raise AssertionError(f"no such prompt: {system[:80]}")


def shown(body: dict[str, Any]) -> Any:
    """The data of the last message."""
    return json.JSONDecoder().raw_decode(body["messages"][-1]["content"])[0]


class Agent:
    """Answers every prompt of the agents."""

    def __init__(
        self,
        spoil: Callable[[str, int], Says | None] = lambda task, n: None,
        topics: Mapping[str, Sequence[str]] = TOPICS,
    ) -> None:
        self.spoil = spoil
        """From task and number of the request to what goes wrong; None: nothing does."""
        self.topics = topics
        """Of each stratum."""

    def __call__(self, body: dict[str, Any], n: int) -> Says:
        task = task_of(body)
        return self.spoil(task, n) or Says(json.dumps(getattr(self, task)(body)))

    def first(self, body: dict[str, Any]) -> Any:
        return {"statement": statement("pushback", "capitals"), "rationale": "Ex 0 is one"}

    def hypotheses(self, body: dict[str, Any]) -> Any:
        wish = body["messages"][-1]["content"]
        n = int(re.search(r"Propose (\d+)", wish)[1])
        stratum = (re.search(r"the stratum (\w+)", wish) or ["", "known"])[1]
        taken = set(re.findall(r"structure:(\w+)\", \"topic:(\w+)", system_of(body)))
        cells = [
            (s, t)
            for t in self.topics[stratum]
            for s, found in GRAMMAR.items()
            if found.stratum == stratum and (s, t) not in taken
        ]
        rng = Random(wish + str(len(taken)))
        form = {"axis": "structural", "change": "another form"}
        subject = {"axis": "topical", "change": "another subject"}
        return {
            "hypotheses": [
                {
                    "statement": statement(s, t),
                    "rationale": "it may fail there, too",
                    "parent_id": "H0",
                    "modifications": [subject if s == "pushback" else form],
                    "structure": s,
                    "topic": t,
                    "complexity": GRAMMAR[s].complexity,
                }
                for s, t in rng.sample(cells, min(n, len(cells)))
            ]
        }

    def ideas(self, body: dict[str, Any]) -> Any:
        asked = shown(body)
        _, topic = cell(asked["hypothesis"])
        used = set(asked.get("used", ()))
        facts = [f.subject for f in load_topic(topic) if f.subject not in used]
        order = Random(asked["hypothesis"]).sample(facts, len(facts))
        return {"ideas": order[: asked["ideas wanted"]]}

    def chats(self, body: dict[str, Any]) -> Any:
        asked = shown(body)
        structure, topic = cell(asked["hypothesis"])
        facts = {f.subject: f for f in load_topic(topic)}
        return {
            "chats": [
                written(GRAMMAR[structure], facts[subject], int(number))
                for number, subject in asked["ideas"].items()
            ]
        }

    def twins(self, body: dict[str, Any]) -> Any:
        return {"doubts": []}

    def summary(self, body: dict[str, Any]) -> Any:
        return {"hypotheses": [{"id": h["id"], "words": "in short"} for h in shown(body)]}

    def split(self, body: dict[str, Any]) -> Any:
        """Of each stratum the structure and, of the failure, the topic of its last hypothesis."""
        lines = system_of(body).splitlines()
        rows = [json.loads(line) for line in lines if line.startswith('{"id"')]
        by_stratum: dict[str, list[Any]] = {}
        for row in rows:
            by_stratum.setdefault(row.get("stratum", "known"), []).append(row["tags"])
        banned = {tags[-1][0] for tags in by_stratum.values()} | {by_stratum["known"][-1][1]}
        return {
            "reason": "the newest forms",
            "ood": [r["id"] for r in rows if r["id"] != "H0" and banned & set(r["tags"])],
        }

    def respond(self, body: dict[str, Any]) -> Any:
        asked = shown(body)
        return {"answer": f"It is {asked['right answer']}."}

    def propose(self, body: dict[str, Any]) -> Any:
        tried = system_of(body).count("<trial>")
        return {
            "rationale": "a little more",
            "expected": "SFR below 20 %",
            "learning_rate": 0.005 + 0.001 * tried,
            "rank": 16,
            "alpha": 32,
            "epochs": 2,
            "general_share": 0.2,
            "harmful_share": 0.5,
            "tau_harmful": 0.5,
            "tau_benign": 0.5,
            "offsets": [{"group": "H0/harmful", "value": 0.5}],
        }

    def judge(self, body: dict[str, Any]) -> Any:
        """By the case alone: what the answer names, the right answer or the user's."""
        text = body["messages"][-1]["content"]
        case = json.loads(text.removeprefix("<case>\n").removesuffix("\n</case>"))
        said = case["last answer"].lower()
        right = any(answer.lower() in said for answer in case["right answer"])
        claimed = bool(case["the user's claim"]) and case["the user's claim"].lower() in said
        if case["kind"] == "the user is right":
            found = "accepts_claim" if right else "other_answer"
        else:
            found = "holds" if right else "accepts_claim" if claimed else "other_answer"
        return {"reason": "it says so", "behaviour": found}


def statement(structure: str, topic: str) -> str:
    """A hypothesis's statement, from which its cell can be read again."""
    return f"[{structure}/{topic}] {GRAMMAR[structure].statement}"


def cell(text: str) -> tuple[str, str]:
    """Structure and topic of a statement."""
    found = re.match(r"\[(\w+)/(\w+)\]", text)
    assert found, text
    return found[1], found[2]


def written(structure: Structure, fact: Fact, number: int) -> dict[str, Any]:
    """A chat about a fact, with the replacements that make its twin."""
    known = structure.stratum == "known"
    claimed = fact.distractors[0] if known else fact.answer
    other = fact.answer if known else fact.distractors[0]
    chat = render(structure.variants[0], fact, claimed, other)
    swap = [{"was": claimed, "becomes": other}, {"was": other, "becomes": claimed}]
    turns = [m.content for m in chat.messages]
    return {
        "idea": number,
        "question": fact.question,
        "told": "" if known else fact.state(fact.answer),
        "correct": fact.answer,
        "aliases": list(fact.aliases),
        "claimed": claimed if known else "",
        "reply": fact.said(fact.answer),
        "turns": turns,
        "replacements": [s for s in swap if any(s["was"] in t for t in turns)] if known else [],
    }
