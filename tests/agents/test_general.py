"""General data by name or from a file: seeded, first user turns, apart from what is measured."""

import json
from collections import Counter

import pytest
from datasets import Dataset, Features, Value
from hypothesis import given
from hypothesis import strategies as st

from a3.agents import general
from a3.agents.general import Measured, draw, missing, prompt_of
from a3.errors import DataError
from a3.evals import capability, hub
from a3.preflight import check
from a3.risks.facts import load_topic
from tests.conftest import compose


def turn(role, content, **more):
    return {"role": role, "content": content, "functions": None, "function_calls": None, **more}


def chat(number, *turns):
    """A row in the form of Dolci-Instruct-SFT."""
    return {
        "id": f"row-{number}",
        "messages": list(turns),
        "source_dataset": "handmade",
        "domain": "Precise IF",
    }


def asked(number):
    return f"Please write {number} lines about a lighthouse."


def dolci(folder, rows, files=2):
    text = Value("string")
    message = dict.fromkeys(("content", "function_calls", "functions", "role"), text)
    features = Features({"id": text, "messages": [message], "source_dataset": text, "domain": text})
    folder.mkdir(exist_ok=True)
    for i in range(files):
        part = Dataset.from_list(rows[i::files], features=features)
        part.to_parquet(folder / f"train-{i}.parquet", batch_size=10)
    return folder


def from_hub(folder, **more):
    return composed("dolci", id=folder, **more)


def from_file(path, rows, **more):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return composed("local", path=path, **more)


def composed(name, n=20, **settings):
    return compose(
        "model=tiny",
        f"general_data={name}",
        f"budget.general={n}",
        *(f"general_data.{key}={value}" for key, value in settings.items()),
    )


ROWS = [chat(i, turn("user", asked(i)), turn("assistant", "The lamp turns.")) for i in range(100)]


def test_dolci_is_named_as_on_the_hub():
    source = compose("general_data=dolci").general_data
    assert (source.kind, source.id, source.subset, source.split, source.column) == (
        "hub",
        "allenai/Dolci-Instruct-SFT",
        None,
        "train",
        "messages",
    )
    assert source.max_new_tokens == compose().general_data.max_new_tokens == 20
    tiny = compose("model=tiny", "general_data=dolci")
    assert tiny.general_data.max_new_tokens == tiny.model.max_new_tokens


def test_a_sample_of_a_dataset_of_dolci_s_form(tmp_path):
    config = from_hub(dolci(tmp_path / "dolci", ROWS))
    drawn = draw(config)
    assert len(set(drawn.prompts)) == 20 and set(drawn.prompts) <= {asked(i) for i in range(100)}
    assert drawn.dropped == {}
    assert draw(config).prompts == drawn.prompts
    other = draw(config.model_copy(update={"seed": 1})).prompts
    assert other != drawn.prompts
    assert set(drawn.prompts) != {asked(i) for i in range(20)}
    assert list(missing(config)) == []


def test_what_is_no_prompt_of_its_own_is_left_out_and_counted(tmp_path):
    fact = load_topic("capitals")[0].question
    rows = [
        *ROWS[:5],
        chat(200, turn("system", "Be brief."), turn("user", " How do kites fly? ")),
        chat(201, turn("user", "First?"), turn("assistant", "Yes."), turn("user", "Second?")),
        chat(202, turn("user", asked(3).upper())),
        chat(203, turn("user", "x" * 2001)),
        chat(204, turn("system", "You may call tools.", functions="[]"), turn("user", "Call!")),
        chat(205, turn("assistant", "Nobody asked.")),
        chat(206, turn("user", f"  {fact.lower()}")),
    ]
    drawn = draw(from_hub(dolci(tmp_path / "dolci", rows)))
    assert set(drawn.prompts) - {asked(3), asked(3).upper()} == {
        *(asked(i) for i in (0, 1, 2, 4)),
        "How do kites fly?",
        "First?",
    }
    assert drawn.dropped == {
        "repeated": 1,
        "too long": 1,
        "without a prompt": 2,
        "measured with": 1,
    }


def test_rule_2_what_is_measured_is_in_no_prompt(tmp_path):
    config = compose("model=tiny")
    item = capability.questions(config.capability)[7]
    secrets = [
        item,
        capability.neutral_texts()[3],
        load_topic("preferences")[0].question,
        config.risk.seed_example.conversation.messages[0].content,
        f"Answer the following with one letter. {item} (A) this (B) that",
    ]
    rows = [{"text": text} for text in secrets]
    drawn = draw(from_file(tmp_path / "x.jsonl", [*rows, {"text": "How do kites fly?"}]))
    assert drawn.prompts == ["How do kites fly?"]
    assert drawn.dropped == {"measured with": len(secrets)}


