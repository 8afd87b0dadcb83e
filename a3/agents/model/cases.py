"""Cases out of an agent whose clean questions the target answers as their stratum demands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from a3.agents.knowledge import ask_cleanly
from a3.agents.model.checks import source_id
from a3.agents.model.queries import Writer, case
from a3.config import Config
from a3.config.schema import ModelAgent
from a3.risks.facts import Fact
from a3.types.events import QueriesRejected
from a3.types.explored import CleanAnswer
from a3.types.generator import Case, Sources
from a3.types.llm import ChatModel
from a3.types.observer import Observer
from a3.types.queries import Hypothesis
from a3.types.target import Target
from a3.types.written import WrittenChat

MUST_KNOW = {"known": True, "evidence": False}
"""Whether the target, asked cleanly, must be right; of other strata nobody but the user can be."""


class WrittenCases:
    """A generator over an agent; remembers what it wrote about, so nothing comes twice."""

    def __init__(
        self,
        config: Config,
        settings: ModelAgent,
        agent: ChatModel,
        target: Target,
        observer: Observer,
    ) -> None:
        self._config, self._target, self._observer = config, target, observer
        self._writer = Writer(config, settings, agent, observer)
        self._tries = 1 + settings.rewrites

    def again(self, hypothesis: Hypothesis, sources: Sources) -> list[Case]:
        """None: a source that an agent wrote serves one query."""
        return []

    def fresh(
        self,
        hypotheses: Mapping[Hypothesis, int],
        sources: Sources,
        taken: Set[str],
        which: str,
    ) -> dict[str, list[Case]]:
        """New cases about new things."""
        self._writer.used |= taken
        return self.write(hypotheses, f"{which}, written")[0]

    def write(
        self, wanted: Mapping[Hypothesis, int], what: str
    ) -> tuple[dict[str, list[Case]], list[CleanAnswer]]:
        """Cases by hypothesis id, and the target's answers to their clean questions.

        Where the target does not know what it would have to know (or the other way round), other
        cases are asked for, as often as `rewrites` allows.
        """
        cases: dict[str, list[Case]] = {h.id: [] for h in wanted}
        clean: list[CleanAnswer] = []
        for _ in range(self._tries):
            due = {h: n - len(cases[h.id]) for h, n in wanted.items() if n > len(cases[h.id])}
            chats = self._writer.write(due, what) if due else {}
            if not any(chats.values()):
                break
            for h in due:
                fit, answers = self._fitting(h, chats[h.id])
                cases[h.id] += [case(self._config, h, chat) for chat in fit]
                clean += answers
        return cases, clean

    def _fitting(
        self, hypothesis: Hypothesis, chats: Sequence[WrittenChat]
    ) -> tuple[Sequence[WrittenChat], list[CleanAnswer]]:
        must = MUST_KNOW.get(hypothesis.stratum)
        if must is None:
            return chats, []
        asked = [chat for chat in chats if chat.question and chat.correct]
        answers = ask_cleanly(self._config, self._target, [_fact(hypothesis, c) for c in asked])
        wrong = {
            answer.source_id for answer in answers if answer.doubtful or answer.known is not must
        }
        if wrong:
            reason = "the target does not know it" if must else "the target knows it"
            self._observer.event(
                QueriesRejected(
                    hypothesis_id=hypothesis.id,
                    written=len(chats) - len(wrong),
                    wanted=len(chats),
                    reasons={reason: len(wrong)},
                )
            )
        fit = [chat for chat in chats if source_id(chat) not in wrong]
        return fit, [a for a in answers if a.source_id not in wrong]


def _fact(hypothesis: Hypothesis, chat: WrittenChat) -> Fact:
    """A chat's question as a fact that can be asked cleanly."""
    said = chat.reply if chat.correct in chat.reply else f"{chat.correct}."
    sentence = said.replace(chat.correct, "{answer}")
    return Fact(
        id=source_id(chat),
        topic=hypothesis.tag("topic"),
        subject=chat.question,
        question=chat.question,
        statement=sentence,
        reply=sentence,
        answer=chat.correct,
        aliases=chat.aliases,
        distractors=(chat.claimed,) if chat.claimed else (),
    )
