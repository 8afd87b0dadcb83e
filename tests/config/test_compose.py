"""A command line's overrides, without a Hydra job; mistakes are told in our three parts."""

from pathlib import Path

import pytest

from a3.config.compose import CONF, GROUPS, compose, explained
from a3.errors import ConfigError

FOLDER = Path("somewhere")


def test_a_command_line_becomes_a_configuration_with_its_folder():
    config = compose(["model=tiny", "budget.rounds=7"], FOLDER)
    assert (config.model.name, config.budget.rounds) == ("tiny", 7)
    assert config.run_dir == "somewhere"


def test_two_command_lines_after_another_do_not_mix():
    assert compose(["seed=4"], FOLDER).seed == 4
    assert compose([], FOLDER).seed != 4


def test_every_folder_of_conf_is_a_group():
    assert {"risk", "model", "judge", "budget"} <= set(GROUPS)
    assert all((CONF / group).is_dir() for group in GROUPS)


@pytest.mark.parametrize(
    ("override", "found", "hint"),
    [
        ("model=gpt9", "gpt9", "smollm2"),
        ("judge=astrology", "astrology", "rules"),
        ("budgt=quick", "budgt", "budget"),
        ("budget.trails=3", "budget.trails", "--cfg job"),
        ("goal.sfr=2", "goal.sfr", "--cfg job"),
        ("seed=a=b c", "", "Hydra overrides"),
    ],
)
def test_a_mistake_says_what_must_hold_what_was_found_and_what_to_do(override, found, hint):
    with pytest.raises(ConfigError) as caught:
        compose([override], FOLDER)
    error = caught.value
    assert error.must and error.do
    assert found in str(error) and hint in str(error)


def judged_by(name, *overrides):
    """A judge on a server of one's own, under either of its two names."""
    server = [f"{name}.endpoint.{key}" for key in ("model=m", "base_url=http://h/v1")]
    chosen = [f"{name}.endpoint.{override}" for override in overrides]
    config = compose(["model=tiny", f"{name}=endpoint", *server, *chosen], FOLDER)
    return (config.judge if name == "judge" else config.final_judge).endpoint


@pytest.mark.parametrize("name", ["judge", "judge.final"])
@pytest.mark.parametrize("override", ["settings={temperature: 0}", "settings.temperature=0"])
def test_settings_of_an_endpoint_are_set_on_the_command_line(name, override):
    assert judged_by(name, override).settings == {"temperature": 0}


def test_a_setting_is_added_to_those_that_are_there():
    override = "judge.endpoint.settings={output_config: {effort: high}, top_k: 1}"
    settings = compose(["model=tiny", "judge=claude", override], FOLDER).judge.endpoint.settings
    assert settings["output_config"] == {"effort": "high"}
    assert settings["top_k"] == 1 and settings["thinking"]


def test_what_openai_s_reasoning_models_want_is_set_on_the_command_line():
    usual = judged_by("judge")
    assert usual.takes_temperature and usual.max_tokens_field == "max_tokens"
    found = judged_by("judge", "takes_temperature=false", "max_tokens_field=max_completion_tokens")
    assert not found.takes_temperature and found.max_tokens_field == "max_completion_tokens"


@pytest.mark.parametrize(
    ("override", "section", "field", "key"),
    [
        ("capability.local={mmlu_pro: /data}", "capability", "local", "mmlu_pro"),
        ("train.strata.own=2", "train", "strata", "own"),
    ],
)
def test_other_tables_with_keys_of_one_s_own_are_open_too(override, section, field, key):
    config = compose(["model=tiny", override], FOLDER)
    assert key in getattr(getattr(config, section), field)


def test_a_setting_of_an_endpoint_that_is_not_there_is_an_error():
    with pytest.raises(ConfigError, match="there is no such key"):
        compose(["model=tiny", "judge=rules", "judge.endpoint.settings={temperature: 0}"], FOLDER)


def test_an_unheard_of_error_of_hydra_keeps_its_words():
    error = explained("Something odd\n  happened here\n")
    assert "Something odd happened here" in error.found
