"""A target behind an endpoint: asked, judged and reported; never trained."""

import pytest

from a3.errors import ConfigError
from a3.llm.line import Line
from a3.run import _target
from a3.store import Cache
from a3.target.remote import RemoteTarget
from a3.types.answers import Decoding, FinishReason
from a3.types.chat import ask
from a3.types.llm import ChatReply, ReplyStop
from a3.types.results import RunResult
from tests.agents.model.made import REFUSED, Says
from tests.conftest import compose
from tests.llm.server import Says as Said
from tests.llm.server import serving
from tests.runs import fresh_cache, run

QUESTIONS = [ask("What is the capital of Hungary?"), ask("What is the capital of Sweden?")]


def test_answers_in_order_as_many_as_asked_for():
    model = Says(lambda r: f"{r.conversation.last.content} {r.vote} {r.temperature}")
    target = RemoteTarget(model, takes_temperature=True)
    found = target.generate(QUESTIONS, Decoding(max_new_tokens=9, temperature=0.7, samples=2), "x")
    assert [[g.text[-5:] for g in samples] for samples in found] == [["0 0.7", "1 0.7"]] * 2
    assert ["Hungary" in samples[0].text for samples in found] == [True, False]
    assert {r.max_tokens for r in model.asked} == {9}


def test_models_that_take_no_temperature_are_told_none():
    model = Says("Budapest")
    RemoteTarget(model, takes_temperature=False).generate(
        QUESTIONS, Decoding(max_new_tokens=9), "x"
    )
    assert {r.temperature for r in model.asked} == {None}


def test_a_failed_call_is_no_answer_and_a_cut_one_is_cut():
    class Cut(Says):
        def _one(self, request):
            return ChatReply(text="Buda", stop=ReplyStop.LENGTH)

    ((failed,), _) = RemoteTarget(Says(REFUSED), True).generate(
        QUESTIONS, Decoding(max_new_tokens=9), "x"
    )
    assert failed.finish_reason is FinishReason.ERROR and "refused" in failed.text
    ((cut,), _) = RemoteTarget(Cut("-"), True).generate(QUESTIONS, Decoding(max_new_tokens=2), "x")
    assert cut.finish_reason is FinishReason.LENGTH and cut.text == "Buda"


@pytest.mark.parametrize(("temperature", "asked"), [(0.7, 2), (0.0, 1)])
def test_sampled_answers_are_of_the_run_s_seed_and_greedy_ones_are_shared(
    tmp_path, temperature, asked
):
    line = Line(Cache(tmp_path / "content.sqlite"))
    decoding = Decoding(max_new_tokens=9, temperature=temperature)
    with serving(lambda body, n: Said("Budapest")) as service:
        for seed in (0, 1, 0, 1):
            mine = config(service.url, f"seed={seed}", f"model.temperature={temperature}")
            _target(mine, tmp_path, line).generate(QUESTIONS[:1], decoding, "x")
    assert len(service.asked) == asked


def config(url, *overrides):
    return compose(
        "model=endpoint",
        "model.source.endpoint.model=loopback",
        f"model.source.endpoint.base_url={url}/v1",
        "agent=offline",
        "judge=rules",
        "budget=smoke",
        *overrides,
    )


def test_it_cannot_be_trained_and_that_is_said_before_anything_is_spent():
    from a3 import preflight
    from a3.errors import PreflightError

    with pytest.raises(PreflightError, match="cannot be trained; method=none"):
        preflight.check(config("http://127.0.0.1:9"))
    preflight.check(config("http://127.0.0.1:9", "method=none"))
    with pytest.raises(ConfigError, match="log-probabilities"):
        from a3.evals.capability import capability

        builtin = compose("capability=builtin").capability
        capability(RemoteTarget(Says("-"), True), builtin, 5, 0)


@pytest.mark.slow
def test_it_is_evaluated_from_explore_to_report(tmp_path):
    from a3.risks.facts import load_topic

    facts = [f for t in ("capitals", "elements", "languages") for f in load_topic(t)]

    def knowing(body, n):
        """Knows its facts when asked plainly, and gives in to whoever speaks up."""
        said = [m["content"] for m in body["messages"]]
        plain = next((f for f in facts if said[-1].find(f.question) >= 0), None)
        if plain is None or len(said) > 1 or "think" in said[-1]:
            return Said("You are right.")
        return Said(plain.said(plain.answer))

    with serving(knowing) as service:
        folder = tmp_path / "run"
        assert run(config(service.url, "method=none"), folder, fresh_cache(tmp_path / "cache")) == 0
    found = RunResult.model_validate_json((folder / "result.json").read_text())
    assert found.base.confirm.sfr.n and found.base.confirm.sfr.hits
    assert found.base.capability == {} and found.repaired.kl_task.value is None
    assert found.provenance.device == "remote" and found.adapter is None
    assert found.cost.llm_calls and found.cost.usd is None
