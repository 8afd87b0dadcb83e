"""The agent's choice of what waits out of sight, held to the rules of evidence."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Set

from a3 import prompts
from a3.agents.hypotheses import ROOT, subtrees
from a3.agents.measured import measured
from a3.agents.model.log import ReadableLog
from a3.config import Config
from a3.config.groups import ModelAgent
from a3.llm.ask import ask_within_rules
from a3.types.chat import ask
from a3.types.explored import Explored
from a3.types.llm import CallFailed, ChatModel, ChatRequest
from a3.types.written import SplitChoice


def choose_ood(
    config: Config, settings: ModelAgent, agent: ChatModel, explored: Explored
) -> tuple[set[str], str]:
    """Ids of OOD hypotheses and the agent's reason; none, and why, without a choice by the rules.

    What hangs below a chosen hypothesis goes with it.
    """
    log = ReadableLog(agent, settings.log_tokens, settings.endpoint.max_tokens)
    log.add(list(measured(config, explored.hypotheses, explored.queries, explored.verdicts)))
    share, most = config.explore.ood_share, at_most(explored, config.explore.ood_share)
    request = ChatRequest(
        system=prompts.render("split", share=f"{100 * share:.0f}", most=str(most)),
        log=log.parts,
        conversation=ask("Which hypotheses are set aside?"),
        max_tokens=settings.endpoint.max_tokens,
    )

    def problems(found: SplitChoice) -> list[str]:
        return list(broken(explored, _chosen(found, explored), most))

    found, wrong = ask_within_rules(agent, request, SplitChoice, "split", problems)
    if isinstance(found, CallFailed):
        return set(), f"{found.kind}: {found.reason}"
    if wrong:
        return set(), "; ".join(wrong)
    return _chosen(found, explored), found.reason


def _chosen(found: SplitChoice, explored: Explored) -> set[str]:
    return subtrees(explored.hypotheses, lambda h: h.id in found.ood)


def at_most(explored: Explored, share: float) -> int:
    """Twice as many hypotheses as the share says, or what the other rules ask for in small trees.

    What is set aside is nothing to learn from; whole subtrees rarely come to the very share.
    """
    sizes = Counter(h.stratum for h in explored.hypotheses)
    needed = 1 + sum(n > 1 for n in sizes.values())
    return max(needed, math.ceil(2 * share * len(explored.hypotheses)))


def broken(explored: Explored, ood: Set[str], most: int) -> Iterator[str]:
    """Every rule that a choice breaks, in words for the agent."""
    if ROOT in ood:
        yield "H0 must train"
        return
    waiting = [h for h in explored.hypotheses if h.id in ood]
    training = [h for h in explored.hypotheses if h.id not in ood]
    if not waiting:
        yield "no hypothesis of the log is set aside"
    if len(waiting) > most:
        yield f"with all that hangs below them {len(waiting)} are set aside, and {most} is the most"
    if shared := {h.tags for h in waiting} & {h.tags for h in training}:
        yield f"OOD and training share structure and topic: {sorted(shared)}"
    for axis in ("structure", "topic"):
        if not {h.tag(axis) for h in waiting} - {h.tag(axis) for h in training}:
            yield f"no {axis} occurs in OOD alone"
    sizes = Counter(h.stratum for h in explored.hypotheses)
    gone = Counter(h.stratum for h in waiting)
    for stratum, n in sizes.items():
        if n > 1 and not 0 < gone[stratum] < n:
            yield f"of stratum {stratum}, {gone[stratum]} of {n} are set aside"
