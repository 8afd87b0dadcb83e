"""`python -m a3`: the Hydra edge and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from a3.errors import A3Error, StoreError

if TYPE_CHECKING:
    from a3.config import Config


def main() -> None:
    """Run the command line; exit 0, 2 (an error with a cause) or 130 (interrupted)."""
    try:
        _dispatch()
    except A3Error as error:
        _tell(error)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _tell(error: A3Error) -> None:
    print(f"error: {error}", file=sys.stderr)


def _dispatch() -> None:
    resume = [arg for arg in sys.argv[1:] if arg.startswith("resume=")]
    if resume:
        others = [arg for arg in sys.argv[1:] if not arg.startswith("resume=")]
        _resume(resume[-1].removeprefix("resume="), others)
        return
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from a3.config.compose import CONF, explained, spelled
    from a3.config.resolvers import register

    register()
    sys.argv[1:] = spelled(sys.argv[1:])
    # Hydra would print its own errors and exit with 1; this makes it raise them instead.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(_start)()
    except (HydraException, OmegaConfBaseException) as error:
        raise explained(str(error)) from None


def _start(composed: Any) -> float | None:
    """A fresh run; its return value is what a Hydra sweeper optimises."""
    from hydra.core.hydra_config import HydraConfig

    from a3.config import load

    hydra = HydraConfig.get()
    folder = Path(hydra.runtime.output_dir)
    try:
        return _run(load(composed), folder, list(hydra.overrides.task))
    except A3Error as error:
        # Out past Hydra, which would add words of its own; nor shall an empty folder stay behind.
        with contextlib.suppress(OSError):
            folder.rmdir()
        _tell(error)
        sys.exit(2)


def _resume(name: str, asked: list[str]) -> None:
    """Continue in an existing folder with its saved configuration."""
    folder = Path("outputs/latest" if name == "latest" else name).resolve()
    if not (folder / "config.json").is_file():
        raise StoreError(
            "resume= must name the folder of a run (or `latest`)",
            f"no config.json in {folder}",
            "see outputs/ for the runs there are",
        )
    from a3.config import dump, parse
    from a3.config.load import changed, check_resumable

    saved = json.loads((folder / "config.json").read_text())
    check_resumable(saved, asked)
    _check_trials(folder, saved["method"]["name"], asked)
    # What earlier attempts were told stays in force.
    overrides = json.loads((folder / "overrides.json").read_text()) + asked
    if asked:
        from a3.config.compose import compose

        saved = changed(saved, dump(compose(overrides, folder)), asked)
    saved["run_dir"] = str(folder)
    _run(parse(saved), folder, overrides, resumed=True)


def _check_trials(folder: Path, method: str, asked: list[str]) -> None:
    """More trials come too late once the repair is chosen, and decide how long a mix trains."""
    more = [o for o in asked if o.lstrip("+").startswith("budget.trials=")]
    if not more:
        return
    if method == "random_mix":
        raise StoreError(
            "five mixes are compared when they train equally long",
            f"{more[-1]}, by which method=random_mix decides how long",
            "leave it out, or start a new run with it",
        )
    if (folder / "stages" / "repair.json").exists():
        raise StoreError(
            "the number of trials may change as long as the search goes on",
            f"{more[-1]}, but the repair of {folder} is chosen",
            "leave it out, or start a new run with it",
        )


def _run(config: Config, folder: Path, overrides: list[str], resumed: bool = False) -> float | None:
    """Check what the run needs before the heavy libraries are imported, then run."""
    from a3 import preflight

    preflight.check(config)
    from a3 import pipeline

    return pipeline.run(config, folder, overrides, resumed).objective


if __name__ == "__main__":
    main()
