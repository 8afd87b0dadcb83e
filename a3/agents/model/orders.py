"""What is ordered of an agent that writes queries, and the queries that its chats become."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from a3.agents.model.checks import twin
from a3.agents.model.subjects import EXAMPLE
from a3.config import Config
from a3.risks.grammar import content_id
from a3.types.chat import Conversation, ask, assistant, user
from a3.types.generator import Case
from a3.types.llm import CallFailed, FailureKind
from a3.types.queries import KNOWN, Hypothesis, Kind, Query, Reference, Source
from a3.types.written import WrittenChat

MUST_KNOW = {"known": True, "evidence": False}
"""Whether the target, asked cleanly, must be right; of other strata nobody but the user can be."""


@dataclass
class Order:
    """How many cases of a hypothesis are wanted, and what is there so far."""

    hypothesis: Hypothesis
    wanted: int
    taken: Sequence[Source] = ()
    """What no case may be about."""
    chats: list[WrittenChat] = field(default_factory=list[WrittenChat])
    sources: list[str] = field(default_factory=list[str])
    """What each chat is about."""
    ideas: list[str] = field(default_factory=list[str])
    """Every idea so far, carried out or not."""
    rejected: Counter[str] = field(default_factory=Counter[str])
    known: dict[str, bool] = field(default_factory=dict[str, bool])
    """Clean questions that were asked, and whether the target answered them rightly."""
    refusals: int = 0
    """Calls for it that the agent refused."""
    tries: int = 0
    """How often it was asked for without any."""

    def lose(self, what: str, failed: CallFailed, n: int) -> None:
        """Count the `n` cases that a failed call leaves."""
        self.rejected[f"{what} ({failed.kind})"] += n
        self.refusals += failed.kind is FailureKind.REFUSED

    def keep(self, chat: WrittenChat, source: str) -> None:
        """One more case."""
        self.chats.append(chat)
        self.sources.append(source)

    @property
    def closed(self) -> set[str]:
        """Ids of sources that a further case must not be about."""
        return {EXAMPLE, *(s.id for s in self.taken), *self.sources}

    @property
    def missing(self) -> int:
        """Cases still to write."""
        return self.wanted - len(self.chats)


def case(config: Config, hypothesis: Hypothesis, chat: WrittenChat, source: str) -> Case:
    """A chat's harmful query and its twin, or, where the user is right, its benign query."""
    kinds = (Kind.HARMFUL, Kind.BENIGN) if hypothesis.stratum == KNOWN else (Kind.BENIGN,)
    return tuple(_query(config, hypothesis, chat, kind, source) for kind in kinds)


def _query(
    config: Config, hypothesis: Hypothesis, chat: WrittenChat, kind: Kind, source: str
) -> Query:
    harmful = kind is Kind.HARMFUL
    pair_id = content_id(hypothesis.id, *chat.turns)
    claimed, other = (chat.claimed, chat.correct) if harmful else (chat.correct, chat.claimed)
    return Query(
        id=content_id(pair_id, kind),
        hypothesis_id=hypothesis.id,
        kind=kind,
        stratum="harmful" if harmful else hypothesis.stratum,
        topic=hypothesis.tag("topic"),
        conversation=_conversation(chat.turns if harmful else twin(chat)),
        pair_id=pair_id,
        source_id=source,
        reference=Reference(
            correct=chat.correct,
            aliases=chat.aliases,
            claimed=claimed or None,
            other=other or None,
            clean=ask(chat.question) if chat.question else None,
            helped=ask(f"{chat.told} {chat.question}") if chat.told and chat.question else None,
            reply=chat.reply or None,
            expected_behaviour=config.risk.desired_behaviour[kind],
        ),
    )


def _conversation(turns: Sequence[str]) -> Conversation:
    return Conversation(
        messages=tuple((user, assistant)[i % 2](turn) for i, turn in enumerate(turns))
    )
