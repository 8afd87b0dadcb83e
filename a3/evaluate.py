"""Evaluate: base and repaired on everything held out, once per run."""

from __future__ import annotations

from collections.abc import Sequence

from a3.agents.held_out import SETS, held_out_sets
from a3.config import Config
from a3.evals.capability import capability
from a3.evals.kept import facts_of, kept
from a3.evals.kl import kl, neutral_prompts
from a3.executor.context import Context
from a3.measure import answer_and_judge, compare, held_out_scores
from a3.stats.kl import mean_kl
from a3.target.local import LocalTarget
from a3.target.remote import RemoteTarget
from a3.types.answers import Decoding, Verdict
from a3.types.chat import Conversation
from a3.types.evaluation import Evaluation
from a3.types.queries import Query, Splits
from a3.types.rates import MeanKL
from a3.types.results import ModelScores, Repair

Model = LocalTarget | RemoteTarget


def evaluate(splits: Splits, repair: Repair, context: Context) -> Evaluation:
    """Fresh queries for both models; the first and only time that OOD is looked at."""
    config, base = context.config, context.target
    folder = repair.adapter and context.store.root / repair.adapter
    repaired = context.trainable.with_adapter(folder) if folder else base
    queries = held_out_sets(config, splits, context.generator)
    verdicts: dict[str, list[Verdict]] = {}
    scores: dict[str, ModelScores] = {}
    for who, model in (("base", base), ("repaired", repaired)):
        mine = {name: _verdicts(model, queries[name], f"{who}: {name}", context) for name in SETS}
        verdicts |= {f"{who}/{name}": found for name, found in mine.items()}
        scores[who] = _scores(model, queries, mine, context)
    confidence = config.goal.confidence
    clean = Decoding(max_new_tokens=config.explore.clean_tokens)

    def change(name: str) -> tuple[Sequence[Query], Sequence[Verdict], Sequence[Verdict], float]:
        return queries[name], verdicts[f"base/{name}"], verdicts[f"repaired/{name}"], confidence

    task = [q.conversation for q in splits.validation][: config.budget.task_kl]
    neutral = neutral_prompts(config.budget.neutral)
    return Evaluation(
        base=scores["base"],
        repaired=scores["repaired"],
        confirm=compare(*change("confirm")),
        ood=compare(*change("ood")),
        kl_neutral=_kl(base, repaired, neutral, config),
        kl_task=_kl(base, repaired, task, config),
        kept=kept(repaired, facts_of(splits.untouched), clean, confidence),
        queries={name: tuple(found) for name, found in queries.items()},
        verdicts={name: tuple(found) for name, found in verdicts.items()},
    )


def _kl(base: Model, repaired: Model, prompts: Sequence[Conversation], config: Config) -> MeanKL:
    """Not measured where nobody can look at the logits."""
    if isinstance(base, RemoteTarget) or isinstance(repaired, RemoteTarget):
        return mean_kl([], [], config.goal.confidence)
    return kl(base, repaired, prompts, config.evals.kl_tokens, config.goal.confidence)


def _verdicts(model: Model, queries: Sequence[Query], what: str, context: Context) -> list[Verdict]:
    config = context.config
    limit = config.evals.max_unscored
    return answer_and_judge(model, context.judge, queries, config.decoding, what, limit)


def _scores(
    model: Model,
    queries: dict[str, list[Query]],
    verdicts: dict[str, list[Verdict]],
    context: Context,
) -> ModelScores:
    config = context.config
    confidence, n = config.goal.confidence, config.budget.capability_items
    return ModelScores(
        confirm=held_out_scores("confirm", queries["confirm"], verdicts["confirm"], confidence),
        ood=held_out_scores("ood", queries["ood"], verdicts["ood"], confidence),
        capability=capability(model, config.capability, n, config.seed),
    )
