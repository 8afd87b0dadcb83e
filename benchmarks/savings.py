"""What a run spends on calls to a model, against the published way, at equal counts.

.venv/bin/python -m benchmarks.savings record RUN_FOLDER ADAPTER ... # the last two being soups
.venv/bin/python -m benchmarks.savings simulate [--served 20]        # writes savings.json

savings-record.json holds what a base and many repairs of it answered to one run's validation
queries, with the verdict of the rules on each answer. Simulated runs draw trials and queries from
it and go through a3's own validation: what was ruled on before is not asked again, what failed most
often is asked first, and a trial that cannot win any more is dropped. The published way rules on
all answers of all trials, OOD's among them (counted from its released code). Some of the runs are
gone through again with verdicts over HTTP, out of the Messages API of the tests' service: a judge,
an endpoint and a cache as a run has them; the service counts the calls.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast

from a3.config import Config
from a3.config.compose import compose
from a3.config.schema import EndpointJudgeConfig, ModelAgent
from a3.estimate import HYPOTHESIS, IDEA, PROMPT, REWRITTEN, RULING, TWIN
from a3.executor.context import Context
from a3.executor.validate import BASE, remember, validate
from a3.judges.model import ModelJudge
from a3.llm.connect import connect
from a3.llm.endpoint import dollars
from a3.llm.line import Line
from a3.measure import answer_and_judge, validation_scores
from a3.measure.dropping import at_least, objective_at_least
from a3.search.selection import limits
from a3.store import Cache
from a3.types.answers import FinishReason, Generation, Label, Verdict
from a3.types.chat import Conversation, ask
from a3.types.judge import Judge
from a3.types.llm import TokenUsage
from a3.types.queries import KNOWN, Kind, Query, Reference
from a3.types.trials import DropRule
from tests.llm.server import Says, Service, serving

HERE = Path(__file__).parent
RECORD, RESULT = HERE / "savings-record.json", HERE / "savings.json"
HYPOTHESES, QUERIES, ROUNDS, TRIALS = 56, 20, 10, 30
"""Of the published system; each query has a twin."""
TRAINED, VALIDATION, OOD = 1692, 188, 360
"""Queries of both kinds that train, validate and wait."""
SOUPS = 2
CHAT, LINE, PROPOSAL = 105, 50, 240
"""Tokens of a chat as it is written and of a hypothesis as proposals read it (103 and 37 with the
agent of the tests, which writes out of the grammar), and of a proposal (assumed)."""
TOLD, DROPPED = 410, 170
"""Tokens that tell an agent of a trial, by the hypotheses that still fail, and of a dropped one:
310 to 390 and 112 at seed 11, without the agent's own words."""
CONFIG = compose(["model=qwen7b", "budget=paper"], Path("unused"))


def record(run: Path, adapters: Sequence[Path]) -> dict[str, Any]:
    """Answers and rulings of the base and of each adapter on a run's validation queries."""
    from a3.config import parse
    from a3.judges import make_judge
    from a3.store import cache_root
    from a3.target.local import LocalTarget
    from a3.types.observer import Silent
    from a3.types.queries import Splits

    config = parse(json.loads((run / "config.json").read_text()))
    splits = Splits.model_validate_json((run / "stages/split.json").read_text())
    cache = Cache(cache_root() / "content.sqlite")
    target = LocalTarget(config.model, cache_root(), cache, Silent())
    judge, found = make_judge(config), list[list[Verdict]]()
    for model in (target, *map(target.with_adapter, adapters)):
        found.append(
            answer_and_judge(model, judge, splits.validation, config.decoding, "record", 1.0)
        )
        model.unload()
    return packed(config, splits.validation, found)


def packed(
    config: Config, queries: Sequence[Query], models: Sequence[Sequence[Verdict]]
) -> dict[str, Any]:
    """Each answer once: its label and how many tokens a judge would read; models by index."""
    from a3.judges.rubric import case, task
    from a3.types.answers import generation

    rows: list[dict[str, Any]] = []
    for place, query in enumerate(queries):
        system = task(
            config.risk,
            query.kind,
            dict.fromkeys(config.risk.labels[query.kind], "-"),
            "judge_reason",
        )
        said = [verdicts[place] for verdicts in models]
        texts = list(dict.fromkeys(v.answer.text for v in said))
        label = {v.answer.text: v.label for v in said}
        size = {
            v.answer.text: math.ceil(len(system + case(query, generation(v.answer))) / 4)
            for v in said
        }
        rows.append(
            {
                "kind": query.kind,
                "stratum": query.stratum,
                "answers": [[label[t], size[t]] for t in texts],
                "models": [texts.index(v.answer.text) for v in said],
            }
        )
    return {"queries": rows}


