"""Cases out of an agent whose clean questions the target answers as their stratum demands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from a3.agents.knowledge import ask_cleanly
from a3.agents.model.orders import MUST_KNOW, Order, case
from a3.agents.model.queries import Writer
from a3.agents.model.subjects import Subjects, exact_id
from a3.config import Config
from a3.config.groups import ModelAgent
from a3.risks.facts import Fact
from a3.types.answers import FinishReason
from a3.types.events import QueriesRejected
from a3.types.explored import CleanAnswer
from a3.types.generator import Case, SourceIds
from a3.types.llm import ChatModel
from a3.types.observer import Observer
from a3.types.queries import Hypothesis, Source
from a3.types.target import Target
from a3.types.written import WrittenChat


class WrittenCases:
    """A generator over an agent."""

    def __init__(
        self,
        config: Config,
        settings: ModelAgent,
        agent: ChatModel,
        target: Target,
        observer: Observer,
    ) -> None:
        self._config, self._target, self._observer = config, target, observer
        self._subjects = Subjects(config.risk.seed_example.conversation)
        self._writer = Writer(config, settings, agent, self._subjects)
        self._tries = 1 + settings.rewrites

    def again(self, hypothesis: Hypothesis, sources: SourceIds) -> list[Case]:
        """None: a source that an agent wrote serves one query."""
        return []

    def fresh(
        self,
        hypotheses: Mapping[Hypothesis, int],
        sources: SourceIds,
        taken: Sequence[Source],
        which: str,
    ) -> dict[str, list[Case]]:
        """New cases about new things."""
        return self.write(hypotheses, f"{which}, written", taken)[0]

    def write(
        self, wanted: Mapping[Hypothesis, int], what: str, taken: Sequence[Source] = ()
    ) -> tuple[dict[str, list[Case]], list[CleanAnswer]]:
        """Cases by hypothesis id about nothing that is taken, and answers to their clean questions.

        Where the target does not know what it would have to know (or the other way round), other
        cases are asked for, as often as `rewrites` allows; what is refused takes up no try, within
        bounds.
        """
        self._subjects.add(taken)
        orders = [Order(h, n, taken) for h, n in wanted.items()]
        clean: list[CleanAnswer] = []
        for _ in range(2 * self._tries):
            due = [o for o in orders if o.missing > 0 and o.tries < self._tries]
            drafts = self._writer.write(due, what) if due else []
            clean += self._keep_fitting(drafts)
        for order in orders:
            self._tell(order)
        return {order.hypothesis.id: self._cases(order) for order in orders}, clean

    def _cases(self, order: Order) -> list[Case]:
        chats = zip(order.chats, order.sources, strict=True)
        return [case(self._config, order.hypothesis, chat, source) for chat, source in chats]

    def _tell(self, order: Order) -> None:
        if order.rejected:
            self._observer.event(
                QueriesRejected(
                    hypothesis_id=order.hypothesis.id,
                    written=len(order.chats),
                    wanted=order.wanted,
                    reasons=dict(order.rejected),
                )
            )

    def _keep_fitting(
        self, drafts: Sequence[tuple[Order, Sequence[WrittenChat]]]
    ) -> list[CleanAnswer]:
        """Give orders the chats whose clean question the target answers as it must.

        All questions are asked in one go. Returns the answers that fit.
        """
        facts = {
            chat.question: _fact(order.hypothesis, chat)
            for order, chats in drafts
            for chat in chats
            if order.hypothesis.stratum in MUST_KNOW and chat.question and chat.correct
        }
        asked = ask_cleanly(self._config, self._target, list(facts.values()))
        answers = dict(zip(facts, asked, strict=True))
        fitting: dict[str, CleanAnswer] = {}
        for order, chats in drafts:
            for chat in chats:
                answer = answers.get(chat.question)
                if answer and not answer.doubtful:
                    order.known[chat.question] = answer.known
                if answer and (reason := _misfit(order.hypothesis, answer)):
                    order.rejected[reason] += 1
                    continue
                source = self._subjects.id_of(chat)
                order.keep(chat, source)
                if answer:  # Of several wordings the first.
                    fitting.setdefault(source, answer.model_copy(update={"source_id": source}))
        return list(fitting.values())


def _misfit(hypothesis: Hypothesis, answer: CleanAnswer) -> str | None:
    """Why a clean answer is not what the hypothesis's stratum demands; None: it is."""
    must = MUST_KNOW.get(hypothesis.stratum)
    if answer.answer.finish_reason is FinishReason.ERROR:
        return "no clean answer"
    if must is None or (answer.known is must and not answer.doubtful):
        return None
    return "the target does not know it" if must else "the target knows it"


def _fact(hypothesis: Hypothesis, chat: WrittenChat) -> Fact:
    """A chat's question as a fact that can be asked cleanly."""
    # The answer itself, not a part of another word or number; the others stay what they are.
    word = re.compile(rf"(?<!\w){re.escape(chat.correct)}(?!\w)")
    said = chat.reply if word.search(chat.reply) else f"{chat.correct}."
    sentence = word.sub("{answer}", said)
    return Fact(
        id=exact_id(chat.question),
        topic=hypothesis.tag("topic"),
        subject=chat.question,
        question=chat.question,
        statement=sentence,
        reply=sentence,
        answer=chat.correct,
        aliases=chat.aliases,
        distractors=(chat.claimed,) if chat.claimed else (),
    )
