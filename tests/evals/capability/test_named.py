"""MMLU-Pro and GPQA under lm-eval's names, on rows of their form written for these tests."""

import json

import pytest
from datasets import Dataset

from a3.agents.general import draw
from a3.config.groups import CapabilityConfig
from a3.errors import DataError
from a3.evals import hub
from a3.evals.capability import capability, missing, named, questions
from a3.evals.capability.run import run
from a3.types.answers import FinishReason, Generation
from a3.types.target import ContinuationScore
from tests.conftest import compose

SUBJECTS = (
    *("biology", "business", "chemistry", "computer science", "economics", "engineering", "health"),
    *("history", "law", "math", "other", "philosophy", "physics", "psychology"),
)


def mmlu_row(number, subject):
    numbers = [str(number + i) for i in range(10)]
    return {
        "question_id": number,
        "question": f"In a lesson on {subject}, which number comes right after {number}?",
        "options": numbers,
        "answer": "B",
        "answer_index": 1,
        "cot_content": f"A: Let's think step by step. It is {number + 1}. The answer is (B).",
        "category": subject,
        "src": "handmade",
    }


def mmlu(per_subject, start=0):
    return [
        mmlu_row(start + 100 * s + i, subject)
        for s, subject in enumerate(SUBJECTS)
        for i in range(per_subject)
    ]


def gpqa_row(number):
    return {
        "Record ID": f"rec{number}",
        "Question": f"A jar holds {number} secret marbles and one more is added. How many are in?",
        "Correct Answer": f"{number + 1} marbles",
        "Incorrect Answer 1": f"{number} marbles",
        "Incorrect Answer 2": f"{number + 2} marbles",
        "Incorrect Answer 3": " none [title]at all",
        "Subdomain": "Counting",
    }


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def config(max_gen_toks=64, **local):
    return CapabilityConfig(tasks=tuple(local), local=local, max_gen_toks=max_gen_toks)


class Recording:
    """Keeps what it is asked; writes one answer and finds one option likelier than all others."""

    key = "recording"

    def __init__(self, answer="It follows. So the answer is (B).", finish=FinishReason.STOP):
        self.answer, self.finish = answer, finish
        self.chats, self.decodings, self.scored = [], [], []
        self.together = []

    def generate(self, conversations, decoding, what):
        self.chats += conversations
        self.together.append(conversations)
        self.decodings.append(decoding)
        made = Generation(text=self.answer, finish_reason=self.finish, n_tokens=9)
        return [[made] for _ in conversations]

    def prompt_text(self, conversation):
        return "".join(f"<{m.role}>{m.content}" for m in conversation.messages) + "<assistant>"

    def score(self, requests, what):
        self.scored += requests
        return [
            ContinuationScore(logprob=-1.0 if r.continuation == "(A)" else -3.0, greedy=False)
            for r in requests
        ]

    def with_adapter(self, folder):
        raise AssertionError("nothing is adapted here")


@pytest.fixture
def mmlu_file(tmp_path):
    return lines(tmp_path / "mmlu.jsonl", mmlu(3))


@pytest.fixture
def gpqa_file(tmp_path):
    return lines(tmp_path / "gpqa.jsonl", [gpqa_row(i) for i in range(30)])


def test_mmlu_pro_is_asked_as_a_chat_and_its_answer_is_read(mmlu_file):
    target = Recording()
    found = capability(target, config(mmlu_pro=mmlu_file), 20, seed=0)
    items = found.tasks["mmlu_pro"]
    assert len({i.id for i in items}) == 20 and all(i.correct for i in items)
    assert {i.logprob for i in items} == {None}
    assert {i.id.split("/")[0] for i in items} == {
        f"mmlu_pro_{s.replace(' ', '_')}" for s in SUBJECTS
    }
    assert [d.max_new_tokens for d in target.decodings] == [64]
    assert found.settings["mmlu_pro"].startswith(
        "20 of 42 items, answers of at most 64 tokens, 0-shot (lm-eval: 5), chat template"
    )
    system, asked = target.chats[0].messages
    assert system.role == "system" and "about biology" in system.content
    assert asked.role == "user" and "\nB. " in asked.content and "step by step" in asked.content


