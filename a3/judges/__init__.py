"""Judges: rulings on answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from a3.config import Config
from a3.config.groups import EndpointJudgeConfig, LocalJudgeConfig, RuleJudgeConfig
from a3.llm.line import Line
from a3.store import cache_root
from a3.types.judge import Judge
from a3.types.risk import Risk

if TYPE_CHECKING:
    from a3.judges.local import LocalJudge
    from a3.judges.model import ModelJudge
    from a3.target.local import LocalTarget

ALONE = Line()


def make_final_judge(
    config: Config, line: Line = ALONE, target: LocalTarget | None = None
) -> Judge | None:
    """The judge of evaluate; None: the one that steers."""
    if config.final_judge is None:
        return None
    final = config.model_copy(update={"judge": config.final_judge})
    return make_judge(final, line, target)


def make_judge(config: Config, line: Line = ALONE, target: LocalTarget | None = None) -> Judge:
    """The judge of conf/judge, with its calibration if it has one.

    A local judge takes turns with `target` where their device does not hold both. Raises
    ConfigError for an endpoint without its key, FetchError for weights that cannot be had.
    """
    from a3.judges.calibration import load_calibration
    from a3.judges.model import ModelJudge
    from a3.judges.rules import RuleJudge
    from a3.llm.connect import connect

    risk = config.risk
    match config.judge:
        case RuleJudgeConfig() as chosen:
            rules = RuleJudge(risk)
            return rules.calibrated(load_calibration(chosen.calibration, rules.key))
        case EndpointJudgeConfig() as chosen:
            endpoint = chosen.endpoint
            model = connect(endpoint, line)
            judge = ModelJudge(risk, model, endpoint.max_tokens, chosen.votes)
        case LocalJudgeConfig() as chosen:
            judge = _local(chosen, risk, line, target)
    judge.calibration = load_calibration(chosen.calibration, judge.key)
    return judge


def _local(
    chosen: LocalJudgeConfig, risk: Risk, line: Line, target: LocalTarget | None
) -> ModelJudge | LocalJudge:
    from a3.judges.local import LocalChat, LocalJudge
    from a3.judges.model import ModelJudge
    from a3.target.local import LocalTarget

    spec = chosen.model
    if target is not None:
        model = target.beside(spec)
    else:
        model = LocalTarget(spec, cache_root(), line.cache, line.observer)
    if chosen.reasons:
        return ModelJudge(risk, LocalChat(model, spec), spec.max_new_tokens, spec.samples)
    return LocalJudge(risk, model, chosen.orders)
