"""Judges: rulings on answers."""

from __future__ import annotations

from a3.config import Config
from a3.errors import ConfigError
from a3.types.judge import Judge


def make_judge(config: Config) -> Judge:
    """The judge of conf/judge, with its calibration if it has one.

    Raises ConfigError for a judge that needs a provider: there is none yet.
    """
    from a3.judges.calibration import load_calibration
    from a3.judges.rules import RuleJudge

    if config.judge.name != "rules":
        raise ConfigError("judge= must be one that runs here", config.judge.name, "use judge=rules")
    judge = RuleJudge(config.risk)
    return judge.calibrated(load_calibration(config.judge.calibration, judge.key))
