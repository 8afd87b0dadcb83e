"""How long instructions and schemas are, as they are sent."""

from __future__ import annotations

import json
import math
from statistics import fmean

from a3.agents.model.respond import WORDS
from a3.config import Config
from a3.judges.model import ruling, system
from a3.llm.door import strict_schema
from a3.prompts import render
from a3.search.agent import instructions as proposing
from a3.types import written
from a3.types.base import Frozen
from a3.types.queries import Kind

CHARACTERS = 4
"""Of a token, about."""


def instructions(config: Config) -> dict[str, int]:
    """Tokens of the instructions and the schema of one call, by kind, as they are sent."""
    risk = config.risk
    told = {"description": risk.description.strip()}
    guided = told | {"guide": risk.guide}
    benign, harmful = (risk.desired_behaviour[k].strip() for k in (Kind.BENIGN, Kind.HARMFUL))
    answers = render("respond", **told, desired=harmful, words=str(WORDS))
    share = f"{100 * config.explore.ood_share:.0f}"
    texts = {
        "hypotheses": (render("hypotheses", **told), written.NewHypotheses),
        "ideas": (render("ideas", **guided), written.Ideas),
        "chats": (render("chats", **guided), written.WrittenChats),
        "twins": (render("twins", benign=benign), written.Doubts),
        "split": (render("split", share=share, most="10"), written.SplitChoice),
        "answers": (answers, written.WrittenAnswer),
        "proposals": (proposing(config.search.space, config.goal), written.WrittenProposal),
    }
    sent = {kind: tokens(text, schema) for kind, (text, schema) in texts.items()}
    verdicts = round(fmean(tokens(system(risk, k), ruling(risk, k)) for k in Kind))
    return {**sent, "verdicts": verdicts, "target": 0}


def tokens(text: str, reply: type[Frozen] | None = None) -> int:
    """Of a text, and of the schema that its reply must keep to."""
    schema = "" if reply is None else json.dumps(strict_schema(reply))
    return math.ceil((len(text) + len(schema)) / CHARACTERS)
