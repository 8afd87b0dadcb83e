"""What a repair could learn from: a table of its strata, with one example of each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from a3.types.results import Learned, RunResult
from a3.types.trials import TrainingExample

HEAD = ("learned from", "examples", "topics", "answers by")
NOTE = (
    "Answers by: self, the model's own to the question asked plainly (steered: under a prompt "
    "against the failure); reference and template, the right one in given words; agent; general, "
    "the model's own to instructions. How much of each a trial takes says its configuration."
)


def learned(examples: Sequence[TrainingExample]) -> tuple[Learned, ...]:
    """Strata in the order of their first example, which is the one shown."""
    by_stratum: dict[str, list[TrainingExample]] = defaultdict(list)
    for example in examples:
        by_stratum[example.stratum].append(example)
    return tuple(_learned(stratum, its) for stratum, its in by_stratum.items())


def _learned(stratum: str, examples: Sequence[TrainingExample]) -> Learned:
    *chat, answer = examples[0].conversation.messages
    return Learned(
        stratum=stratum,
        n=len(examples),
        topics=len({e.topic for e in examples} - {""}),
        sources=dict(Counter(e.source for e in examples).most_common()),
        chat="\n".join(f"{m.role}: {m.content}" for m in chat),
        answer=answer.content,
    )


def learned_rows(result: RunResult) -> Iterator[tuple[str, ...]]:
    """One row a stratum, under HEAD."""
    for row in result.learned:
        sources = ", ".join(f"{name} {n:,}" for name, n in row.sources.items())
        yield row.stratum, f"{row.n:,}", str(row.topics or "-"), sources


def markdown_learned(result: RunResult) -> list[str]:
    """The table as lines of Markdown; none where nothing trained."""
    if not result.learned:
        return []
    cells = [HEAD, ("---",) * len(HEAD), *learned_rows(result)]
    return [*("| " + " | ".join(row) + " |" for row in cells), "", NOTE, ""]
