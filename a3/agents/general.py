"""General data: prompts of ordinary users, from a file or from a dataset by its name.

Only prompts are taken; the base itself answers them. What a run measures with stays out of them
(evidence rule 2).
"""

from __future__ import annotations

import itertools
import json
import random
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from a3.config import Config
from a3.config.groups import GeneralDataConfig, HubGeneralData, LocalGeneralData
from a3.errors import DataError
from a3.evals import capability, hub
from a3.risks.facts import load_topic
from a3.store import numbered_lines

BUILTIN = Path(__file__).parent / "data" / "general.jsonl"
KEYS = ("messages", "prompt", "text", "instruction", "question")
"""Where a row may hold its prompt, the first that is there: text, or a list of messages."""
ROWS_PER_PROMPT = 100
"""Rows of a stream looked at for each prompt wanted, before what was found has to do."""
CONTAINED_WORDS = 6
"""A measured question of at least so many words must not occur inside a prompt either."""


@dataclass(frozen=True)
class Drawn:
    """A seeded sample of prompts."""

    prompts: Sequence[str]
    dropped: dict[str, int]
    """Why rows that were looked at are not used -> how many."""


def draw(config: Config) -> Drawn:
    """At most `budget.general` prompts. Raises DataError when there is not one."""
    if config.budget.general == 0:
        return Drawn((), {})
    return _draw(config, Measured(_measured(config)))


def _draw(config: Config, measured: Measured) -> Drawn:
    source, n = config.general_data, config.budget.general
    dropped: Counter[str] = Counter()
    if isinstance(source, HubGeneralData):
        rows = itertools.islice(_stream(source, config.seed), ROWS_PER_PROMPT * n)
        prompts = list(itertools.islice(_usable(rows, source, measured, dropped), n))
    else:
        usable = list(_usable(_lines(source), source, measured, dropped))
        prompts = random.Random(f"{config.seed}/general").sample(usable, min(n, len(usable)))
    if not prompts:
        reasons = ", ".join(f"{many} {why}" for why, many in dropped.items()) or "no rows at all"
        raise DataError(
            "general data must hold at least one usable prompt",
            f"{_name(source)}: {reasons}",
            f"give rows with one of {', '.join(KEYS)} (text, or a list of role and content), "
            "or set general_data.column or general_data.max_prompt_chars",
        )
    return Drawn(prompts, dict(dropped))


def missing(config: Config) -> Iterator[str]:
    """What stands in the way of general data, for preflight; a remote one is asked for one row."""
    source = config.general_data
    if config.budget.general == 0:
        return
    if isinstance(source, HubGeneralData):
        reason = hub.why_not(source.id, "use general_data=builtin or general_data=local")
        if reason is not None:
            yield f"general_data: {reason}"
            return
    try:
        if isinstance(source, HubGeneralData):
            _first(source)
        else:
            _draw(config, Measured(()))  # Benchmarks may have to be downloaded; not for a check.
    except DataError as error:
        yield f"{error.must} ({error.found}); {error.do}"


def prompt_of(row: dict[str, Any], column: str | None = None) -> str | None:
    """The first user turn of a row; None when it has none, or needs tools to be answered."""
    found = next((row[k] for k in ([column] if column else KEYS) if row.get(k)), None)
    if isinstance(found, str):
        return found.strip() or None
    if not isinstance(found, list):
        return None
    turns = [cast(dict[str, Any], t) for t in cast(list[Any], found) if isinstance(t, dict)]
    if any(t.get("functions") or t.get("function_calls") or t.get("tool_calls") for t in turns):
        return None
    said = next((t.get("content") for t in turns if t.get("role") == "user"), None)
    return said.strip() or None if isinstance(said, str) else None


class Measured:
    """Questions that a run measures with; `in` asks whether a prompt gives one of them away."""

    def __init__(self, questions: Iterable[str]) -> None:
        self._whole = {_words(q) for q in questions}
        self._by_start: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for question in self._whole:
            start = tuple(question.split()[:CONTAINED_WORDS])
            if len(start) == CONTAINED_WORDS:
                self._by_start[start].append(question)

    def __contains__(self, prompt: str) -> bool:
        plain = _words(prompt)
        if plain in self._whole:
            return True
        words = plain.split()
        starts = {tuple(words[i : i + CONTAINED_WORDS]) for i in range(len(words))}
        near = itertools.chain.from_iterable(self._by_start.get(s, ()) for s in starts)
        return any(f" {question} " in f" {plain} " for question in near)


def _measured(config: Config) -> Iterator[str]:
    """Questions of the capability items, the risk's facts, Ex 0, and the neutral prompts."""
    if config.budget.capability_items:
        yield from capability.questions(config.capability)
    yield from capability.neutral_texts()
    for topic in (*config.risk.facts, *config.risk.scenes):
        yield from (fact.question for fact in load_topic(topic))
    yield from (m.content for m in config.risk.seed_example.conversation.messages)


def _usable(
    rows: Iterable[dict[str, Any]],
    source: GeneralDataConfig,
    measured: Measured,
    dropped: Counter[str],
) -> Iterator[str]:
    seen: set[str] = set()
    for row in rows:
        prompt = prompt_of(row, source.column)
        if prompt is None:
            dropped["without a prompt"] += 1
        elif len(prompt) > source.max_prompt_chars:
            dropped["too long"] += 1
        elif _words(prompt) in seen:
            dropped["repeated"] += 1
        elif prompt in measured:
            dropped["measured with"] += 1
        else:
            seen.add(_words(prompt))
            yield prompt


def _lines(source: GeneralDataConfig) -> Iterator[dict[str, Any]]:
    """The rows of a file of JSON lines."""
    path = Path(source.path).expanduser() if isinstance(source, LocalGeneralData) else BUILTIN
    what = "general_data.path must name a file of JSON lines"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(what, f"{path}: {error}", "give a file that is there") from None
    for number, line in numbered_lines(text):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(what, f"{path}, line {number}: {error}", "correct that line") from None
        yield cast(dict[str, Any], row) if isinstance(row, dict) else {}


def _stream(source: HubGeneralData, seed: int) -> Iterator[dict[str, Any]]:
    try:
        yield from hub.shuffled(hub.stream(*_where(source)), f"{seed}/general")
    except Exception as error:
        raise _unreadable(source, error) from error


def _first(source: HubGeneralData) -> None:
    """Raise DataError unless the dataset's first row can be read and has the column named."""
    try:
        row = next(iter(hub.stream(*_where(source))), None)
    except Exception as error:
        raise _unreadable(source, error) from error
    wanted = (source.column,) if source.column else KEYS
    if row is None or not set(wanted) & set(row):
        raise DataError(
            f"rows of {source.id} must hold their prompt under {' or '.join(wanted)}",
            ", ".join(row) if row else "no row",
            "set general_data.column to one of these",
        )


def _where(source: HubGeneralData) -> tuple[str, str | None, str, str | None]:
    return source.id, source.subset, source.split, source.revision


def _unreadable(source: HubGeneralData, error: Exception) -> DataError:
    reason = (str(error).splitlines() or [""])[0]
    return DataError(
        f"{source.id} must be a dataset that can be loaded",
        f"{type(error).__name__}: {reason}",
        "check general_data.id, subset, split, column and revision, the network and HF_TOKEN, or "
        "use general_data=local general_data.path=<file of JSON lines>",
    )


def _name(source: GeneralDataConfig) -> str:
    if isinstance(source, HubGeneralData):
        return source.id
    return source.path if isinstance(source, LocalGeneralData) else source.name


def _words(text: str) -> str:
    """Words alone, in lower case; texts that differ in nothing else are one."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))