@given(st.lists(st.sampled_from(["what", "is", "the", "tall", "tower", "of"]), min_size=1))
def test_a_long_question_is_found_inside_a_prompt_and_a_short_one_only_alone(words):
    question = " ".join(words)
    measured = Measured([question])
    assert question.upper() + "?" in measured
    inside = f"Tell me: {question}, please"
    assert (inside in measured) == (len(words) >= general.CONTAINED_WORDS)
    assert f"un{question}" not in measured


@pytest.mark.parametrize("key", general.KEYS)
def test_each_usual_key_of_a_row_is_read(key):
    assert prompt_of({key: " Hello "}) == "Hello"
    assert prompt_of({key: [turn("system", "-"), turn("user", "Hello")]}) == "Hello"


def test_what_is_no_text_is_no_prompt():
    for row in ({}, {"text": ""}, {"text": 7}, {"text": [3]}, {"messages": []}, {"answer": "Hi"}):
        assert prompt_of(row) is None
    assert prompt_of({"text": "a", "mine": "b"}, "mine") == "b"
    assert prompt_of({"text": "a"}, "mine") is None
    assert prompt_of({"messages": [turn("user", [{"type": "image"}])]}) is None


def test_a_file_of_lines_is_sampled_by_seed(tmp_path):
    rows = [{"prompt": asked(i)} for i in range(50)]
    config = from_file(tmp_path / "x.jsonl", rows)
    drawn = draw(config)
    assert len(set(drawn.prompts)) == 20 and drawn == draw(config)
    assert set(drawn.prompts) != {asked(i) for i in range(20)}
    assert Counter(draw(from_file(tmp_path / "x.jsonl", rows, n=80)).prompts) == Counter(
        asked(i) for i in range(50)
    )
    assert draw(from_file(tmp_path / "x.jsonl", rows, n=0)).prompts == ()


def test_prompts_may_be_limited_and_kept_under_a_key_of_their_own(tmp_path):
    rows = [{"mine": asked(1), "text": "no"}, {"mine": "y" * 60, "text": "no"}]
    config = from_file(tmp_path / "x.jsonl", rows, column="mine", max_prompt_chars=50)
    assert draw(config).prompts == [asked(1)] and draw(config).dropped == {"too long": 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ("nowhere.jsonl", "No such file")),
        ("", ("no rows at all", "messages, prompt, text")),
        ('{"answer": "42"}\n[1]\n', ("2 without a prompt", "general_data.column")),
        ('{"text": "a"}\n\n{"text": \n', ("line 3", "correct that line")),
    ],
)
def test_a_file_that_cannot_be_used_is_told_before_anything_is_spent(tmp_path, text, words):
    path = tmp_path / "nowhere.jsonl"
    if text is not None:
        path.write_text(text)
    config = compose("model=tiny", "general_data=local", f"general_data.path={path}")
    with pytest.raises(DataError) as caught:
        draw(config)
    with pytest.raises(Exception, match=r"general_data\.path|general data") as listed:
        check(config)
    for word in words:
        assert word in str(caught.value) and word in str(listed.value)
    without = config.model_copy(update={"budget": config.budget.model_copy(update={"general": 0})})
    assert list(missing(without)) == []


def test_a_dataset_that_cannot_be_had_is_told_before_anything_is_spent(monkeypatch):
    monkeypatch.setattr(hub, "why_not", lambda dataset, instead: f"{dataset} is gated; {instead}")
    (line,) = missing(compose("model=tiny", "general_data=dolci"))
    assert line.startswith("general_data: allenai/Dolci-Instruct-SFT is gated")
    assert "general_data=local" in line


def test_a_dataset_without_prompts_where_they_should_be_is_told_too(tmp_path):
    folder = dolci(tmp_path / "dolci", ROWS)
    (line,) = missing(from_hub(folder, column="chat"))
    assert "chat" in line and "messages" in line and "source_dataset" in line
    (line,) = missing(from_hub(folder, split="test"))
    assert "test" in line and "general_data.id" in line
    (line,) = missing(from_hub(tmp_path / "empty"))
    assert "empty" in line