@dataclass
class Run:
    """One simulated search: the collaborators of `validate`, over the record."""

    rows: Mapping[str, Any]
    model: int = 0
    asked: int = 0
    tokens: int = 0
    ruled: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    kept: dict[Any, Any] = field(default_factory=dict[Any, Any])
    judge: Judge | None = None
    """Who rules in place of the record."""
    key: str = "recorded"
    free: bool = False
    max_unscored: float = 1.0

    def generate(self, conversations: Sequence[Conversation], *_: object) -> list[list[Generation]]:
        """The recorded answers of the model whose turn it is; their text is their number."""
        return [
            [
                Generation(
                    text=str(self.rows[c.last.content]["models"][self.model]),
                    finish_reason=FinishReason.STOP,
                    n_tokens=1,
                )
            ]
            for c in conversations
        ]

    def rule_all(
        self, answers: Sequence[tuple[Query, Generation]], what: str
    ) -> list[tuple[Label, str]]:
        """The recorded rulings; where they cost each is counted once, as calls are cached."""
        found = [self.rows[q.id]["answers"][int(a.text)] for q, a in answers]
        for (query, given), (_, size) in zip(answers, found, strict=True):
            if self.free or (query.id, given.text) not in self.ruled:
                self.ruled.add((query.id, given.text))
                self.asked += 1
                self.tokens += size
        if self.judge is not None:
            return self.judge.rule_all(answers, what)
        return [(Label(label), "-") for label, _ in found]

    def has(self, key: object) -> bool:
        """Of the store."""
        return key in self.kept

    def once(self, key: object, kind: object, make: Any) -> Any:
        """Of the store."""
        return self.kept.setdefault(key, make())

    @property
    def context(self) -> Context:
        """As much of one as validation needs."""
        config = SimpleNamespace(
            decoding=CONFIG.decoding.model_copy(update={"samples": 1}), seed=0, evals=self
        )
        return cast(Context, SimpleNamespace(config=config, store=self, judge=self))


@dataclass(frozen=True)
class Outcome:
    """What came of one simulated run."""

    asked: int
    tokens: int
    searched: int
    """Of those asked, before the soups."""
    dropped: int
    same: bool
    fresh: float
    """Share of the chosen trial's answers that are not the base's."""


def simulate(
    rows: Sequence[Mapping[str, Any]], seed: int, free: bool = False, judge: Judge | None = None
) -> Outcome:
    """A search of TRIALS trials, measured a3's way and in full.

    With a free judge it is answers that are saved, and all of them are counted.
    """
    rng = random.Random(seed)
    queries = list(_drawn(rows, rng))
    run = Run({q.id: rows[int(q.id)] for q in queries}, free=free, judge=judge)
    first_soup = len(rows[0]["models"]) - SOUPS
    models = rng.sample(range(1, first_soup), TRIALS)
    context = run.context
    base = validate(cast(Any, run), -1, "", queries, None, context)[0]
    remember(context, BASE, base)
    bounds = limits(validation_scores(queries, base, 0.95), CONFIG.goal)
    whole: list[float] = []
    mine: list[float] = []
    best, dropped = math.inf, 0
    for number, run.model in enumerate(models):
        full = [_verdict(q, run.rows[q.id], run.model) for q in queries]
        whole.append(_bound(queries, full, bounds))
        rule = None
        if number:
            rule = DropRule(objective=best, limits=bounds, parts=CONFIG.search.drop_parts)
        verdicts, partial = validate(cast(Any, run), number, "", queries, rule, context)
        remember(context, number, verdicts)
        dropped += partial is not None
        mine.append(math.inf if partial else _bound(queries, verdicts, bounds))
        best = min(best, mine[-1])
    searched = run.asked
    for number in range(SOUPS):
        run.model = first_soup + number
        rule = DropRule(objective=best, limits=bounds, parts=CONFIG.search.drop_parts)
        verdicts, partial = validate(cast(Any, run), TRIALS, "", queries, rule, context)
        if partial is None:
            best = min(best, _bound(queries, verdicts, bounds))
    chosen = models[mine.index(min(mine))]
    fresh = fmean(r["models"][chosen] != r["models"][0] for r in run.rows.values())
    same = mine.index(min(mine)) == whole.index(min(whole))
    return Outcome(run.asked, run.tokens, searched, dropped, same, fresh)


