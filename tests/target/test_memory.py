"""Out of memory: the same results in smaller parts, by whatever was asked."""

from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from a3.errors import MeasurementError
from a3.evals.kl import kl
from a3.store import Cache, cache_root
from a3.target import chat, devices
from a3.target.local import LocalTarget
from a3.target.memory import Backoff
from a3.training.backward import Backward
from a3.training.lora import lora, with_lora
from a3.training.teacher import taught
from a3.training.trainer import train
from a3.types.answers import Decoding
from a3.types.chat import ask
from a3.types.events import MemoryShort
from a3.types.observer import Silent
from a3.types.target import Continuation
from tests.evals.test_kl import Shifted
from tests.observers import Heard
from tests.training.jobs import EXAMPLES, job

ASKED = [ask(f"What is the capital of {c}?") for c in ("France", "Italy", "Japan", "Spain")]
DECODING = Decoding(max_new_tokens=8)


@contextmanager
def memory_for(model, tokens):
    """Let the device hold `tokens` tokens of one forward pass, padding among them."""

    def check(_, arguments):
        if arguments[0].numel() > tokens:
            raise torch.OutOfMemoryError("injected")

    hook = model.get_input_embeddings().register_forward_pre_hook(check)
    yield
    hook.remove()


@pytest.fixture
def fresh_target(tiny_config):
    """Without a content cache."""
    heard = Heard()
    return LocalTarget(tiny_config.model, cache_root(), Cache(None), heard), heard


def backed_off(heard):
    return [event.parts for event in heard.events if isinstance(event, MemoryShort)]


def test_answers_are_the_same_in_smaller_batches(fresh_target):
    target, heard = fresh_target
    whole = target.generate(ASKED, DECODING, "")
    longest = max(len(chat.prompt_ids(target.tokenizer, c)) for c in ASKED)
    with memory_for(target.model, longest + 1):
        assert target.generate(ASKED, DECODING, "") == whole
    assert backed_off(heard)[-1] > 1


def test_scores_are_the_same_in_smaller_batches(fresh_target):
    target, heard = fresh_target
    requests = [Continuation(context=f"{i} and", continuation=" Rome") for i in range(40)]
    whole = target.score(requests, "")
    with memory_for(target.model, 40):
        again = target.score(requests, "")
    for one, other in zip(again, whole, strict=True):
        assert one.logprob == pytest.approx(other.logprob, abs=1e-4)  # Sums in another order.
        assert one.greedy == other.greedy
    assert backed_off(heard)


def test_first_words_are_the_same_in_smaller_batches(fresh_target):
    target, heard = fresh_target
    words = ["A", "B"]
    whole = target.first_words(ASKED, words, "")
    longest = max(len(chat.prompt_ids(target.tokenizer, c)) for c in ASKED)
    with memory_for(target.model, longest + 1):
        again = target.first_words(ASKED, words, "")
    for one, other in zip(again, whole, strict=True):
        assert one == pytest.approx(other, abs=1e-4)
    assert backed_off(heard)[-1] > 1


def test_what_fits_nowhere_is_an_error_that_says_what_to_do(fresh_target):
    target, _ = fresh_target
    with (
        memory_for(target.model, 0),
        pytest.raises(MeasurementError, match=r"(?s)answering must fit.*smaller model"),
    ):
        target.generate(ASKED, DECODING, "")


def test_what_fitted_once_is_where_the_next_work_starts():
    heard, tried = Heard(), []
    backoff = Backoff("answering", heard)

    def work(parts):
        tried.append(parts)
        if parts < 4:
            raise torch.OutOfMemoryError
        return parts

    assert [backoff(work), backoff(work)] == [4, 4]
    assert tried == [1, 2, 4, 4]
    assert backed_off(heard) == [2, 4]


