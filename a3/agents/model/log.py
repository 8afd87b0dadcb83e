"""The log of explore as an agent reads it: every hypothesis, within a budget of tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from a3 import prompts
from a3.llm.ask import as_data, ask_all
from a3.types.chat import ask
from a3.types.events import HypothesisMeasured
from a3.types.llm import CallFailed, ChatModel, ChatRequest
from a3.types.queries import KNOWN, Hypothesis
from a3.types.rates import Rate
from a3.types.written import Summary

CHARACTERS = 4
"""Of a token, about."""
WORDS = 25
"""Of a summarised hypothesis, at most."""
AT_ONCE = 20
"""Hypotheses summarised in one call."""


class ReadableLog:
    """What was tried and what came of it, oldest first, so that its start can be cached.

    Beyond its budget the oldest hypotheses stand there in few words, which the agent finds; none is
    left out, and none is cut.
    """

    def __init__(self, agent: ChatModel, tokens: int, max_tokens: int) -> None:
        self._agent, self._room, self._max_tokens = agent, tokens * CHARACTERS, max_tokens
        self._rounds: list[list[HypothesisMeasured]] = []
        self._unwritten: list[list[str]] = []
        self._short: dict[str, str] = {}

    def add(
        self, entries: Sequence[HypothesisMeasured], unwritten: Sequence[Hypothesis] = ()
    ) -> None:
        """The next round, with hypotheses that no usable query was written of."""
        self._rounds.append(list(entries))
        self._unwritten.append([as_data(_unwritten(h)) for h in unwritten])
        while sum(map(len, self.parts)) > self._room and self._summarise():
            pass

    @property
    def parts(self) -> tuple[str, ...]:
        """One part a round, one line a hypothesis."""
        rounds = zip(self._rounds, self._unwritten, strict=True)
        lines = [
            [*(line(e, self._short.get(e.hypothesis.id)) for e in entries), *unwritten]
            for entries, unwritten in rounds
        ]
        return tuple("\n".join(("<log>", *mine, "</log>")) for mine in lines if mine)

    def _summarise(self) -> bool:
        """Put the oldest that stand in full into few words; False when there is none to shorten."""
        told = (e.hypothesis for entries in self._rounds for e in entries)
        oldest = [h for h in told if h.id not in self._short][:AT_ONCE]
        if not oldest:
            return False
        found = ask_all(self._agent, [self._request(oldest)], Summary, "summary of the log")[0]
        said = {} if isinstance(found, CallFailed) else {h.id: h.words for h in found.hypotheses}
        for h in oldest:  # Names of structure and topic are a summary, too, if a poor one.
            self._short[h.id] = said.get(h.id) or f"{_tag(h, 'structure')} about {_tag(h, 'topic')}"
        return True

    def _request(self, hypotheses: Sequence[Hypothesis]) -> ChatRequest:
        told = [{"id": h.id, "statement": h.statement, "tags": h.tags} for h in hypotheses]
        return ChatRequest(
            system=prompts.render("summary", words=str(WORDS)),
            conversation=ask(as_data(told)),
            max_tokens=self._max_tokens,
        )


def line(entry: HypothesisMeasured, short: str | None) -> str:
    """One hypothesis with its rates; in full with its example, or in few words."""
    h = entry.hypothesis
    told: dict[str, object] = {"id": h.id, "parent": h.parent_id, "tags": list(h.tags)}
    if h.stratum != KNOWN:
        told["stratum"] = h.stratum
    if short is None:
        told |= {
            "statement": h.statement,
            "modifications": [f"{m.axis}: {m.change}" for m in h.modifications],
            "example": entry.example,
        }
    else:
        told["in short"] = short
    rates: Mapping[str, Rate] = {"SFR": entry.sfr, "FPR": entry.fpr}
    told |= {name: f"{r.hits} of {r.n}" for name, r in rates.items() if r.n}
    return as_data(told)


def _unwritten(hypothesis: Hypothesis) -> dict[str, object]:
    return {"tags": list(hypothesis.tags), "left": "no usable query of it could be written"}


def _tag(hypothesis: Hypothesis, axis: str) -> str:
    return hypothesis.tag(axis).replace("_", " ")