@contextmanager
def behind_http(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Judge, Service]]:
    """A judge like a run's, over a service that rules as the record does."""
    behaviour = {
        kind: {label: name for name, label in CONFIG.risk.labels[kind].items()} for kind in Kind
    }

    def rules(body: Mapping[str, Any], _: int) -> Says:
        shown = json.loads(body["messages"][-1]["content"].split("\n")[1])
        kind = Kind.HARMFUL if shown["kind"] == "the user is wrong" else Kind.BENIGN
        row = rows[int(shown["conversation"][-1]["content"])]
        label, _ = row["answers"][int(shown["last answer"])]
        return Says(json.dumps({"reason": "-", "behaviour": behaviour[kind][label]}))

    judge = CONFIG.judge
    assert isinstance(judge, EndpointJudgeConfig)
    with serving(rules) as service, TemporaryDirectory() as folder:
        update = {"base_url": service.url, "key_variable": None}
        spec = judge.endpoint.model_copy(update=update)
        endpoint = connect(spec, Line(Cache(Path(folder) / "content.sqlite")))
        yield ModelJudge(CONFIG.risk, endpoint, spec.max_tokens, judge.votes), service


def served(rows: Sequence[Mapping[str, Any]], found: Sequence[Outcome]) -> bool:
    """Whether runs over HTTP come to the same, call by call, as these did in process."""
    same: list[bool] = []
    for seed, known in enumerate(found):
        with behind_http(rows) as (judge, service):
            outcome = simulate(rows, seed, judge=judge)
        same.append(outcome == known and len(service.answered) == known.asked)
    return all(same)


def _drawn(rows: Sequence[Mapping[str, Any]], rng: random.Random) -> Iterator[Query]:
    """As many queries as the published system validates on, half of them twins."""
    for kind in Kind:
        of_kind = [
            i
            for i, r in enumerate(rows)
            if r["kind"] == kind and (kind is Kind.HARMFUL or r["stratum"] == KNOWN)
        ]
        for i in rng.sample(of_kind, VALIDATION // 2):
            yield Query(
                id=str(i),
                hypothesis_id="H0",
                kind=kind,
                stratum=rows[i]["stratum"],
                conversation=ask(str(i)),
                pair_id=str(i),
                source_id=str(i),
                reference=Reference(correct="-", expected_behaviour="-"),
            )


def _bound(
    queries: Sequence[Query], verdicts: Sequence[Verdict], bounds: dict[str, float]
) -> float:
    rule = DropRule(objective=0, limits=bounds, parts=1)
    return objective_at_least(*at_least(queries, verdicts, rule))


def _verdict(query: Query, row: Mapping[str, Any], model: int) -> Verdict:
    from a3.types.answers import Answer

    label, _ = row["answers"][row["models"][model]]
    answer = Answer(
        query_id=query.id,
        model_key="-",
        transcript=query.conversation,
        finish_reason=FinishReason.STOP,
        decoding=CONFIG.decoding,
    )
    return Verdict(answer=answer, label=Label(label), reason="-", judge="-")


Calls = dict[str, tuple[float, TokenUsage]]
"""Kind -> calls, and the tokens of all of them."""


def published(ruling: float) -> Calls:
    """The published system's calls, as the tokens of this project's prompts for the same call."""
    n, log = HYPOTHESES, HYPOTHESIS * HYPOTHESES / 2
    return {
        "hypotheses": _all(ROUNDS, PROMPT["hypotheses"] + log, HYPOTHESIS * n / ROUNDS),
        "descriptions": _all(n, PROMPT["hypotheses"] + log, HYPOTHESIS),
        "ideas": _all(2 * n, PROMPT["ideas"], IDEA * QUERIES),
        "chats": _all((QUERIES - 1) * n, PROMPT["chats"] + IDEA, CHAT),
        "twins": _all(QUERIES * n, PROMPT["twins"] + CHAT, CHAT),
        "split": _all(1, PROMPT["split"] + 2 * log, HYPOTHESIS),
        "training answers": _all(TRAINED, PROMPT["answers"] + CHAT, CHAT),
        "proposals": _all(TRIALS, PROMPT["proposals"] + LINE * n + TOLD * TRIALS / 2, PROPOSAL),
        "verdicts, explore": _all(2 * QUERIES * n, ruling, RULING),
        "verdicts, trials": _all((TRIALS + 1) * (VALIDATION + OOD), ruling, RULING),
    }


def ours(ruling: float, found: Sequence[Outcome]) -> Calls:
    """a3's own calls for as many hypotheses, queries and trials; the search's by simulation."""
    agent = CONFIG.agent
    assert isinstance(agent, ModelAgent)
    theirs, n = published(ruling), QUERIES * HYPOTHESES * REWRITTEN
    per_call = agent.chats_per_call
    fresh = fmean(o.fresh for o in found)
    held_out = (VALIDATION + OOD) * (1 + fresh)
    trial = TOLD + (DROPPED - TOLD) * fmean(o.dropped for o in found) / TRIALS
    start = PROMPT["proposals"] + LINE * HYPOTHESES
    return {
        "hypotheses": _growing(
            ROUNDS, PROMPT["hypotheses"], HYPOTHESIS * HYPOTHESES / ROUNDS, theirs["hypotheses"][1]
        ),
        "ideas": _all(
            2 * HYPOTHESES, PROMPT["ideas"] + IDEA * n / HYPOTHESES / 2, IDEA * n / HYPOTHESES / 2
        ),
        "chats": _all(n / per_call, PROMPT["chats"] + IDEA * per_call, CHAT * per_call),
        "twins": _all(2 * HYPOTHESES, PROMPT["twins"] + TWIN * n / HYPOTHESES / 2, RULING),
        "split": theirs["split"],
        "proposals": _growing(TRIALS, start, trial, TokenUsage(output=TRIALS * PROPOSAL)),
        "verdicts, explore": theirs["verdicts, explore"],
        "verdicts, trials": (
            fmean(o.asked for o in found),
            TokenUsage(
                input=round(fmean(o.tokens for o in found)),
                output=round(RULING * fmean(o.asked for o in found)),
            ),
        ),
        "verdicts, confirm and OOD": _all(held_out, ruling, RULING),
    }


def _all(n: float, each_in: float, each_out: float) -> tuple[float, TokenUsage]:
    return n, TokenUsage(input=round(n * each_in), output=round(n * each_out))


def _growing(n: int, start: float, part: float, said: TokenUsage) -> tuple[float, TokenUsage]:
    """Calls that read a log which each of them finds longer by a part, within the hour.

    What one of them wrote to the provider's cache the next ones read there.
    """
    written = start + (n - 1) * part
    whole = n * start + part * n * (n - 1) / 2
    read = TokenUsage(cache_write=round(written), cache_read=round(whole - written))
    return n, read.model_copy(update={"output": said.output})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["record", "simulate"])
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--served", type=int, default=0, help="runs to repeat over HTTP")
    arguments = parser.parse_args()
    if arguments.what == "record":
        run, *adapters = arguments.paths
        RECORD.write_text(json.dumps(record(run, adapters), separators=(",", ":")) + "\n")
        return
    rows = json.loads(RECORD.read_text())["queries"]
    found = [simulate(rows, seed) for seed in range(arguments.runs)]
    sizes = [size for r in rows for _, size in (r["answers"][k] for k in r["models"])]
    free = [simulate(rows, seed, free=True) for seed in range(arguments.runs)]
    over_http = {
        "runs": arguments.served,
        "calls, choice and verdicts the same": served(rows, found[: arguments.served]),
    }
    result = show(published(fmean(sizes)), ours(fmean(sizes), found), found, free)
    RESULT.write_text(json.dumps(result | {"over HTTP": over_http}, indent=1) + "\n")


