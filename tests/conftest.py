"""Shared fixtures. The tiny model is trained once per machine; every session gets a fresh cache."""

from __future__ import annotations

import os
import random
from pathlib import Path

import hypothesis
import pytest
import yaml

from a3.config import Config
from a3.config.compose import compose as compose_overrides
from a3.store import Cache, cache_root
from a3.types.observer import Silent
from a3.types.risk import Risk

ROOT = Path(__file__).resolve().parent.parent
CONF = ROOT / "conf"

# No test is about time: a busy machine must not fail one.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory):
    """Answers are cached per session, weights per machine."""
    models = cache_root() / "models"
    models.mkdir(parents=True, exist_ok=True)
    mine = tmp_path_factory.mktemp("cache")
    (mine / "models").symlink_to(models.resolve())
    before = os.environ.get("A3_CACHE_DIR")
    os.environ["A3_CACHE_DIR"] = str(mine)
    yield
    if before is None:
        del os.environ["A3_CACHE_DIR"]
    else:
        os.environ["A3_CACHE_DIR"] = before


def compose(*overrides: str) -> Config:
    """The configuration of a command line."""
    return compose_overrides(list(overrides), Path("unused"))


@pytest.fixture(scope="session")
def tiny_config() -> Config:
    """The tiny model at the smoke budget."""
    return compose("model=tiny", "budget=smoke")


@pytest.fixture(scope="session")
def risk() -> Risk:
    """Sycophancy."""
    return Risk.model_validate(yaml.safe_load((CONF / "risk/sycophancy.yaml").read_text()))


@pytest.fixture(scope="session")
def tiny_target(tiny_config: Config):
    """The tiny model, without a cache."""
    from a3.target.local import LocalTarget

    return LocalTarget(tiny_config.model, cache_root(), Cache(None), Silent())


@pytest.fixture
def rng() -> random.Random:
    """Seeded."""
    return random.Random(0)
