"""Scores of continuations that share a context are those of each one alone."""

import pytest
import torch

from a3.target.attention import use_grouped
from a3.target.prefill import Prefix
from a3.target.score import Question, first_logprobs, questions, score_batch
from tests.target.families import PLAIN, WINDOWED, random_model
from tests.target.test_generate import prompts


def alone(model, context, continuation):
    """Log-probability and greediness, one row and no cache."""
    logits = model(torch.tensor([context + continuation])).logits[0].log_softmax(-1)
    predicted = logits[len(context) - 1 : -1]
    chosen = predicted[range(len(continuation)), continuation]
    return float(chosen.sum()), predicted.argmax(-1).tolist() == continuation


@pytest.mark.parametrize("family", [*PLAIN, *WINDOWED])
@pytest.mark.parametrize("shared", [0, 12])
def test_options_beside_each_other_score_as_options_alone(family, shared):
    model = random_model(family)
    use_grouped(model)
    contexts = prompts(5, shared)
    options = [[7], [8, 9, 10, 11], [8, 9], [30, 31, 32]]
    likeliest = [int(model(torch.tensor([c])).logits[0, -1].argmax()) for c in contexts]
    pairs = [
        (c, o) for c, best in zip(contexts, likeliest, strict=True) for o in [*options, [best]]
    ]
    asked = questions(model, pairs)
    assert len(asked) == (5 if family in PLAIN else 25)
    prefix = Prefix(model, [q.context for q, _ in asked])
    assert len(prefix.ids) == (12 if shared and family in PLAIN else 0)
    found = score_batch(model, [q for q, _ in asked], prefix)
    for (_, mine), scores in zip(asked, found, strict=True):
        for index, score in zip(mine, scores, strict=True):
            logprob, greedy = alone(model, *pairs[index])
            assert score.logprob == pytest.approx(logprob, abs=1e-4)
            assert score.greedy == greedy
    assert sum(s.greedy for scores in found for s in scores) >= 5


def test_a_context_runs_once_and_last_ids_not_at_all():
    question = Question([5, 6, 7], ([10], [11, 12], [13, 14, 15]))
    assert question.row == [5, 6, 7, 11, 13, 14]
    assert question.branches == [0, 0, 0, 2, 3, 3]
    assert question.positions == [0, 1, 2, 3, 3, 4]
    assert question.asked == [(0, 10), (0, 11), (1, 12), (0, 13), (2, 14), (3, 15)]


def test_contexts_that_differ_in_their_last_id_only():
    model = random_model("llama")
    start = prompts(1, 12)[0]
    pairs = [([*start, last], [word]) for last in (5, 6) for word in (7, 8)]
    asked = questions(model, pairs)
    prefix = Prefix(model, [q.context for q, _ in asked])
    assert prefix.ids == start
    found = [s for scores in score_batch(model, [q for q, _ in asked], prefix) for s in scores]
    for pair, score in zip(pairs, found, strict=True):
        assert score.logprob == pytest.approx(alone(model, *pair)[0], abs=1e-4)


@pytest.mark.parametrize("family", [*PLAIN, *WINDOWED])
@pytest.mark.parametrize("shared", [0, 12])
def test_first_words_are_as_likely_as_alone_however_many_run_together(family, shared):
    model = random_model(family)
    use_grouped(model)
    contexts, words = prompts(5, shared), [7, 30, 8]
    for most in (1, 2, 5):
        found = {}
        for some in first_logprobs(model, contexts, words, lambda longest, most=most: most):
            found |= some
        for place, context in enumerate(contexts):
            plain = [alone(model, context, [word])[0] for word in words]
            assert found[place] == pytest.approx(plain, abs=1e-4)
        assert sorted(found) == list(range(len(contexts)))