def show(
    theirs: Calls, mine: Calls, found: Sequence[Outcome], free: Sequence[Outcome]
) -> dict[str, Any]:
    """All figures; prints them as a table."""
    judge = CONFIG.judge
    assert isinstance(judge, EndpointJudgeConfig) and judge.endpoint.known_price
    price = judge.endpoint.known_price

    def sums(calls: Calls) -> dict[str, float]:
        usage = sum((used for _, used in calls.values()), TokenUsage())
        n = sum(n for n, _ in calls.values())
        return {"calls": n, "tokens": usage.total, "dollars": dollars(price, usage) or 0.0}

    way = {"published": sums(theirs), "a3": sums(mine)}
    share = {k: way["a3"][k] / way["published"][k] for k in way["a3"]}
    in_full = (TRIALS + 1) * VALIDATION
    result = {
        "runs": len(found),
        "same choice": fmean(o.same and f.same for o, f in zip(found, free, strict=True)),
        "trials dropped": fmean(o.dropped for o in found) / TRIALS,
        "verdicts of a search": fmean(o.searched for o in found) / in_full,
        "answers of a search, free judge": fmean(o.searched for o in free) / in_full,
        "sums": way,
        "share": share,
        "published": {k: [n, used.model_dump()] for k, (n, used) in theirs.items()},
        "a3": {k: [n, used.model_dump()] for k, (n, used) in mine.items()},
    }
    print("| | published: calls | tokens | a3: calls | tokens |\n|---|---|---|---|---|")
    for kind in dict.fromkeys([*theirs, *mine]):
        cells = [
            f"{c[0]:,.0f} | {c[1].total / 1e6:.2f} M" if (c := calls.get(kind)) else "- | -"
            for calls in (theirs, mine)
        ]
        print(f"| {kind} | " + " | ".join(cells) + " |")
    for k, v in result.items():
        if k not in {"published", "a3"}:
            print(k, v)
    return result


if __name__ == "__main__":
    main()
