"""Every combination composes; every mistake is told in three parts, all at once."""

import json
from itertools import product

import pytest

from a3.config import dump, parse
from a3.config.load import changed, check_resumable
from a3.errors import ConfigError
from tests.conftest import CONF, compose

OPTIONS = {
    g.name: sorted(p.stem for p in g.glob("[!_]*.yaml")) for g in CONF.iterdir() if g.is_dir()
}
EXTRA = {
    "hub": ["model.source.id=org/name"],
    "local": ["model.source.path=/models/mine"],
    "endpoint": ["model.source.endpoint.model=org/name", "model.source.endpoint.base_url=-"],
}
SERVED = ["model=served", "base_url=http://127.0.0.1:8000/v1"]
NEEDED = {
    ("agent", "endpoint"): [f"agent.endpoint.{s}" for s in SERVED],
    ("judge", "endpoint"): [f"judge.endpoint.{s}" for s in SERVED],
    ("search", "agent"): ["agent=claude"],
    ("respond", "agent"): ["agent=claude"],
    ("judge", "local"): ["judge.model.source.id=org/name"],
    ("general_data", "hub"): ["general_data.id=org/name"],
    ("general_data", "local"): ["general_data.path=/data/mine.jsonl"],
}
COMBINATIONS = list(product(OPTIONS["risk"], OPTIONS["model"], OPTIONS["method"]))


@pytest.mark.parametrize(("risk", "model", "method"), COMBINATIONS)
def test_every_risk_model_and_method_composes(risk, model, method):
    config = compose(f"risk={risk}", f"model={model}", f"method={method}", *EXTRA.get(model, []))
    assert config.risk.name == risk and config.method.name == method


@pytest.mark.parametrize(
    ("group", "option"),
    [
        (g, o)
        for g, options in OPTIONS.items()
        for o in options
        if g not in {"risk", "model", "method", "endpoint"}
    ],
)
def test_every_option_composes(group, option):
    compose(f"{group}={option}", *NEEDED.get((group, option), []))


def test_defaults_need_nothing():
    config = compose()
    assert (config.model.name, config.agent.name, config.judge.name) == (
        "smollm2",
        "offline",
        "rules",
    )
    assert config.budget.name == "quick" and config.risk.name == "sycophancy"


def test_other_models_get_the_published_defaults():
    config = compose("model=qwen7b")
    assert config.model.source.id == "Qwen/Qwen2.5-7B-Instruct"
    assert (config.agent.name, config.judge.name, config.budget.name) == (
        "claude",
        "claude",
        "paper",
    )
    assert compose("model=llama8b").model.source.id == "meta-llama/Llama-3.1-8B-Instruct"


def test_an_explicit_choice_beats_the_model_s():
    assert compose("model=smollm2", "budget=smoke").budget.name == "smoke"
    assert compose("model=tiny", "judge=claude").judge.name == "claude"


def test_all_value_errors_come_at_once_with_their_paths():
    with pytest.raises(ConfigError) as caught:
        compose(
            "budget.trials=0",
            "goal.sfr=1.5",
            "search.default.learning_rate=-1",
            "judge.name=astrology",
            "seed=abc",
        )
    text = str(caught.value)
    for path in ("budget.trials", "goal.sfr", "search.default.learning_rate", "judge.name", "seed"):
        assert path in text
    assert "'rules'" in text and "'claude'" in text and "astrology" in text
    assert text.count("found:") == text.count("do:") == 1


def test_a_default_outside_of_its_space_is_an_error():
    with pytest.raises(ConfigError, match="learning_rate: must lie in"):
        compose("search.default.learning_rate=0.5")


def test_a_soup_changes_some_blocks():
    assert compose("model=smollm2").search.soup_depth == (0.2, 0.8)
    with pytest.raises(ConfigError, match="soup_depth must rise"):
        compose("search.soup_depth=[0.8,0.2]")


def test_samples_need_a_temperature():
    with pytest.raises(ConfigError, match=r"needs model\.temperature"):
        compose("model.samples=3")


def test_a_local_judge_is_any_model_of_the_group():
    written = ("judge.model.max_new_tokens", "judge.model.temperature", "judge.model.samples")
    for chosen, source in (
        (["judge.model.source.id=org/name"], "org/name"),
        (["model@judge.model=qwen7b"], "Qwen/Qwen2.5-7B-Instruct"),
    ):
        config = compose("judge=local", *chosen)
        assert list(config.models) == ["model", "judge.model"]
        assert (config.model.name, config.judge.model.source.id) == ("smollm2", source)
        assert [getattr(config.judge.model, key.split(".")[-1]) for key in written] == [400, 0.0, 1]
    folder = compose("judge=local", "model@judge.model=local", "judge.model.source.path=/mine")
    assert folder.judge.model.source.path == "/mine"
    with pytest.raises(ConfigError, match=r"needs judge\.model\.temperature"):
        compose("judge=local", "judge.model.source.id=org/name", "judge.model.samples=3")


def test_what_must_be_set_is_named():
    with pytest.raises(ConfigError, match=r"no value for model.source.id"):
        compose("model=hub")


def test_a_saved_configuration_reads_back():
    config = compose("model=tiny")
    assert parse(json.loads(json.dumps(dump(config)))) == config


def test_a_resumed_run_names_what_it_cannot_change():
    saved = dump(compose())
    good = ["budget.trials=5", "budget.caps.usd=3", "tracker.project=x", "executor=local"]
    check_resumable(saved, good)
    for other in (["model=tiny", "seed=3"], ["budget=smoke"], ["budget.trialsome=1"]):
        with pytest.raises(ConfigError, match=f"{', '.join(other)} "):
            check_resumable(saved, [*good, *other])


def test_a_resumed_run_takes_over_what_was_asked_for_and_nothing_else():
    saved = dump(compose("budget.trials=7", "budget.caps.usd=3"))
    fresh = dump(compose("budget.trials=9", "budget.caps.usd=4", "tracker=wandb", "seed=5"))
    assert changed(saved, fresh, []) == saved
    assert changed(saved, fresh, ["tracker=wandb"]) == saved | {"tracker": fresh["tracker"]}
    found = changed(saved, fresh, ["+budget.caps.usd=4", "budget.trials=9"])
    assert found["budget"] == saved["budget"] | {"trials": 9, "caps": fresh["budget"]["caps"]}
    assert saved["budget"]["trials"] == 7 and found["tracker"] == saved["tracker"]


def test_a_row_of_the_comparison_wins_over_the_model():
    assert compose("experiment=random_search").search.name == "random"
    assert compose("experiment=random_search", "model=tiny").search.name == "random"
    assert compose("experiment=template").respond.source == "template"


def test_what_an_agent_must_do_needs_one():
    with pytest.raises(ConfigError, match="search=agent needs an agent"):
        compose("search=agent")
    with pytest.raises(ConfigError, match="respond=agent needs an agent"):
        compose("respond=agent")
    assert compose("search=hybrid").search.sampler == "tpe"  # Offline the sampler alone.
