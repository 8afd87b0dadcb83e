"""Capability through lm-eval: the project's own items, and published benchmarks by name.

Items are drawn by a seed, never the first N, and are the same for base and every trial, so that
they pair. Only their ids are kept: the text of gated benchmarks must not be published.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import combinations

from a3.config.groups import CapabilityConfig
from a3.errors import ConfigError, DataError
from a3.evals import hub
from a3.evals.capability import named
from a3.evals.capability.builtin import DATA, builtin_tasks, items, neutral_texts, rows
from a3.evals.capability.run import Prepared, quiet, run
from a3.types.scores import CapabilityScores
from a3.types.target import ScoringTarget, Target

__all__ = [
    "DATA",
    "builtin_tasks",
    "capability",
    "items",
    "missing",
    "neutral_texts",
    "questions",
]


def capability(
    target: Target, config: CapabilityConfig, n_items: int, seed: int
) -> CapabilityScores:
    """Score the target on up to `n_items` items of each task, item by item.

    Raises DataError where a benchmark cannot be had, ConfigError where a target only answers.
    """
    if n_items == 0 or not config.tasks:
        return CapabilityScores(tasks={})
    if not isinstance(target, ScoringTarget):
        raise ConfigError(
            "capability needs a target that gives log-probabilities",
            "one that only answers",
            "set capability=none",
        )
    with quiet():
        tasks = {name: _prepared(name, config, n_items, seed) for name in config.tasks}
        found = run(target, tasks, config.max_gen_toks)
    settings = {name: parts[0].setting for name, parts in tasks.items()}
    return CapabilityScores(tasks=found, settings=settings)


def _prepared(name: str, config: CapabilityConfig, n_items: int, seed: int) -> list[Prepared]:
    if name not in builtin_tasks():
        return named.prepared(name, config, n_items, seed)
    chosen = items(name, n_items, seed)
    setting = f"{len(chosen)} of {len(rows(name))} items, options scored, no chat template"
    return [Prepared.builtin(name, chosen, setting)]


def questions(config: CapabilityConfig) -> list[str]:
    """Every question of the tasks, for keeping other data apart from them.

    Raises DataError where a benchmark cannot be had.
    """
    found: list[str] = []
    for name in config.tasks:
        if name in builtin_tasks():
            found += [row["question"] for row in rows(name)]
        else:
            with quiet():
                found += named.questions(name, config.local.get(name))
    return found


def missing(config: CapabilityConfig) -> Iterator[str]:
    """What stands in the way of the tasks, for preflight; what is on this machine is read."""
    for name in sorted(set(config.local) - set(config.tasks)):
        yield f"capability.local.{name}: {name} is not among capability.tasks"
    benchmarks = [name for name in config.tasks if name not in builtin_tasks()]
    for name in benchmarks:
        yield from (f"capability task {name}: {reason}" for reason in _absent(name, config))
    yield from _twice(benchmarks)


def _twice(names: Sequence[str]) -> Iterator[str]:
    """Items count once, so no task may come under two names."""
    parts: dict[str, frozenset[str]] = {}
    for name in names:
        with quiet(), suppress(DataError):  # An unknown name was told of before.
            parts[name] = named.parts(name)
    for one, other in combinations(parts, 2):
        if shared := parts[one] & parts[other]:
            yield f"capability.tasks: {one} and {other} both hold {min(shared)}; leave one out"


def _absent(name: str, config: CapabilityConfig) -> Iterator[str]:
    try:
        with quiet():
            wanted = named.sources(name)
            if name in config.local or hub.offline():
                named.questions(name, config.local.get(name))
                return
    except DataError as error:
        yield f"{error.must} ({error.found}); {error.do}"
        return
    instead = f"set capability.local.{name} to a copy on this machine, or capability=builtin"
    yield from (reason for s in wanted if (reason := hub.why_not(s, instead)) is not None)