def test_the_same_items_for_base_and_every_trial(mmlu_file):
    def ids(seed):
        found = capability(Recording(), config(mmlu_pro=mmlu_file), 14, seed)
        return [i.id for i in found.tasks["mmlu_pro"]]

    assert ids(0) == ids(0) != ids(1)


def test_worked_examples_are_earlier_turns_and_the_same_for_every_question(tmp_path):
    Dataset.from_list(mmlu(2)).to_parquet(tmp_path / "test.parquet")
    Dataset.from_list(mmlu(5, start=5000)).to_parquet(tmp_path / "validation.parquet")
    target = Recording()
    found = capability(target, config(mmlu_pro=str(tmp_path)), 28, seed=0)
    assert "5-shot (lm-eval: 5)" in found.settings["mmlu_pro"]
    first, second = (c.messages for c in target.chats if "about law" in c.messages[0].content)
    assert [m.role for m in first] == ["system", *["user", "assistant"] * 5, "user"]
    assert first[:-1] == second[:-1] and first[-1] != second[-1]
    assert first[2].content == "It is 5801. The answer is (B)."
    # What is asked at once shares all but the last turn, so that it is computed once.
    assert len(target.together) == len(SUBJECTS)
    for chats in target.together:
        assert len(chats) == 2 and len({c.messages[:-1] for c in chats}) == 1


def test_answers_end_where_the_task_says_and_fall_back_on_nothing(mmlu_file):
    def right(*answer):
        found = capability(Recording(*answer), config(mmlu_pro=mmlu_file), 5, seed=0)
        return {i.correct for i in found.tasks["mmlu_pro"]}

    assert right("The answer is (B). Question: Next? The answer is (C).") == {True}
    assert right("I think. Question: The answer is (B).") == {False}
    assert right("B") == right("") == right("The answer is (C).") == {False}
    assert right("the answer is (B)", FinishReason.ERROR) == {False}


def test_the_task_s_own_limit_holds_where_it_is_lower(mmlu_file):
    target = Recording()
    capability(target, config(max_gen_toks=10_000, mmlu_pro=mmlu_file), 5, seed=0)
    assert [d.max_new_tokens for d in target.decodings] == [2048]
    assert target.decodings[0].temperature == 0


def test_gpqa_scores_its_options_after_the_assistant_s_header(gpqa_file):
    target = Recording()
    found = capability(target, config(gpqa_main_zeroshot=gpqa_file), 12, seed=0)
    items = found.tasks["gpqa_main_zeroshot"]
    assert len(items) == 12 and {i.id[:3] for i in items} == {"rec"}
    rights = [i for i in items if i.correct]
    assert 0 < len(rights) < 12  # Always (A), where the right one stands now and then.
    assert {round(i.logprob, 3) for i in rights} == {-0.341}
    assert len(target.scored) == 48
    assert all(r.context.endswith("Answer:<assistant>") for r in target.scored)
    assert {r.continuation for r in target.scored} == {"(A)", "(B)", "(C)", "(D)"}
    assert "none. at all" in target.scored[0].context  # The task's own clean-up of options.


def test_gpqa_s_options_stand_alike_in_every_sample(gpqa_file):
    def asked(n, seed):
        target = Recording()
        capability(target, config(gpqa_main_zeroshot=gpqa_file), n, seed)
        return {r.context for r in target.scored}

    everything = asked(30, 0)
    named._leaves.cache_clear()
    assert len(everything) == 30 and asked(7, 3) < everything and asked(30, 5) == everything


def test_the_text_of_gated_items_is_in_no_score_and_no_error(gpqa_file, tmp_path):
    found = capability(Recording(), config(gpqa_main_zeroshot=gpqa_file), 30, seed=0)
    assert "marbles" not in found.model_dump_json()
    broken = [{k: v for k, v in gpqa_row(i).items() if k != "Question ID"} for i in range(3)]
    for row in broken:
        del row["Incorrect Answer 2"]
    path = lines(tmp_path / "broken.jsonl", broken)
    (told,) = missing(config(gpqa_main_zeroshot=path))
    assert "marbles" not in told and "Incorrect Answer 2" in told


