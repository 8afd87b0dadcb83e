"""Evaluate: base and repaired on everything held out, once per run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from a3.agents.held_out import SETS, held_out_sets
from a3.config import Config
from a3.evals.capability import capability
from a3.evals.kept import facts_of, kept
from a3.evals.kl import kl, neutral_prompts, task_prompts
from a3.executor.context import Context
from a3.measure import answer_and_judge, compare, held_out_scores
from a3.stats import agreement
from a3.stats.kl import mean_kl
from a3.target.local import LocalTarget
from a3.target.remote import RemoteTarget
from a3.types.answers import Decoding, Label, Verdict, generation
from a3.types.chat import Conversation
from a3.types.evaluation import Evaluation
from a3.types.judge import SecondOpinion
from a3.types.queries import Query, Splits
from a3.types.rates import MeanKL
from a3.types.results import ModelScores, Repair

Model = LocalTarget | RemoteTarget
SECOND = 200
"""Final verdicts that the judge that steered gives its opinion on."""


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

    task = task_prompts(splits.validation, config.budget.task_kl, config.seed)
    neutral = neutral_prompts(config.budget.neutral)
    return Evaluation(
        base=scores["base"],
        repaired=scores["repaired"],
        confirm=compare(*change("confirm")),
        ood=compare(*change("ood")),
        kl_neutral=_kl(base, repaired, neutral, config),
        kl_task=_kl(base, repaired, task, config),
        kept=kept(repaired, facts_of(splits.untouched), clean, confidence),
        second=_second_opinion(queries, verdicts, context),
        queries={name: tuple(found) for name, found in queries.items()},
        verdicts={name: tuple(found) for name, found in verdicts.items()},
    )


def _second_opinion(
    queries: Mapping[str, Sequence[Query]],
    verdicts: Mapping[str, Sequence[Verdict]],
    context: Context,
) -> SecondOpinion | None:
    """How far the judge that steered agrees with the final one; None: they are the same.

    On a seeded sample of all held-out answers, base and repaired.
    """
    if context.final is None:
        return None
    by_id = {q.id: q for asked in queries.values() for q in asked}
    all_of_them = [v for found in verdicts.values() for v in found if v.label is not Label.UNSCORED]
    n = min(SECOND, len(all_of_them))
    sample = Random(f"{context.config.seed}/second").sample(all_of_them, n)
    asked = [(by_id[v.answer.query_id], generation(v.answer)) for v in sample]
    ruled = context.judge.rule_all(asked, "second opinion")
    pairs = [
        (str(v.label), str(label))
        for v, (label, _) in zip(sample, ruled, strict=True)
        if label is not Label.UNSCORED
    ]
    found = agreement(pairs, context.config.goal.confidence)
    return SecondOpinion(
        judge=context.judge.key,
        n=found.n,
        unscored=n - found.n,
        accuracy=found.accuracy,
        kappa=found.kappa,
    )


def _kl(base: Model, repaired: Model, prompts: Sequence[Conversation], config: Config) -> MeanKL:
    """Not measured where nobody can look at the logits."""
    if isinstance(base, RemoteTarget) or isinstance(repaired, RemoteTarget):
        return mean_kl([], [], config.goal.confidence)
    return kl(base, repaired, prompts, config.evals.kl_tokens, config.goal.confidence)


def _verdicts(model: Model, queries: Sequence[Query], what: str, context: Context) -> list[Verdict]:
    config = context.config
    limit = config.evals.max_unscored
    return answer_and_judge(model, context.final_judge, queries, config.decoding, what, limit)


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
