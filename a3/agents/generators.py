"""Which generator draws fresh queries."""

from __future__ import annotations

from a3.agents.cases import GrammarCases
from a3.config import Config
from a3.config.groups import ModelAgent
from a3.types.generator import Generator
from a3.types.llm import ChatModel
from a3.types.observer import Observer
from a3.types.target import Target


def make_generator(
    config: Config, agent: ChatModel | None, target: Target, observer: Observer
) -> Generator:
    """The agent's own where there is one, else the grammar."""
    if agent is None or not isinstance(config.agent, ModelAgent):
        return GrammarCases(config)
    from a3.agents.model.cases import WrittenCases

    return WrittenCases(config, config.agent, agent, target, observer)