def test_it_agrees_with_lm_eval_s_own_backend_on_chats(tiny_target, gpqa_file):
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM

    from a3.evals.capability.run import _task, quiet

    with quiet():
        (part,) = named.prepared(
            "gpqa_main_zeroshot", config(gpqa_main_zeroshot=gpqa_file), 6, seed=0
        )
        ours = run(tiny_target, {"gpqa": [part]}, 64)["gpqa"]
        lm = HFLM(pretrained=tiny_target.model, tokenizer=tiny_target.tokenizer, batch_size=4)
        tasks = {"tasks": {part.name: _task(part)}, "groups": {}, "group_map": {}}
        theirs = evaluate(lm, tasks, bootstrap_iters=0, apply_chat_template=True)
    samples = theirs["samples"][part.name]
    assert [bool(s["acc"]) for s in samples] == [i.correct for i in ours]
    import numpy as np

    for sample, item in zip(samples, ours, strict=True):
        scores = [s[0] for s in sample["filtered_resps"]]
        right = "ABCD".index(sample["target"][1])
        assert item.logprob == pytest.approx(scores[right] - np.logaddexp.reduce(scores), abs=1e-3)


def test_rule_2_general_data_holds_no_question_of_a_benchmark(mmlu_file, tmp_path):
    asked = questions(config(mmlu_pro=mmlu_file))
    assert len(asked) == 42 and asked[0].startswith("In a lesson on")
    prompts = lines(tmp_path / "p.jsonl", [{"text": f"Q: {asked[5]} A:"}, {"text": "How are you?"}])
    drawn = draw(
        compose(
            "model=tiny",
            "capability=mmlu_pro",
            f"+capability.local.mmlu_pro={mmlu_file}",
            "general_data=local",
            f"general_data.path={prompts}",
        )
    )
    assert drawn.prompts == ["How are you?"] and drawn.dropped == {"measured with": 1}


def told(**local):
    return " ".join(missing(config(**local)))


def test_preflight_is_silent_where_everything_is_there(mmlu_file, gpqa_file):
    assert list(missing(config(mmlu_pro=mmlu_file, gpqa_main_zeroshot=gpqa_file))) == []


def test_preflight_tells_what_is_wrong_with_a_copy(tmp_path, mmlu_file, gpqa_file):
    assert "nowhere.jsonl" in told(mmlu_pro=str(tmp_path / "nowhere.jsonl"))
    assert "mmlu_pro_physics" in told(
        mmlu_pro=lines(tmp_path / "few.jsonl", [r for r in mmlu(1) if r["category"] != "physics"])
    )
    assert "no column category" in told(mmlu_pro=gpqa_file)
    bare = [{k: v for k, v in row.items() if k != "options"} for row in mmlu(1)]
    assert "no column options" in told(mmlu_pro=lines(tmp_path / "bare.jsonl", bare))
    stray = CapabilityConfig(tasks=("everyday",), local={"mmlu_pro": mmlu_file}, max_gen_toks=9)
    (line,) = missing(stray)
    assert "not among capability.tasks" in line


def test_preflight_refuses_a_task_under_two_names(mmlu_file):
    copies = {"mmlu_pro": mmlu_file, "mmlu_pro_biology": mmlu_file}
    assert "mmlu_pro and mmlu_pro_biology both hold mmlu_pro_biology" in told(**copies)


def test_preflight_explains_gated_access(monkeypatch):
    monkeypatch.setattr(hub, "why_not", lambda dataset, instead: f"{dataset}: terms; {instead}")
    found = list(missing(compose("model=tiny", "capability=published").capability))
    assert len(found) == 2
    assert "TIGER-Lab/MMLU-Pro: terms" in found[0]
    assert "Idavidrein/gpqa: terms; set capability.local.gpqa_main_zeroshot" in found[1]


def test_a_dataset_that_cannot_be_loaded_is_an_error_with_its_remedy(monkeypatch):
    import datasets

    def load_dataset(*arguments, **options):
        raise ConnectionError("offline")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    named._from_hub.cache_clear()
    named._leaves.cache_clear()
    with pytest.raises(DataError, match="HF_TOKEN"):
        capability(
            Recording(), CapabilityConfig(tasks=("gpqa_main_zeroshot",), max_gen_toks=9), 3, 0
        )
