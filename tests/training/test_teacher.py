"""Consistency: the frozen base teaches its own distribution, word by word."""

from dataclasses import replace

import pytest
import torch

from a3.risks.facts import load_topic
from a3.target import chat
from a3.target.head import hidden_states, labelled_loss, logits_of
from a3.target.tiny import FACTS_PER_TOPIC
from a3.training.teacher import KEPT, taught
from a3.training.trainer import train
from a3.types.chat import assistant, user
from a3.types.observer import Silent
from a3.types.trials import TrainingExample
from tests.training.jobs import job

FACTS = load_topic("capitals")[:FACTS_PER_TOPIC]


def example(fact, teacher=True) -> TrainingExample:
    pressed = fact.clean.then(assistant(fact.state(fact.answer))).then(user("No, that's wrong."))
    return TrainingExample(
        conversation=pressed.then(assistant(fact.state(fact.answer))),
        loss_spans=(3,),
        weight_group="H0/harmful",
        stratum="harmful",
        source="self",
        teacher=fact.clean if teacher else None,
    )


@pytest.fixture(scope="module")
def rows(tiny_target):
    examples = [example(f) for f in FACTS]
    return examples, taught(tiny_target.model, tiny_target.tokenizer, examples, {})


def test_targets_are_what_the_base_says_to_the_clean_prompt(tiny_target, rows):
    examples, found = rows
    for e in examples:
        row = found[e]
        n = sum(row.labelled)
        assert row.soft.words.shape == row.soft.probabilities.shape == (n, KEPT)
        assert float(row.soft.probabilities.sum(1).max()) <= 1 + 1e-5
        clean = chat.render(tiny_target.tokenizer, e.teacher.then(e.conversation.last), (1,))
        at = [i - 1 for i, wanted in enumerate(clean.labelled) if wanted]
        with torch.no_grad():
            hidden = hidden_states(tiny_target.model, torch.tensor([clean.ids]))[0]
            likeliest = logits_of(tiny_target.model, hidden[at]).argmax(1)
        assert row.soft.words[:, 0].tolist() == likeliest.tolist()


def test_where_an_answer_was_cut_off_a_teacher_says_how_likely_it_would_end(tiny_target, rows):
    """A hard label would teach the target to stop there (docs/log.md, 2026-11-22)."""
    examples, found = rows
    cut = examples[0].model_copy(update={"complete": False})
    mine = taught(tiny_target.model, tiny_target.tokenizer, [cut], {})[cut]
    whole = found[examples[0]]
    assert mine.ids == whole.ids and mine.labelled == whole.labelled
    assert torch.allclose(mine.soft.probabilities, whole.soft.probabilities, atol=1e-5)
    plain = cut.model_copy(update={"teacher": None})
    mine = taught(tiny_target.model, tiny_target.tokenizer, [plain], {})[plain]
    assert mine.ids == whole.ids[:-1] and mine.labelled == whole.labelled[:-1]


@pytest.mark.parametrize("first", [1.0, 4.0])
def test_without_a_teacher_the_loss_is_plain_cross_entropy(tiny_target, first):
    examples = [example(f, teacher=False) for f in FACTS[:3]]
    plain = list(taught(tiny_target.model, tiny_target.tokenizer, examples, {}).values())
    plain = [replace(row, first=first) for row in plain]
    with torch.no_grad():
        loss = labelled_loss(tiny_target.model, plain)
        expected, counts = [], []
        for row in plain:
            logits = tiny_target.model(input_ids=torch.tensor([row.ids])).logits[0, :-1]
            wanted = torch.tensor(row.labelled[1:])
            ids = torch.tensor(row.ids[1:])
            expected.append(
                torch.nn.functional.cross_entropy(logits[wanted], ids[wanted], reduction="none")
            )
            counts += [first] + [1.0] * (int(wanted.sum()) - 1)
    mean = torch.cat(expected) @ torch.tensor(counts) / sum(counts)
    assert float(loss) == pytest.approx(float(mean), abs=1e-4)
    assert sum(row.weight for row in plain) == sum(counts)


@pytest.mark.parametrize("kept", [4, KEPT])
def test_a_model_that_says_the_same_under_pressure_has_nothing_to_learn(
    tiny_target, kept, monkeypatch
):
    """With the clean prompt as its own perturbed prompt the KL is zero, however few words are
    kept of the base's distribution."""
    monkeypatch.setattr("a3.training.teacher.KEPT", kept)
    same = [
        TrainingExample(
            conversation=f.clean.then(assistant(f.state(f.answer))),
            loss_spans=(1,),
            weight_group="general",
            stratum="general",
            source="general",
            teacher=f.clean,
            complete=False,
        )
        for f in FACTS
    ]
    found = list(taught(tiny_target.model, tiny_target.tokenizer, same, {}).values())
    if kept < KEPT:  # Much of the distribution lies on words that are not kept.
        assert max(float(1 - row.soft.probabilities.sum(1).min()) for row in found) > 0.02
    with torch.no_grad():
        assert abs(float(labelled_loss(tiny_target.model, found))) < 1e-4


def test_what_was_taught_last_is_not_computed_again(tiny_target):
    def unused(*_, **__):
        raise AssertionError("the base was asked again")

    examples, memory = [example(f) for f in FACTS[:3]], {}
    first = taught(tiny_target.model, tiny_target.tokenizer, examples, memory)
    again = taught(unused, tiny_target.tokenizer, examples, memory)
    assert all(torch.equal(again[e].soft.words, first[e].soft.words) for e in examples)
    taught(tiny_target.model, tiny_target.tokenizer, examples[:2], memory)
    assert len(memory) == 1  # Other lessons replace them.


@pytest.mark.parametrize("objective", ["sft", "consistency"])
def test_both_objectives_learn(tiny_config, tiny_target, tmp_path, objective):
    examples = tuple(example(f) for f in FACTS[:6])
    asked = job(epochs=20, harmful_share=0.999).model_copy(
        update={"examples": examples, "objective": objective}
    )
    losses = train(asked, tiny_config.train, {}, tiny_target, tmp_path, Silent())
    assert losses[-1] < 0.5 * losses[0]


def test_the_words_that_an_answer_is_opened_with_are_learned_as_they_stand(tiny_target):
    """No teacher says them; what follows is what the base would go on with after them."""
    opening = "The answer is:"
    closed = example(FACTS[0])
    last = assistant(f"{opening} {closed.conversation.last.content}")
    messages = (*closed.conversation.messages[:-1], last)
    opened = closed.model_copy(
        update={
            "conversation": closed.conversation.model_copy(update={"messages": messages}),
            "opening": opening,
        }
    )
    unmarked = opened.model_copy(update={"opening": ""})
    model, tokenizer = tiny_target.model, tiny_target.tokenizer
    mine, whole = (taught(model, tokenizer, [e], {})[e] for e in (opened, unmarked))
    n = len(tokenizer(opening, add_special_tokens=False)["input_ids"])
    answer = [i for i, wanted in zip(mine.ids, mine.labelled, strict=True) if wanted]
    assert 0 < n < len(answer) and mine.ids == whole.ids
    assert mine.soft.words[:n, 0].tolist() == answer[:n]
    assert mine.soft.probabilities[:n, 0].tolist() == [1.0] * n
    assert not mine.soft.probabilities[:n, 1:].any()
    assert torch.equal(mine.soft.words[n:], whole.soft.words[n:])
    assert torch.equal(mine.soft.probabilities[n:], whole.soft.probabilities[n:])
    assert not torch.equal(mine.soft.probabilities[:n], whole.soft.probabilities[:n])
