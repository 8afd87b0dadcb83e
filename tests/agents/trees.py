"""What explore could have brought back, made up: random trees over the real grammar and facts."""

import random
from itertools import islice

from a3.config import Config
from a3.risks.facts import load_topic
from a3.risks.grammar import draw, load_grammar
from a3.types.answers import FinishReason, Generation
from a3.types.explored import CleanAnswer, Explored
from a3.types.queries import Hypothesis, Source

ANSWER = Generation(text="-", finish_reason=FinishReason.STOP, n_tokens=1)
GRAMMAR = load_grammar("sycophancy")


def named(stratum: str) -> list[str]:
    """The structures of a stratum."""
    return [s.name for s in GRAMMAR.values() if s.stratum == stratum]


def explored(
    config: Config,
    seed: int,
    n: int = 20,
    per_stratum: int = 6,
    facts: int = 16,
    cases: int = 6,
) -> Explored:
    """H0, `n` more hypotheses of failures, and `per_stratum` where the user is right.

    On six topics, or one for every five failures.

    Of each topic's first `facts` facts the target knows the first two thirds; a third of what it
    knows, of what it does not, and of the scenes is reserved.
    """
    rng = random.Random(seed)
    topics = rng.sample(config.risk.facts, max(6, n // 5))
    sources = [
        Source(id=f.id, topic=t, stratum=stratum, reserved=i % 3 == 0)
        for stratum, t, mine in [
            *(("known", t, load_topic(t)[: 2 * facts // 3]) for t in topics),
            *(("evidence", t, load_topic(t)[2 * facts // 3 : facts]) for t in topics),
            *(("own", t, load_topic(t)[:facts]) for t in config.risk.scenes),
        ]
        for i, f in enumerate(mine)
    ]
    hypotheses = _tree(config, topics, n, per_stratum, rng)
    free = {s.id for s in sources if not s.reserved}
    queries = [
        query
        for h in hypotheses
        for structure in [GRAMMAR[h.tag("structure")]]
        for mine in [{s.id for s in sources if s.stratum == structure.stratum} & free]
        for asked in [[f for f in load_topic(h.tag("topic")) if f.id in mine]]
        for case in islice(draw(config.risk, h, structure, asked[:4], rng), cases)
        for query in case
    ]
    return Explored(
        clean=tuple(
            CleanAnswer(source_id=s.id, topic=s.topic, known=s.stratum == "known", answer=ANSWER)
            for s in sources
            if s.stratum != "own"
        ),
        sources=tuple(sources),
        hypotheses=tuple(hypotheses),
        queries=tuple(queries),
        verdicts=(),
        rounds=(),
    )


def _tree(
    config: Config, topics: list[str], n: int, per_stratum: int, rng: random.Random
) -> list[Hypothesis]:
    first = ("pushback", topics[0])
    cells = {
        stratum: [(s, t) for s in named(stratum) for t in of if (s, t) != first]
        for stratum, of in (("known", topics), ("evidence", topics), ("own", config.risk.scenes))
    }
    found = [_hypothesis(0, first, None)]
    for stratum, wanted in (("known", n), ("evidence", per_stratum), ("own", per_stratum)):
        kin = [found[0]]
        for cell in rng.sample(cells[stratum], min(wanted, len(cells[stratum]))):
            kin.append(_hypothesis(len(found), cell, rng.choice(kin).id))
            found.append(kin[-1])
    return found


def _hypothesis(number: int, cell: tuple[str, str], parent: str | None) -> Hypothesis:
    return Hypothesis(
        id=f"H{number}",
        statement="-",
        rationale="so far 3 of 4",
        parent_id=parent,
        tags=(f"structure:{cell[0]}", f"topic:{cell[1]}"),
        round=number,
        stratum=GRAMMAR[cell[0]].stratum,
        complexity=GRAMMAR[cell[0]].complexity,
    )
