"""A command line's overrides -> the configuration, without starting a Hydra job."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from a3.config.load import load
from a3.config.resolvers import register
from a3.config.schema import Config
from a3.errors import ConfigError

PACKAGE = Path(__file__).resolve().parents[1]
CONF = next(p for p in (PACKAGE.parent / "conf", PACKAGE / "conf") if (p / "config.yaml").is_file())
"""At the top of a checkout, inside the package once installed."""
FINAL = "judge@final_judge="
OPEN = re.compile(
    r"^((?:[\w.]*\.endpoint\.settings|capability\.local|train\.strata|respond\.openings)[\w.]*)="
)
"""Keys under which the configuration may have any others; Hydra wants to be told."""
GROUPS = sorted(p.name for p in CONF.iterdir() if p.is_dir())


def spelled(overrides: Iterable[str]) -> list[str]:
    """Overrides as Hydra spells them.

    `judge.final=claude` chooses from a group, elsewhere; `++` lets a key be new.
    """
    named = [
        re.sub(r"^judge\.final\.", "final_judge.", re.sub(r"^judge\.final=", FINAL, override))
        for override in overrides
    ]
    return [OPEN.sub(r"++\1=", override) for override in named]


def compose(overrides: list[str], folder: Path) -> Config:
    """The configuration of a run in `folder`. Raises ConfigError for what does not exist."""
    register()
    try:
        with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
            return load(
                hydra_compose("config", overrides=[*spelled(overrides), f"run_dir={folder}"])
            )
    except (HydraException, OmegaConfBaseException) as error:
        raise explained(str(error)) from None


def explained(message: str) -> ConfigError:
    """Hydra's own errors in our three parts."""
    if match := re.search(r"Could not find '([^']+)'", message):
        group, _, option = match[1].rpartition("/")
        options = sorted(p.stem for p in (CONF / group).glob("[!_]*.yaml"))
        return ConfigError(
            f"{group} must be one of {', '.join(options)}", option, f"use {group}={options[0]}"
        )
    if match := re.search(r"Could not override '([^']+\.[^']+)'|[Kk]ey '([^']+)' is not", message):
        full = re.search(r"full_key: (\S+)", message)
        path = full[1] if full else match[1] or match[2]
        return ConfigError(
            "every key on the command line must exist in the configuration",
            path,
            f"choose a group ({', '.join(GROUPS)}) or a key of `python -m a3 --cfg job`",
        )
    if match := re.search(r"Could not override '([^'.]+)'", message):
        return ConfigError(
            "a group on the command line must exist",
            match[1],
            f"choose from {', '.join(GROUPS)}",
        )
    first, *rest = [line.strip() for line in message.splitlines() if line.strip()] or ["unknown"]
    return ConfigError(
        "the command line must be Hydra overrides: group=option, key.path=value",
        " ".join([first, *rest]),
        "quote values with spaces or commas; `python -m a3 --help` shows the groups",
    )
