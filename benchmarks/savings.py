"""What a run spends on calls to a model, against the published way, at equal counts.

.venv/bin/python -m benchmarks.savings record RUN_FOLDER ADAPTER ... # the last two being soups
.venv/bin/python -m benchmarks.savings simulate [--served 20]        # writes savings.json

savings-record.json holds what a base and many repairs of it answered to one run's validation
queries, with the verdict of the rules on each answer. Simulated runs draw trainings and queries
from it and search by the rules of budget=paper (tests/benchmarks/test_savings.py holds them against
a3's own search): thirty trainings, the last of which train the best configurations again on fresh
seeds; a model stands for a new configuration or a rerun as it comes. Validation is
a3's own: what was ruled on before is not asked again, what failed most often is asked first, and
what cannot win any more is dropped. The published way rules on all answers of all trials, OOD's
among them (counted from its released code). Some of the runs are gone through again with verdicts
over HTTP, out of the Messages API of the tests' service: a judge, an endpoint and a cache as a run
has them; the service counts the calls.
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
from a3.config.groups import EndpointJudgeConfig, ModelAgent
from a3.estimate import instructions
from a3.estimate import tokens as tokens_of
from a3.estimate.assumed import (
    DOUBTS,
    HYPOTHESIS,
    IDEA,
    LINE,
    PROPOSAL,
    REWRITTEN,
    RULING,
    TOLD,
)
from a3.executor.context import Context
from a3.executor.validate import BASE, remember, validate
from a3.judges.model import ModelJudge, system
from a3.llm.connect import connect
from a3.llm.endpoint import dollars
from a3.llm.line import Line
from a3.measure import answer_and_judge
from a3.measure.rates import failed, incoherent, over_defensive
from a3.search.drop_rule import beating, drop_rule
from a3.search.selection import (
    best_soup,
    constraints,
    contender,
    limits,
    objective,
    reruns,
    room,
    select,
    standing,
)
from a3.store import Cache
from a3.types.answers import Answer, FinishReason, Generation, Label, Verdict
from a3.types.chat import Conversation, ask, assistant
from a3.types.endpoint import Price
from a3.types.judge import Judge
from a3.types.llm import TokenUsage
from a3.types.queries import KNOWN, Kind, Query, Reference
from a3.types.rates import MeanKL, Rate
from a3.types.scores import CapabilityScores, ValidationScores
from a3.types.trials import Candidate, DropRule, Proposal, Soup, Trial, TrialScores, TrialState
from tests.llm.server import Says, Service, serving

HERE = Path(__file__).parent
RECORD, RESULT = HERE / "savings-record.json", HERE / "savings.json"
HYPOTHESES, QUERIES, ROUNDS, TRIALS = 56, 20, 10, 30
"""Of the published system; each query has a twin."""
TRAINED, VALIDATION, OOD = 1692, 188, 360
"""Queries of both kinds that train, validate and wait."""
HELD_OUT = {"as many": OOD, "and a confirm set as large as validation": VALIDATION + OOD}
"""Fresh queries of both kinds that a3 draws: as many as the published system holds out, or more."""
SOUPS = 2
CHAT, TWIN = 105, 37
"""Tokens of a chat as an agent writes it and of a twin as it is checked (103 and 36 with the agent
of the tests, which writes out of the grammar)."""
DROPPED = 170
"""Tokens that tell an agent of a dropped trial (112 at seed 11, without the agent's own words)."""
CONFIG = compose(["model=qwen7b", "budget=paper"], Path("unused"))
SEARCH = CONFIG.search
NO_CAPABILITY, NO_KL = CapabilityScores(tasks={}), MeanKL(value=0.0, n=0, low=0.0, high=0.0)


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
    from a3.judges.rubric import case
    from a3.types.answers import generation

    rows: list[dict[str, Any]] = []
    for place, query in enumerate(queries):
        told = system(config.risk, query.kind)
        said = [verdicts[place] for verdicts in models]
        texts = list(dict.fromkeys(v.answer.text for v in said))
        label = {v.answer.text: v.label for v in said}
        words = config.risk.situations
        size = {
            v.answer.text: math.ceil(len(told + case(query, generation(v.answer), words)) / 4)
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
    """The collaborators of `validate` in one simulated run, over the record."""

    rows: Mapping[str, Any]
    """By query id."""
    model: int = 0
    asked: int = 0
    tokens: int = 0
    ruled: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    kept: dict[Any, Any] = field(default_factory=dict[Any, Any])
    judge: Judge | None = None
    """Who rules in place of the record."""
    key: str = "recorded"
    free: bool = False
    repeats: bool = True
    """Whether answers are known again; else each model's are its own."""
    max_unscored: float = 1.0

    def generate(self, conversations: Sequence[Conversation], *_: object) -> list[list[Generation]]:
        """The recorded answers of the model whose turn it is; their text is their number."""
        return [[self.said(c.last.content)] for c in conversations]

    def said(self, query: str) -> Generation:
        """The answer of the model whose turn it is."""
        number = self.rows[query]["models"][self.model]
        text = str(number) if self.repeats else f"{number} of {self.model}"
        return Generation(text=text, finish_reason=FinishReason.STOP, n_tokens=1)

    def rule_all(
        self, answers: Sequence[tuple[Query, Generation]], what: str
    ) -> list[tuple[Label, str]]:
        """The recorded rulings; where they cost each is counted once, as calls are cached."""
        found = [self.rows[q.id]["answers"][int(a.text.split()[0])] for q, a in answers]
        for (query, given), (_, size) in zip(answers, found, strict=True):
            if self.free or (query.id, given.text) not in self.ruled:
                self.ruled.add((query.id, given.text))
                self.asked += 1
                self.tokens += size + SCHEMA
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


@dataclass
class Search:
    """A search by the rules of budget=paper, in which each training is a model of the record."""

    run: Run
    queries: Sequence[Query]
    models: Sequence[int]
    """What trainings bring, in turn; then the soups."""
    whole: bool = False
    """Everything is measured, and nobody is asked."""
    base: ValidationScores = field(init=False)
    trials: list[Trial] = field(default_factory=list[Trial])
    soups: list[Soup] = field(default_factory=list[Soup])

    def __post_init__(self) -> None:
        self.run.model = 0
        verdicts = [_verdict(q, self.run) for q in self.queries]  # Known since explore.
        self.run.ruled |= {(v.answer.query_id, v.answer.text) for v in verdicts}
        remember(self.run.context, BASE, verdicts)
        self.base = scored(self.queries, verdicts).validation

    def tune(self) -> None:
        """Every training."""
        top, seeds = SEARCH.rerun_top, SEARCH.rerun_seeds
        while (left := TRIALS - len(self.trials)) > 0:
            if room(self.trials, left, top, seeds):
                self._train(Proposal(config=SEARCH.default, rationale="-"))
                continue
            self._settle()
            if not (again := reruns(self.trials, top, seeds)):
                return
            self._train(again[0])

    def cook(self) -> None:
        """Every soup."""
        for number in range(SOUPS):
            known: list[Sequence[Candidate]] = [[s] for s in self.soups if s.scores]
            if best := select(self.trials):
                known.append(best)
            rule = beating(SEARCH, min(known, key=standing, default=()), self._limits)
            found = self._measured(self.models[TRIALS + number], len(self.trials), rule)
            self.soups.append(Soup(number=number, trials=(), scale=1, adapter=None, **found))

    @property
    def chosen(self) -> tuple[str, int]:
        """What becomes of it: a soup or a trial, and its number."""
        best = select(self.trials)
        soup = best_soup(self.soups, best)
        return ("soup", soup.number) if soup else ("trial", best[0].number)

    def model_of(self, kind: str, number: int) -> int:
        """In the record."""
        return self.models[number + (TRIALS if kind == "soup" else 0)]

    @property
    def _limits(self) -> dict[str, float]:
        return limits(self.base, CONFIG.goal)

    def _settle(self) -> None:
        """Measure on who may be one of those to train again."""
        while trial := contender(self.trials, SEARCH.rerun_top):
            rule = drop_rule(SEARCH, self.trials, self._limits, place=SEARCH.rerun_top)
            found = self._measured(self.models[trial.number], trial.number, rule)
            state = TrialState.COMPLETE if found["scores"] else TrialState.DROPPED
            known = {"partial": None, "constraints": {}, "state": state} | found
            self.trials[trial.number] = trial.model_copy(update=known)

    def _train(self, proposal: Proposal) -> None:
        number = len(self.trials)
        rule = drop_rule(SEARCH, self.trials, self._limits, proposal.rerun_of)
        found = self._measured(self.models[number], number, rule, keep=True)
        state = TrialState.COMPLETE if found["scores"] else TrialState.DROPPED
        told = {"proposal": proposal, "state": state, "error": None, "adapter": None, "seed": 0}
        self.trials.append(Trial(number=number, **told, **found))

    def _measured(
        self, model: int, number: int, rule: DropRule | None, keep: bool = False
    ) -> dict[str, Any]:
        """Figures of a candidate, or why there are none."""
        self.run.model, context = model, self.run.context
        if self.whole:
            verdicts, partial = [_verdict(q, self.run) for q in self.queries], None
        else:
            verdicts, partial = validate(
                cast(Any, self.run), number, "", self.queries, rule, context
            )
            if keep:
                remember(context, number, verdicts)
        if partial is not None:
            return {"scores": None, "objective": None, "partial": partial}
        scores = scored(self.queries, verdicts)
        base = self.base, NO_CAPABILITY, CONFIG.goal
        return {
            "scores": scores,
            "objective": objective(scores, *base),
            "constraints": constraints(scores, *base),
        }


@dataclass(frozen=True)
class Outcome:
    """What came of one simulated run."""

    asked: int
    tokens: int
    configurations: int
    dropped: int
    """Of the trainings, reruns included."""
    same: bool
    """As with everything measured."""
    fresh: float
    """Share of the chosen one's answers that are not the base's."""


def simulate(
    rows: Sequence[Mapping[str, Any]],
    seed: int,
    free: bool = False,
    judge: Judge | None = None,
    repeats: bool = True,
) -> Outcome:
    """One run, and the same with everything measured.

    With a free judge it is answers that are saved, and all of them are counted.
    """
    queries, models = drawn(rows, seed)
    by_id = {q.id: rows[int(q.id)] for q in queries}
    run = Run(by_id, free=free, judge=judge, repeats=repeats)
    mine, whole = Search(run, queries, models), Search(Run(by_id), queries, models, whole=True)
    for search in (mine, whole):
        search.tune()
        search.cook()
    repaired = mine.model_of(*mine.chosen)
    return Outcome(
        asked=run.asked,
        tokens=run.tokens,
        configurations=sum(t.rerun_of is None for t in mine.trials),
        dropped=sum(t.partial is not None for t in mine.trials),
        same=mine.chosen == whole.chosen,
        fresh=fmean(r["models"][repaired] != r["models"][0] for r in by_id.values()),
    )


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


def drawn(rows: Sequence[Mapping[str, Any]], seed: int) -> tuple[list[Query], list[int]]:
    """The queries of a run, and the models that its trainings and soups bring."""
    rng = random.Random(seed)
    queries, first_soup = list(_drawn(rows, rng)), len(rows[0]["models"]) - SOUPS
    models = rng.sample(range(1, first_soup), TRIALS)
    return queries, [*models, *range(first_soup, first_soup + SOUPS)]


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


def _verdict(query: Query, run: Run) -> Verdict:
    """The record's, on the answer of the model whose turn it is."""
    given = run.said(query.id)
    label, _ = run.rows[query.id]["answers"][int(given.text.split()[0])]
    answer = Answer(
        query_id=query.id,
        model_key="-",
        transcript=query.conversation.then(assistant(given.text)),
        finish_reason=FinishReason.STOP,
        decoding=CONFIG.decoding,
    )
    return Verdict(answer=answer, label=Label(label), reason="-", judge="-")


def scored(queries: Sequence[Query], verdicts: Sequence[Verdict]) -> TrialScores:
    """Rates on validation alone: nothing here asks for intervals, and the record holds no more."""
    label = {v.answer.query_id: v.label for v in verdicts}
    harmful = [label[q.id] for q in queries if q.kind is Kind.HARMFUL]
    benign = [label[q.id] for q in queries if q.kind is Kind.BENIGN]
    fpr = _rate([over_defensive(x) for x in benign])
    validation = ValidationScores(
        sfr=_rate([failed(x) for x in harmful]),
        fpr=fpr,
        fpr_by_stratum={KNOWN: fpr},
        incoherent=_rate([incoherent(x) for x in harmful]),
        by_hypothesis={},
    )
    return TrialScores(validation=validation, capability=NO_CAPABILITY, kl_task=NO_KL)


def _rate(hits: Sequence[bool]) -> Rate:
    n = len(hits)
    return Rate(
        hits=sum(hits), n=n, unscored=0, clusters=n, value=sum(hits) / n, low=None, high=None
    )


Calls = dict[str, tuple[float, TokenUsage]]
"""Kind -> calls, and the tokens of all of them."""
SENT = instructions(CONFIG)
SCHEMA = round(SENT["verdicts"] - fmean(tokens_of(system(CONFIG.risk, k)) for k in Kind))
"""Tokens of what a verdict must look like."""


def published(ruling: float) -> Calls:
    """The published system's calls, as the tokens of this project's prompts for the same call."""
    n, log = HYPOTHESES, HYPOTHESIS * HYPOTHESES / 2
    return {
        "hypotheses": _all(ROUNDS, SENT["hypotheses"] + log, HYPOTHESIS * n / ROUNDS),
        "descriptions": _all(n, SENT["hypotheses"] + log, HYPOTHESIS),
        "ideas": _all(3 * n, SENT["ideas"], IDEA * QUERIES),
        "chats": _all((QUERIES - 1) * n, SENT["chats"] + IDEA, CHAT),
        "twins": _all(QUERIES * n, SENT["twins"] + CHAT, CHAT),
        "split": _all(1, SENT["split"] + 2 * log, HYPOTHESIS),
        "training answers": _all(TRAINED, SENT["answers"] + CHAT, CHAT),
        "proposals": _all(TRIALS, SENT["proposals"] + LINE * n + TOLD * TRIALS / 2, PROPOSAL),
        "verdicts, explore": _all(2 * QUERIES * n, ruling, RULING),
        "verdicts, trials": _all((TRIALS + 1) * (VALIDATION + OOD), ruling, RULING),
    }


def ours(ruling: float, found: Sequence[Outcome], held_out: int = OOD) -> Calls:
    """a3's own calls for as many hypotheses, queries and trials; the search's by simulation."""
    theirs, asked = published(ruling), fmean(o.asked for o in found)
    asked_in = fmean(o.tokens for o in found)
    return {
        "hypotheses": _growing(
            ROUNDS, SENT["hypotheses"], HYPOTHESIS * HYPOTHESES / ROUNDS, theirs["hypotheses"][1]
        ),
        **_written(held_out),
        "split": theirs["split"],
        "proposals": _proposed(found),
        "verdicts, explore": theirs["verdicts, explore"],
        "verdicts, trials": (
            asked,
            TokenUsage(input=round(asked_in), output=round(RULING * asked)),
        ),
        "verdicts, confirm and OOD": _all(
            held_out * (1 + fmean(o.fresh for o in found)), ruling, RULING
        ),
    }


def _written(held_out: int) -> Calls:
    """Ideas, chats and checks of twins: of explore, and of the fresh queries to be held out.

    Each hypothesis is written for by itself; in explore a second time for what was rejected.
    """
    agent = CONFIG.agent
    assert isinstance(agent, ModelAgent)
    chats = REWRITTEN * (QUERIES * HYPOTHESES + held_out / 2)
    orders = (2 + REWRITTEN) * HYPOTHESES
    rejected = math.ceil((REWRITTEN - 1) * QUERIES / agent.chats_per_call)
    parts = (math.ceil(QUERIES / agent.chats_per_call) + rejected + REWRITTEN) * HYPOTHESES
    listed, each = IDEA * chats / orders, chats / parts
    return {
        "ideas": _all(orders, SENT["ideas"] + listed, listed),
        "chats": _all(parts, SENT["chats"] + IDEA * each, CHAT * each),
        "twins": _all(orders, SENT["twins"] + TWIN * chats / orders, DOUBTS),
    }


def _proposed(found: Sequence[Outcome]) -> tuple[float, TokenUsage]:
    """The first configuration is the default and reruns are nobody's proposals."""
    n = fmean(o.configurations for o in found) - 1
    dropped = fmean(o.dropped for o in found) / TRIALS
    start = SENT["proposals"] + LINE * HYPOTHESES
    told = TOLD + (DROPPED - TOLD) * dropped
    return _growing(n, start + told, told, TokenUsage(output=round(n * PROPOSAL)))


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
    seeds = range(arguments.runs)
    found = [simulate(rows, seed) for seed in seeds]
    free = [simulate(rows, seed, free=True) for seed in seeds]
    sampled = [simulate(rows, seed, repeats=False) for seed in seeds]
    sizes = [size for r in rows for _, size in (r["answers"][k] for k in r["models"])]
    result = summed(fmean(sizes) + SCHEMA, found, free, sampled)
    over_http = {
        "runs": arguments.served,
        "calls, choice and verdicts the same": served(rows, found[: arguments.served]),
    }
    show(result)
    RESULT.write_text(json.dumps(result | {"over HTTP": over_http}, indent=1) + "\n")


def summed(
    ruling: float, found: Sequence[Outcome], free: Sequence[Outcome], sampled: Sequence[Outcome]
) -> dict[str, Any]:
    """All figures."""
    theirs = published(ruling)
    ways = {name: ours(ruling, found, n) for name, n in HELD_OUT.items()}
    ways["as many, and no answer repeats"] = ours(ruling, sampled)
    mine, answers = ways["as many"], (TRIALS + SOUPS) * VALIDATION
    return {
        "runs": len(found),
        "same choice": fmean(o.same for o in (*found, *free, *sampled)),
        "configurations": fmean(o.configurations for o in found),
        "trainings dropped": fmean(o.dropped for o in found) / TRIALS,
        "answers not the base's": fmean(o.fresh for o in found),
        "verdicts asked, of all answers of trials and soups": {
            "a judge that costs": fmean(o.asked for o in found) / answers,
            "no answer repeats": fmean(o.asked for o in sampled) / answers,
            "a judge that is free (answers given)": fmean(o.asked for o in free) / answers,
        },
        "sums": {"published": sums(theirs)} | {name: sums(way) for name, way in ways.items()},
        "share": {name: shares(way, theirs) for name, way in ways.items()},
        "published": {k: [n, used.model_dump()] for k, (n, used) in theirs.items()},
        "a3": {k: [n, used.model_dump()] for k, (n, used) in mine.items()},
    }


def sums(calls: Calls) -> dict[str, float]:
    """Calls, tokens and dollars of all kinds."""
    usage = sum((used for _, used in calls.values()), TokenUsage())
    n = sum(n for n, _ in calls.values())
    return {"calls": n, "tokens": usage.total, "dollars": dollars(price(), usage) or 0.0}


def shares(mine: Calls, theirs: Calls) -> dict[str, float]:
    """Of one way in the other."""
    each = sums(theirs)
    return {name: value / each[name] for name, value in sums(mine).items()}


def price() -> Price:
    """Of the judge, and of the agent."""
    judge = CONFIG.judge
    assert isinstance(judge, EndpointJudgeConfig) and judge.endpoint.known_price
    return judge.endpoint.known_price


def show(result: Mapping[str, Any]) -> None:
    """As a table, and the rest line by line."""
    print("| | published: calls | tokens | a3: calls | tokens |\n|---|---|---|---|---|")
    for kind in dict.fromkeys([*result["published"], *result["a3"]]):
        cells = [
            f"{found[0]:,.0f} | {TokenUsage(**found[1]).total / 1e6:.2f} M" if found else "- | -"
            for found in (result[way].get(kind) for way in ("published", "a3"))
        ]
        print(f"| {kind} | " + " | ".join(cells) + " |")
    for k, v in result.items():
        if k not in {"published", "a3"}:
            print(k, v)


if __name__ == "__main__":
    main()
