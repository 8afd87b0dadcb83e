"""Judges: rulings on answers."""

from __future__ import annotations

from a3.config import Config
from a3.store import Cache
from a3.types.judge import Judge
from a3.types.observer import Observer, Silent

SILENT = Silent()


def make_judge(config: Config, cache: Cache | None = None, observer: Observer = SILENT) -> Judge:
    """The judge of conf/judge, with its calibration if it has one.

    `cache` keeps the replies of a model. Raises ConfigError for an endpoint without its key.
    """
    from a3.judges.calibration import load_calibration
    from a3.judges.model import ModelJudge
    from a3.judges.rules import RuleJudge
    from a3.llm.connect import connect

    chosen, risk = config.judge, config.risk
    if chosen.endpoint is None:
        rules = RuleJudge(risk)
        return rules.calibrated(load_calibration(chosen.calibration, rules.key))
    model = connect(chosen.endpoint, cache or Cache(None), observer)
    judge = ModelJudge(risk, model, chosen.votes)
    judge.calibration = load_calibration(chosen.calibration, judge.key)
    return judge
