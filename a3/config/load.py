"""DictConfig -> Config; the only importer of omegaconf besides the Hydra edge."""

from __future__ import annotations

import difflib
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationToMissingValueError
from pydantic import ValidationError

from a3.config.schema import Config
from a3.errors import ConfigError

RESUMABLE = ("budget.trials", "budget.caps", "tracker", "executor")
"""What a resumed run may change; everything else decided values that are already on disk."""


def load(composed: DictConfig) -> Config:
    """Parse what Hydra composed. Raises ConfigError with every value error at once."""
    missing = _missing(composed)
    if missing:
        raise ConfigError(
            "every value of the configuration must be set",
            "no value for " + ", ".join(missing),
            f"add {' '.join(f'{key}=...' for key in missing)}",
        )
    plain = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    assert isinstance(plain, dict)
    return parse({str(k): v for k, v in plain.items()})


def _missing(composed: DictConfig) -> list[str]:
    """Keys without a value, those that others are made from included."""
    try:
        return sorted(OmegaConf.missing_keys(composed))
    except InterpolationToMissingValueError as error:
        return [str(error).split("Missing mandatory value: ")[-1].split()[0]]


def parse(values: dict[str, Any]) -> Config:
    """Parse plain values. Raises ConfigError with every value error at once."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        problems = [_describe(problem) for problem in error.errors()]
        raise ConfigError(
            "every value of the configuration must have its type and lie in its range",
            "".join(f"\n    {line}" for line in problems),
            "correct the values named above (`python -m a3 --cfg job` prints them all)",
        ) from None


def dump(config: Config) -> dict[str, Any]:
    """The configuration as plain values; `parse` reads it back."""
    return config.model_dump(mode="json")


def check_resumable(saved: dict[str, Any], asked: list[str]) -> None:
    """Raise ConfigError naming every override that a resumed run cannot take.

    `asked` are Hydra overrides.
    """
    refused = [o for o in asked if not _resumable(_key(o))]
    if refused:
        run = f"{saved['risk']['name']}-{saved['model']['name']}-{saved['method']['name']}"
        raise ConfigError(
            f"a resumed run may change only {', '.join(RESUMABLE)}",
            f"{', '.join(refused)} (the run is {run}, seed {saved['seed']})",
            "leave it out, or start a new run with it",
        )


def changed(saved: dict[str, Any], fresh: dict[str, Any], asked: list[str]) -> dict[str, Any]:
    """The saved configuration with what `asked` names taken from a fresh one, and nothing else.

    What today's conf/ would set otherwise has no part in a run that began under another.
    """
    found = saved | {"budget": dict(saved["budget"])}
    for known in (k for k in RESUMABLE if any(_within(_key(o), k) for o in asked)):
        section, _, option = known.partition(".")
        if option:
            found[section][option] = fresh[section][option]
        else:
            found[section] = fresh[section]
    return found


def _resumable(key: str) -> bool:
    return any(_within(key, known) for known in RESUMABLE)


def _within(key: str, known: str) -> bool:
    return key == known or key.startswith(f"{known}.")


def _key(override: str) -> str:
    return override.lstrip("+~").split("=")[0]


def _describe(problem: Any) -> str:
    path = ".".join(str(part) for part in problem["loc"]) or "configuration"
    if problem["type"] == "union_tag_invalid":  # Told of the section, not of the key that chooses.
        path += "." + problem["ctx"]["discriminator"].strip("'")
    if problem["type"] == "extra_forbidden":
        return f"{path}: there is no such key{_near(problem['loc'])}"
    given = problem.get("input")
    shown = "" if isinstance(given, dict | list) else f", got {given!r}"
    return f"{path}: {problem['msg'].removeprefix('Value error, ')}{shown}"


def _near(path: tuple[Any, ...]) -> str:
    """A suggestion for a misspelt top-level key."""
    close = difflib.get_close_matches(str(path[-1]), list(Config.model_fields), n=1)
    return f"; did you mean {close[0]}?" if close and len(path) == 1 else ""
