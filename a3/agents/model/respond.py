"""Training answers out of an agent, the published way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from a3 import prompts
from a3.agents.drafts import Draft, written
from a3.config import Config
from a3.config.groups import ModelAgent
from a3.llm.ask import as_data, ask_all
from a3.types.chat import ask
from a3.types.llm import CallFailed, ChatModel, ChatRequest
from a3.types.queries import Query
from a3.types.written import WrittenAnswer

WORDS = 120
"""Of an answer, at most."""


def by_agent(
    config: Config, queries: Sequence[Query], agent: ChatModel | None
) -> tuple[dict[str, list[Draft]], Counter[str]]:
    """By query id what the agent would have the target say, and why it did not write the others."""
    if agent is None or not isinstance(config.agent, ModelAgent) or not queries:
        return {}, Counter()
    room = config.agent.endpoint.max_tokens
    requests = [_request(config, query, room) for query in queries]
    found = ask_all(agent, requests, WrittenAnswer, "training answers, written")
    drafts = {
        query.id: [Draft(written(answer.answer), "agent")]
        for query, answer in zip(queries, found, strict=True)
        if not isinstance(answer, CallFailed)
    }
    return drafts, Counter(str(a.kind) for a in found if isinstance(a, CallFailed))


def _request(config: Config, query: Query, max_tokens: int) -> ChatRequest:
    risk, known = config.risk, query.reference
    shown = {
        "conversation": [
            {"role": m.role, "content": m.content} for m in query.conversation.messages
        ],
        "right answer": known.correct or None,
        "the user's claim": known.claimed,
    }
    system = prompts.render(
        "respond",
        description=risk.description.strip(),
        desired=risk.desired_behaviour[query.kind].strip(),
        words=str(WORDS),
    )
    return ChatRequest(
        system=system,
        conversation=ask(as_data({name: value for name, value in shown.items() if value})),
        max_tokens=max_tokens,
    )
