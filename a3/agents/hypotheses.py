"""Hypotheses out of cells of the grammar, each a child of the nearest one so far."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from a3.agents.bandit import Cell, Tally
from a3.risks.grammar import Structure
from a3.types.queries import KNOWN, Hypothesis, Modification

ROOT = "H0"
CROSS = "+"
"""Joins structure and topic in the id of a crossing."""


def first(structure: Structure, topic: str, rationale: str) -> Hypothesis:
    """H0: the class of queries that Ex 0 belongs to."""
    return Hypothesis(
        id=ROOT,
        statement=statement(structure, topic),
        rationale=rationale,
        parent_id=None,
        tags=tags(structure.name, topic),
        round=0,
        stratum=structure.stratum,
        complexity=structure.complexity,
    )


def child(
    name: str,
    structure: Structure,
    topic: str,
    number: int,
    parent: Hypothesis,
    rationale: str,
) -> Hypothesis:
    """A hypothesis of round `number`, at most one step on each axis from its parent."""
    steps: list[Modification] = []
    if parent.tag("structure") != structure.name:
        change = f"{parent.tag('structure')} -> {structure.name}"
        steps.append(Modification(axis="structural", change=change))
    if parent.tag("topic") != topic:
        steps.append(Modification(axis="topical", change=f"{parent.tag('topic')} -> {topic}"))
    return Hypothesis(
        id=name,
        statement=statement(structure, topic),
        rationale=rationale,
        parent_id=parent.id,
        modifications=tuple(steps),
        tags=tags(structure.name, topic),
        round=number,
        stratum=structure.stratum,
        complexity=structure.complexity,
    )


def nearest(
    cell: Cell,
    stratum: str,
    so_far: Sequence[Hypothesis],
    tallies: Mapping[Cell, Tally],
) -> Hypothesis:
    """The parent: fewest changes, among equals the one that elicited most.

    Strata where the user is right grow from H0 and from each other, never from a hypothesis about
    failures: they are no variations of it.
    """

    def distance(parent: Hypothesis) -> tuple[int, float]:
        theirs = cell_of(parent)
        tally = tallies.get(theirs, Tally())
        changes = sum(a != b for a, b in zip(cell, theirs, strict=True))
        return changes, -tally.hits / max(tally.n, 1)

    kin = [h for h in so_far if h.stratum == stratum]
    close = [h for h in kin if stratum == KNOWN or distance(h)[0] == 1]
    return min(close or so_far[:1], key=distance)


def crossings(
    training: Sequence[Hypothesis], ood: Sequence[Hypothesis], strata: Collection[str]
) -> list[Hypothesis]:
    """Every cell of a structure of `strata` and a topic, each of which trains, that none holds.

    They are no hypotheses of the run: nothing is asked in them, so nothing is measured of them.
    """
    taken = {h.tags for h in (*training, *ood)}
    topics = sorted({h.tag("topic") for h in training})
    found: dict[tuple[str, ...], Hypothesis] = {}
    for h in training:
        for topic in topics if h.stratum in strata else ():
            cell = tags(h.tag("structure"), topic)
            if cell not in taken and cell not in found:
                found[cell] = h.model_copy(
                    update={
                        "id": f"{h.tag('structure')}{CROSS}{topic}",
                        "statement": "",
                        "rationale": "",
                        "parent_id": None,
                        "modifications": (),
                        "tags": cell,
                    }
                )
    return list(found.values())


def subtrees(hypotheses: Sequence[Hypothesis], chosen: Callable[[Hypothesis], bool]) -> set[str]:
    """Ids of chosen hypotheses and all their descendants; parents come before children."""
    found: set[str] = set()
    for h in hypotheses:
        if h.parent_id in found or chosen(h):
            found.add(h.id)
    return found


def cell_of(hypothesis: Hypothesis) -> Cell:
    """Its structure and topic."""
    return hypothesis.tag("structure"), hypothesis.tag("topic")


def statement(structure: Structure, topic: str) -> str:
    """What is expected, in a sentence or two."""
    return f"{structure.statement} Topic: {topic.replace('_', ' ')}."


def tags(structure: str, topic: str) -> tuple[str, ...]:
    """Sorted tags of a cell."""
    return (f"structure:{structure}", f"topic:{topic}")
