"""Judges: rulings on answers."""

from __future__ import annotations

from a3.config import Config
from a3.llm.line import Line
from a3.types.judge import Judge

ALONE = Line()


def make_judge(config: Config, line: Line = ALONE) -> Judge:
    """The judge of conf/judge, with its calibration if it has one.

    Raises ConfigError for an endpoint without its key.
    """
    from a3.judges.calibration import load_calibration
    from a3.judges.model import ModelJudge
    from a3.judges.rules import RuleJudge
    from a3.llm.connect import connect

    chosen, risk = config.judge, config.risk
    if chosen.endpoint is None:
        rules = RuleJudge(risk)
        return rules.calibrated(load_calibration(chosen.calibration, rules.key))
    judge = ModelJudge(
        risk, connect(chosen.endpoint, line), chosen.endpoint.max_tokens, chosen.votes
    )
    judge.calibration = load_calibration(chosen.calibration, judge.key)
    return judge
