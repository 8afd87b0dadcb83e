"""All trials of a repair, batch by batch, and the best of them again on fresh seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from a3.config.groups import ModelAgent
from a3.executor.context import Context
from a3.methods import trial as one
from a3.search.agent import AgentProposer, Known
from a3.search.drop_rule import drop_rule
from a3.search.proposers import propose
from a3.search.records import save_study, save_trials
from a3.search.selection import contender, reruns, room
from a3.store import Store, fingerprint
from a3.types.trials import Proposal, Trial

Propose = Callable[[Sequence[Trial], int], Sequence[Proposal]]
"""From the trials so far and a number to the next proposals."""


def tune(shared: one.Shared) -> list[Trial]:
    """Propose, train, measure, until the budget's trials are made."""
    trials: list[Trial] = []
    context, proposer = shared.context, _proposer(shared)
    while True:
        _settle(trials, shared)
        batch = _batch(trials, proposer, context)
        if not batch:
            return trials
        for place, proposal in enumerate(batch, start=1):
            make = partial(_next, trials, proposal, shared)
            trials.append(context.store.once(("trial", len(trials)), Trial, make))
            _record(trials, batch[place:], context)


def _next(trials: Sequence[Trial], proposal: Proposal, shared: one.Shared) -> Trial:
    rule = drop_rule(shared.config.search, trials, shared.limits, proposal.rerun_of)
    return one.made(len(trials), proposal, rule, shared)


def _settle(trials: list[Trial], shared: one.Shared) -> None:
    """Before the best are trained again: make sure of who they are.

    A trial is dropped where it cannot be the best. Those that may be second are measured on, in
    place, until they are or cannot be.
    """
    search, context = shared.config.search, shared.context
    if not search.rerun_seeds or _new(trials, context):
        return
    while trial := contender(trials, search.rerun_top):
        rule = drop_rule(search, trials, shared.limits, place=search.rerun_top)
        measure = partial(one.measured_on, trial, rule, shared)
        trials[trial.number] = context.store.once(("settled", trial.number), Trial, measure)
        _record(trials, (), context)


def settled(trial: Trial, store: Store) -> Trial:
    """What became of a trial in the end, where it was measured on."""
    key = ("settled", trial.number)
    return store.once(key, Trial, lambda: trial) if store.has(key) else trial


def _proposer(shared: one.Shared) -> Propose:
    """Who proposes: a sampler, or the agent by all that it may know."""
    config, search, context = shared.config, shared.config.search, shared.context
    asked = search.name in {"agent", "hybrid"}
    if not asked or context.agent is None or not isinstance(config.agent, ModelAgent):
        return lambda trials, n: propose(search, trials, config.seed, (), n)
    known = Known(
        hypotheses=shared.view.hypotheses,
        rates=shared.baseline.train_rates,
        base=shared.baseline.validation,
        goal=config.goal,
        trials=config.budget.trials,
        left=partial(_caps_left, context),
    )
    agent = AgentProposer(search, config.agent, context.agent, known, context.observer)
    return lambda trials, n: agent.propose(trials, config.seed, n)


def _caps_left(context: Context, n_trials: int) -> Mapping[str, float]:
    """What was left of the caps after so many trials.

    Kept, so that a resumed run asks with the words that it paid for; with other caps it is anew.
    """
    key = ("left", n_trials, fingerprint(context.config.budget.caps.model_dump())[:8])
    left = context.left()
    return context.store.once(key, dict[str, float], lambda: dict(left)) if left else left


def _batch(trials: Sequence[Trial], propose: Propose, context: Context) -> tuple[Proposal, ...]:
    """The next proposals; kept, so that an interrupted batch goes on as it was proposed."""
    key = ("batch", len(trials))
    due = () if context.store.has(key) else _due(trials, propose, context)
    if not due and not context.store.has(key):
        return ()
    return context.store.once(key, tuple[Proposal, ...], lambda: due)


def _due(trials: Sequence[Trial], propose: Propose, context: Context) -> tuple[Proposal, ...]:
    """New configurations, then the best ones on fresh seeds, within the budget's trials."""
    search = context.config.search
    if new := _new(trials, context):
        return tuple(propose(trials, min(search.batch, new)))
    again = reruns(trials, search.rerun_top, search.rerun_seeds, search.rerun_length)
    return tuple(again[: min(search.batch, _left(trials, context))])


def _new(trials: Sequence[Trial], context: Context) -> int:
    search = context.config.search
    return room(trials, _left(trials, context), search.rerun_top, search.rerun_seeds)


def _left(trials: Sequence[Trial], context: Context) -> int:
    return max(0, context.config.budget.trials - len(trials))


def _record(trials: Sequence[Trial], pending: Sequence[Proposal], context: Context) -> None:
    """Bring the files that people read up to date."""
    root, config = context.store.root, context.config
    save_study(root / "study.journal", config.risk.name, config.search, trials, pending)
    save_trials(root / "trials.jsonl", trials)
