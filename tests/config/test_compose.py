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


def test_an_unheard_of_error_of_hydra_keeps_its_words():
    error = explained("Something odd\n  happened here\n")
    assert "Something odd happened here" in error.found
