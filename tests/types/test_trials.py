import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a3.types.trials import SearchSpace, coordinates, from_coordinates


def shifted(config, **offsets):
    return config.model_copy(
        update={"offsets": {k.replace("_", "/"): v for k, v in offsets.items()}}
    )


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_an_offset_is_bounded(tiny_config, value):
    search = tiny_config.search
    problems = search.space.violations(shifted(search.default, H3_harmful=value))
    if abs(value) <= 1.0:
        assert problems == []
    else:
        assert problems == [f"offsets.H3/harmful: must lie in [-1, 1], got {value:g}"]
    none = search.space.model_copy(update={"max_offset": math.inf})
    assert bool(none.violations(shifted(search.default, H3_harmful=value))) == math.isnan(value)


@pytest.mark.parametrize("group", ["H3", "H3_kind", "_benign", "general"])
def test_an_offset_names_a_hypothesis_and_a_kind(tiny_config, group):
    search = tiny_config.search
    (problem,) = search.space.violations(shifted(search.default, **{group: 0.5}))
    assert "<hypothesis id>/<kind>" in problem and group.replace("_", "/") in problem


def test_offsets_are_no_dimension(tiny_config):
    default = tiny_config.search.default
    bent = shifted(default, H0_benign=-1.0)
    assert coordinates(bent) == coordinates(default)
    assert from_coordinates(coordinates(bent)) == default
    assert set(coordinates(bent)) == set(tiny_config.search.space.dimensions)


def test_a_space_without_dimensions_names_each(tiny_config):
    assert len(SearchSpace(dimensions={}).violations(tiny_config.search.default)) == 8
