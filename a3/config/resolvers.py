"""The `${name:...}` functions that conf/ uses."""

from __future__ import annotations

import re
import secrets

from omegaconf import OmegaConf


def register() -> None:
    """Make them known to OmegaConf; safe to call twice."""
    # Two runs that start in one second must not share a folder; cached, so that one run has one.
    OmegaConf.register_new_resolver(
        "run_suffix", lambda: secrets.token_hex(2), use_cache=True, replace=True
    )
    OmegaConf.register_new_resolver("sanitise", sanitise, replace=True)


def sanitise(text: str) -> str:
    """A hub id or a path as one part of a folder name: its last component, plain letters only."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text.rstrip("/").rsplit("/", 1)[-1]) or "model"
