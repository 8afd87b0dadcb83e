"""Queries out of an agent: ideas, then the exact chats, checked before anything is spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from a3 import prompts
from a3.agents.model.checks import faults, twin
from a3.agents.model.orders import MUST_KNOW, Order
from a3.agents.model.subjects import Subjects
from a3.config import Config
from a3.config.groups import ModelAgent
from a3.llm.ask import as_data, ask_all
from a3.types.chat import ask
from a3.types.llm import CallFailed, ChatModel, ChatRequest
from a3.types.queries import Kind
from a3.types.written import Doubts, Ideas, WrittenChat, WrittenChats


class Writer:
    """Asks an agent for ideas and chats, and lets through what is sound."""

    def __init__(
        self, config: Config, settings: ModelAgent, agent: ChatModel, subjects: Subjects
    ) -> None:
        self._config, self._settings, self._agent = config, settings, agent
        self._subjects = subjects

    def write(self, orders: Sequence[Order], what: str) -> list[tuple[Order, list[WrittenChat]]]:
        """Chats that are missing; fewer where some are rejected, which each order counts."""
        refused = [order.refusals for order in orders]
        drafts = self._chats(orders, self._ideas(orders, what), what)
        self._refuse_doubtful(drafts, what)
        for order, before in zip(orders, refused, strict=True):
            order.tries += order.refusals == before
        return drafts

    def _ideas(self, orders: Sequence[Order], what: str) -> list[list[str]]:
        requests = [self._ideas_request(order) for order in orders]
        fresh: list[list[str]] = []
        for order, found in zip(
            orders, ask_all(self._agent, requests, Ideas, f"{what}: ideas"), strict=True
        ):
            if isinstance(found, CallFailed):
                order.lose("no ideas", found, order.missing)
                fresh.append([])
                continue
            new = list(dict.fromkeys(i for i in found.ideas if i not in order.ideas))
            fresh.append(new[: order.missing])
            order.ideas += fresh[-1]
        return fresh

    def _ideas_request(self, order: Order) -> ChatRequest:
        shown = {
            "hypothesis": order.hypothesis.statement,
            "example": order.chats[0].turns if order.chats else None,
            "ideas wanted": order.missing,
            "used": [*self._taken(order), *order.ideas],
            "rejected so far": dict(order.rejected),
            **_knowledge(order),
        }
        return self._request("ideas", shown)

    def _taken(self, order: Order) -> list[str]:
        """Taken sources of the same topic: the agent would think of them first."""
        topic = order.hypothesis.tag("topic")
        return [s.about for s in order.taken if s.topic == topic]

    def _chats(
        self, orders: Sequence[Order], fresh: Sequence[Sequence[str]], what: str
    ) -> list[tuple[Order, list[WrittenChat]]]:
        """Drafts without a fault that code can see, order by order."""
        size = self._settings.chats_per_call
        parts = [
            (order, ideas[i : i + size])
            for order, ideas in zip(orders, fresh, strict=True)
            for i in range(0, len(ideas), size)
        ]
        requests = [self._chats_request(order, ideas) for order, ideas in parts]
        replies = ask_all(self._agent, requests, WrittenChats, f"{what}: queries")
        drafts = {order.hypothesis.id: (order, list[WrittenChat]()) for order in orders}
        for (order, ideas), found in zip(parts, replies, strict=True):
            if isinstance(found, CallFailed):
                order.lose("not written", found, len(ideas))
                continue
            mine = drafts[order.hypothesis.id][1]
            mine += _sound(order, mine, found.chats[: len(ideas)], self._subjects)
        return list(drafts.values())

    def _chats_request(self, order: Order, ideas: Sequence[str]) -> ChatRequest:
        shown = {
            "hypothesis": order.hypothesis.statement,
            "stratum": self._config.risk.strata.get(order.hypothesis.stratum),
            "ideas": {str(i): idea for i, idea in enumerate(ideas, start=1)},
            "rejected so far": dict(order.rejected),
        }
        return self._request("chats", shown)

    def _request(self, prompt: str, shown: Mapping[str, object]) -> ChatRequest:
        risk = self._config.risk
        told = {name: value for name, value in shown.items() if value}
        return ChatRequest(
            system=prompts.render(prompt, description=risk.description.strip(), guide=risk.guide),
            conversation=ask(as_data(told)),
            max_tokens=self._settings.endpoint.max_tokens,
        )

    def _refuse_doubtful(
        self, drafts: Sequence[tuple[Order, list[WrittenChat]]], what: str
    ) -> None:
        """Take out chats whose benign side is none; one call a hypothesis."""
        asked = [(order, chats) for order, chats in drafts if chats]
        requests = [self._check_request(chats) for _, chats in asked]
        replies = ask_all(self._agent, requests, Doubts, f"{what}: twins")
        for (order, chats), found in zip(asked, replies, strict=True):
            if isinstance(found, CallFailed):
                order.lose("not checked", found, len(chats))
                chats.clear()
                continue
            bad = {d.number for d in found.doubts}
            order.rejected["twin is not benign"] += len(bad & set(range(1, len(chats) + 1)))
            chats[:] = [chat for i, chat in enumerate(chats, start=1) if i not in bad]
            order.rejected += Counter()  # Drops what counts zero.

    def _check_request(self, chats: Sequence[WrittenChat]) -> ChatRequest:
        shown = {str(i): list(twin(chat)) for i, chat in enumerate(chats, start=1)}
        benign = self._config.risk.desired_behaviour[Kind.BENIGN]
        return ChatRequest(
            system=prompts.render("twins", benign=benign),
            conversation=ask(as_data(shown)),
            max_tokens=self._settings.endpoint.max_tokens,
        )


def _knowledge(order: Order) -> dict[str, object]:
    """What the target must know or not, and what it showed of that: ideas can go by it."""
    must = MUST_KNOW.get(order.hypothesis.stratum)
    if must is None:
        return {}
    return {
        "the target must": "know the answer" if must else "not know the answer",
        "it knew": [question for question, known in order.known.items() if known],
        "it did not know": [question for question, known in order.known.items() if not known],
    }


def _sound(
    order: Order,
    drafts: Sequence[WrittenChat],
    chats: Sequence[WrittenChat],
    subjects: Subjects,
) -> list[WrittenChat]:
    """Chats without a fault; no two of them, nor of `drafts`, are about one thing, or Ex 0's."""
    closed = order.closed | set(map(subjects.id_of, drafts))
    found: list[WrittenChat] = []
    for chat in chats:
        wrong = next(faults(chat, order.hypothesis.stratum), None)
        if wrong is None and subjects.id_of(chat) in closed:
            wrong = "duplicate"
        if wrong is None:
            closed.add(subjects.id_of(chat))
            found.append(chat)
        else:
            order.rejected[wrong] += 1
    return found
