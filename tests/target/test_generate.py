"""Continuous batching answers as model.generate does, whoever comes and goes beside a row."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from a3.target.attention import use_grouped
from a3.target.generate import decode
from a3.target.prefill import WORTH_A_PASS, Prefix, parts
from a3.types.answers import Decoding, FinishReason
from tests.target.families import PLAIN, WINDOWED, Words, random_model


def prompts(n, shared=0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    start = torch.randint(3, 64, (shared,), generator=generator).tolist()
    lengths = torch.randint(3, 14, (n,), generator=generator).tolist()
    return [start + torch.randint(3, 64, (k,), generator=generator).tolist() for k in lengths]


def answered(model, asked, decoding, at_once):
    found = {}
    for ended in decode(model, Words(), asked, decoding, range(len(asked)), lambda _: at_once):
        assert not ended.keys() & found.keys()
        found |= ended
    return [found[i] for i in range(len(asked))]


@pytest.mark.parametrize("family", [*PLAIN, *WINDOWED])
@pytest.mark.parametrize("shared", [0, 10])
@pytest.mark.parametrize("at_once", [1, 4, 100])
def test_answers_are_those_of_transformers(family, shared, at_once):
    model = random_model(family)
    use_grouped(model)
    stops = [2, *range(40, 48)]
    model.generation_config.eos_token_id = stops
    asked = prompts(9, shared)
    found = answered(model, asked, Decoding(max_new_tokens=24), at_once)
    for prompt, answer in zip(asked, found, strict=True):
        ids = torch.tensor([prompt])
        told = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False
        )[0, len(prompt) :].tolist()
        stopped = told[-1] in stops
        assert answer.text == " ".join(map(str, told[:-1] if stopped else told))
        assert answer.finish_reason is (FinishReason.STOP if stopped else FinishReason.LENGTH)
        assert answer.n_tokens == len(told)
    if family == "llama":
        assert len({a.n_tokens for a in found}) > 2  # Rows did come and go.


def test_no_more_rows_than_allowed_are_under_way(monkeypatch):
    model, seen = random_model("llama"), []
    model.generation_config.eos_token_id = list(range(40, 48))
    forward = model.model.forward

    def watched(*args, **kwargs):
        seen.append(tuple(kwargs["input_ids"].shape))
        return forward(*args, **kwargs)

    monkeypatch.setattr(model.model, "forward", watched)
    answered(model, prompts(20), Decoding(max_new_tokens=30), 4)
    assert max(rows for rows, _ in seen) == 4
    refills = [i for i, (_, width) in enumerate(seen) if width > 1]
    assert any(seen[i][0] < 4 for i in refills)  # Fresh rows join others that go on.


def test_what_all_prompts_begin_with_runs_once(monkeypatch):
    model, widths = random_model("llama"), []
    forward = model.model.forward

    def watched(*args, **kwargs):
        widths.append(tuple(kwargs["input_ids"].shape))
        return forward(*args, **kwargs)

    monkeypatch.setattr(model.model, "forward", watched)
    asked = prompts(3, shared=10)
    assert Prefix(model, asked).ids[:10] == asked[0][:10]
    answered(model, asked, Decoding(max_new_tokens=1), 3)
    assert widths[1] == (1, 10) and widths[2] == (3, max(map(len, asked)) - 10)
    assert Prefix(model, [asked[0], asked[0]]).ids == asked[0][:-1]  # One token stays.
    assert Prefix(model, asked[:1]).ids == []
    assert Prefix(random_model("mistral"), asked).ids == []


def test_long_prompts_leave_less_room(monkeypatch):
    model, seen = random_model("llama"), []
    forward = model.model.forward

    def watched(*args, **kwargs):
        seen.append(tuple(kwargs["attention_mask"].shape))
        return forward(*args, **kwargs)

    monkeypatch.setattr(model.model, "forward", watched)
    long, *short = prompts(9)
    asked = [*short, long * 5]
    decoding = Decoding(max_new_tokens=6)
    for _ in decode(model, Words(), asked, decoding, [0] * 9, lambda longest: 90 // longest):
        pass
    assert max(rows for rows, width in seen if width >= len(long) * 5) <= 90 // (len(long) * 5)
    assert max(rows for rows, _ in seen) > 2


@given(st.lists(st.integers(1, 300), min_size=1, max_size=50), st.integers(1, 2000))
def test_prompts_run_apart_where_padding_would_cost_more(lengths, limit):
    lengths.sort(reverse=True)
    sizes = parts(lengths, limit)
    assert sum(sizes) == len(lengths) and min(sizes) > 0
    padded, first = 0, 0
    for size in sizes:
        assert size == 1 or size * lengths[first] <= limit
        padded += size * lengths[first]
        first += size
    harmonic = sum(1 / n for n in range(1, len(lengths) + 1))
    assert padded - sum(lengths) <= WORTH_A_PASS * harmonic * len(sizes)
