"""Judges: rulings on answers."""

from __future__ import annotations

from a3.config import Config
from a3.types.judge import Judge


def make_judge(config: Config) -> Judge:
    """The judge of conf/judge, with its calibration if it has one."""
    from a3.judges.calibration import load_calibration
    from a3.judges.rules import RuleJudge

    judge = RuleJudge(config.risk)
    return judge.calibrated(load_calibration(config.judge.calibration, judge.key))
