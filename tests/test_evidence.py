"""Rules of evidence over a whole run: everything a model was shown is recorded and read.

Most rules have further tests beside the code they bind (grep for `rule_`); for models that would
cheat see test_cheats.py.
"""

import json

import pytest

from a3.experiment_log import read_log
from a3.risks.facts import load_topic
from a3.risks.grammar import load_grammar
from a3.store import cache_root
from a3.types.chat import Conversation
from a3.types.events import HypothesisMeasured
from a3.types.explored import Explored
from a3.types.queries import Splits
from a3.types.trials import TrialJob
from tests.conftest import compose
from tests.runs import run

pytestmark = pytest.mark.slow

GRAMMAR = load_grammar("sycophancy")


class Recorder:
    """Writes every prompt that is generated from and every example that is trained on to a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __call__(self) -> None:
        from a3.executor import local as executor
        from a3.methods import trial, tune
        from a3.run import Run
        from a3.target.local import LocalTarget

        stage = ["start"]

        def note(kind, value):
            with open(self.path, "a") as file:
                file.write(json.dumps({"stage": stage[0], "kind": kind, "value": value}) + "\n")

        real_stage, real_generate = Run.stage, LocalTarget.generate
        real_score, real_trial, real_propose = LocalTarget.score, executor.run_trial, tune.propose

        def run_stage(self, name, *rest):
            stage[0] = name
            return real_stage(self, name, *rest)

        def generate(self, conversations, *rest):
            for conversation in conversations:
                note("prompt", conversation.model_dump_json())
            return real_generate(self, conversations, *rest)

        def score(self, requests, what):
            for request in requests:
                note("prompt", request.context)
            return real_score(self, requests, what)

        def run_trial(job, *rest):
            note("training", job.model_dump_json())
            return real_trial(job, *rest)

        def propose(config, trials, *rest):
            note("proposal", f"[{','.join(t.model_dump_json() for t in trials)}]")
            return real_propose(config, trials, *rest)

        Run.stage, LocalTarget.generate, LocalTarget.score = run_stage, generate, score
        trial.run_trial, tune.propose = run_trial, propose


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evidence") / "run"
    path = folder.parent / "seen.jsonl"
    # More facts than explore asks about, so that some are left to train on.
    more = ("budget.trials=2", "budget.facts=540")
    config = compose("model=tiny", "budget=smoke", *more, "seed=5")
    assert run(config, folder, cache_root(), hook=Recorder(str(path))) == 0
    seen = [json.loads(line) for line in path.read_text().splitlines()]
    splits = Splits.model_validate_json((folder / "stages/split.json").read_text())
    return folder, seen, splits


def between(seen):
    """All that was shown from the end of split until evaluate."""
    return [s for s in seen if s["stage"] in {"baseline", "repair"}]


def test_everything_is_recorded(recorded):
    _, seen, _ = recorded
    assert {s["stage"] for s in seen} >= {"explore", "baseline", "repair", "evaluate"}
    assert {s["kind"] for s in between(seen)} == {"prompt", "training", "proposal"}


def test_rule_1_nothing_of_ood_is_shown_before_evaluate(recorded):
    folder, seen, splits = recorded
    events = read_log(folder / "log.jsonl")
    ood = {h.id for h in splits.ood}
    examples = {
        e.example.rpartition("user: ")[2]
        for e in events
        if isinstance(e, HypothesisMeasured) and e.hypothesis.id in ood
    }
    new_topics = {h.tag("topic") for h in splits.ood} - {h.tag("topic") for h in splits.training}
    questions = {f.question for t in new_topics for f in load_topic(t)}
    assert examples and questions
    for shown in between(seen):
        text = shown["value"]
        for hypothesis in splits.ood:
            assert f'"{hypothesis.id}"' not in text and f'"{hypothesis.id}/' not in text
            assert hypothesis.statement not in text
        assert not [q for q in questions | examples if json.dumps(q)[1:-1] in text]


def stratum(hypothesis):
    return GRAMMAR[hypothesis.tag("structure")].stratum


def test_rule_1_nothing_of_ood_s_strata_is_shown_before_evaluate(recorded):
    """Where the user is right, explore's own queries of OOD hypotheses stay out of sight, too."""
    folder, seen, splits = recorded
    explored = Explored.model_validate_json((folder / "stages/explore.json").read_text())
    ood = {h.id: stratum(h) for h in splits.ood}
    assert set(ood.values()) == {"known", "evidence", "own"}
    hidden = [q for q in explored.queries if q.hypothesis_id in ood]
    assert {q.stratum for q in hidden} == {"harmful", "known", "evidence", "own"}
    chats = [c for s in between(seen) for c in shown_chats(s)]
    assert chats
    for query in hidden:
        ask = query.conversation.messages
        assert not [c for c in chats if c[: len(ask)] == ask], query.id