def test_another_error_is_not_taken_for_a_lack_of_memory():
    with pytest.raises(RuntimeError, match="else"):
        Backoff("answering", Silent())(lambda parts: (_ for _ in ()).throw(RuntimeError("else")))


def gradients(target, tokens):
    heard = Heard()
    model = with_lora(target, job())
    model.train()
    batch = [chat.render(target.tokenizer, e.conversation, e.loss_spans) for e in EXAMPLES]
    batch = [replace(row, first=3.0) for row in batch]  # Parts count by what is in them.
    with memory_for(model.get_base_model(), tokens):
        loss = Backward(model, heard)(batch)
    found = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    return loss, found, backed_off(heard), model.is_gradient_checkpointing


def test_a_batch_that_does_not_fit_gives_the_same_gradients_in_parts(tiny_target):
    loss, whole, none, kept = gradients(tiny_target, 10_000)
    assert none == [] and not kept
    width = max(
        len(chat.render(tiny_target.tokenizer, e.conversation, e.loss_spans).ids) for e in EXAMPLES
    )
    again, parts, steps, checkpointed = gradients(tiny_target, width)
    assert steps == [2, 4, 8] and checkpointed  # 4 examples: one at a time.
    assert again == pytest.approx(loss, rel=1e-4)
    assert whole.keys() == parts.keys() and whole
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient, rtol=1e-3, atol=1e-5)


def test_where_weights_are_shared_the_base_answers_as_before(
    tiny_config, fresh_target, tmp_path, monkeypatch
):
    own, _ = fresh_target
    before = own.generate(ASKED, DECODING, "")
    train(job(), tiny_config.train, {}, own, tmp_path / "own", Silent())
    monkeypatch.setattr(devices, "shares_weights", lambda device: True)
    shared = LocalTarget(tiny_config.model, cache_root(), Cache(None), Silent())
    weights = {n: p.clone() for n, p in shared.model.named_parameters()}
    with lora(shared, job()) as model:
        assert model.get_base_model() is shared.model
    train(job(), tiny_config.train, {}, shared, tmp_path / "shared", Silent())
    assert all(torch.equal(p, weights[n]) for n, p in shared.model.named_parameters())
    assert not any("lora" in name for name, _ in shared.model.named_modules())
    assert shared.generate(ASKED, DECODING, "") == before
    repaired = shared.with_adapter(tmp_path / "shared")
    answers = repaired.generate(ASKED, DECODING, "")
    assert answers == own.with_adapter(tmp_path / "own").generate(ASKED, DECODING, "") != before
    assert all(torch.equal(p, weights[n]) for n, p in shared.model.named_parameters())


def test_kl_is_the_same_in_smaller_batches(fresh_target):
    target, heard = fresh_target
    other = Shifted(target, token=7, by=6.0)
    whole = kl(target, other, ASKED, 8, 0.95)
    longest = max(len(chat.prompt_ids(target.tokenizer, c)) for c in ASKED) + 8
    with memory_for(target.model, longest):
        again = kl(target, other, ASKED, 8, 0.95)
    assert again.n == whole.n == len(ASKED) and whole.value > 1e-4
    assert again.value == pytest.approx(whole.value, rel=1e-2)
    assert backed_off(heard)


def test_what_the_base_teaches_is_the_same_in_smaller_batches(fresh_target):
    target, heard = fresh_target
    examples = [
        e.model_copy(update={"teacher": ask(e.conversation.messages[0].content)}) for e in EXAMPLES
    ]
    whole = taught(target.model, target.tokenizer, examples, {})
    longest = max(len(chat.render(target.tokenizer, *_clean(e)).ids) for e in examples)
    with memory_for(target.model, longest):
        again = taught(target.model, target.tokenizer, examples, {}, heard)
    for e in examples:
        assert torch.allclose(again[e].soft.probabilities, whole[e].soft.probabilities, atol=1e-4)
    assert backed_off(heard)


def _clean(example):
    return example.teacher.then(example.conversation.last), (1,)