def shown_chats(shown):
    """The conversations of a recorded prompt or training job."""
    if shown["kind"] == "training":
        examples = TrialJob.model_validate_json(shown["value"]).examples
        return [e.conversation.messages for e in examples]
    if shown["kind"] == "prompt" and shown["value"].startswith('{"messages"'):
        return [Conversation.model_validate_json(shown["value"]).messages]
    return []


def test_rule_5_every_stratum_is_trained_on_and_evaluated(recorded):
    folder, _, splits = recorded
    assert {q.stratum for q in splits.train} == {"harmful", "known", "evidence", "own"}
    result = json.loads((folder / "result.json").read_text())
    for which in ("confirm", "ood"):
        by_stratum = result["repaired"][which]["fpr_by_stratum"]
        assert set(by_stratum) == {"known", "evidence", "own"}
        assert all(rate["n"] for rate in by_stratum.values())


def test_what_explore_left_is_trained_on(recorded):
    _, seen, splits = recorded
    spare = [s for s in splits.spare if s.stratum == "known"]
    questions = {f.question for s in spare for f in load_topic(s.topic) if f.id == s.id}
    job = next(TrialJob.model_validate_json(s["value"]) for s in seen if s["kind"] == "training")
    learned = {e.teacher.last.content for e in job.examples if e.teacher and e.stratum == "harmful"}
    assert questions & learned


def test_rule_9_a_result_carries_the_calibration_of_the_judge_that_ruled(recorded):
    result = json.loads((recorded[0] / "result.json").read_text())
    assert result["calibration"]["judge"] == result["provenance"]["judge"]
    assert result["provisional"] is None
    assert set(result["repaired"]["sfr_corrected"]) <= {"confirm", "ood"}


def test_rule_2_held_out_sources_are_never_trained_on_or_validated(recorded):
    """Not even their sentences: a scene of the user's own has no question of its own."""
    _, seen, splits = recorded
    held_out = {s.id: s.topic for s in (*splits.confirm_sources, *splits.ood_sources)}
    facts = [f for t in sorted(set(held_out.values())) for f in load_topic(t) if f.id in held_out]
    assert len(facts) == len(held_out)
    texts = {json.dumps(t)[1:-1] for f in facts for t in (f.question, f.state(f.answer))}
    for shown in between(seen):
        assert not [t for t in texts if t in shown["value"]]


def test_rule_2_ex_0_is_never_asked(recorded):
    folder, seen, _ = recorded
    config = json.loads((folder / "config.json").read_text())
    first = config["risk"]["seed_example"]["conversation"]["messages"][0]["content"]
    shown = [s for s in seen if first in s["value"]]
    assert len(shown) == 1 and "describe what went wrong" in shown[0]["value"]


def test_rule_3_base_and_repaired_answer_the_same_fresh_queries(recorded):
    folder, _, splits = recorded
    evaluation = json.loads((folder / "stages/evaluate.json").read_text())
    old = {q.id for q in (*splits.train, *splits.validation)}
    for name in ("confirm", "ood"):
        asked = [q["id"] for q in evaluation["queries"][name]]
        assert len(set(asked)) == len(asked) and not set(asked) & old
        keys = set()
        for who in ("base", "repaired"):
            verdicts = evaluation["verdicts"][f"{who}/{name}"]
            assert [v["answer"]["query_id"] for v in verdicts] == asked
            keys.add(frozenset(v["answer"]["model_key"] for v in verdicts))
        assert len(keys) == 2 and all(len(k) == 1 for k in keys)


def test_rule_10_loss_falls_on_the_final_turn_only(recorded):
    _, seen, _ = recorded
    jobs = [json.loads(s["value"]) for s in seen if s["kind"] == "training"]
    assert jobs
    several = 0
    for example in (e for job in jobs for e in job["examples"]):
        last = len(example["conversation"]["messages"]) - 1
        assert example["loss_spans"] == [last]
        several += last > 1
    assert several  # Chats with an earlier assistant turn are among them.


def test_rule_11_decoding_stands_beside_every_answer(recorded):
    folder, _, _ = recorded
    evaluation = json.loads((folder / "stages/evaluate.json").read_text())
    for verdict in evaluation["verdicts"]["base/ood"]:
        assert set(verdict["answer"]["decoding"]) == {
            "max_new_tokens",
            "temperature",
            "samples",
            "seed",
        }
