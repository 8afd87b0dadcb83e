"""Datasets on the Hugging Face hub, or in a local folder laid out like one there."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Iterator
from inspect import signature
from pathlib import Path
from typing import Any

SHARDS = 16
"""Parts of a dataset that a sample is drawn from: some megabytes each, never the whole."""
BUFFER = 4096
"""Rows that are held at once to be shuffled."""


def why_not(dataset: str, instead: str) -> str | None:
    """What stands between this machine and a dataset, and what to do; None if nothing does.

    One short request, where `datasets` would try for half a minute. `instead` says what to use
    where the hub cannot be had at all. Under HF_HUB_OFFLINE nothing is asked: what was downloaded
    before is looked for when it is loaded.
    """
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if _is_folder(dataset) or offline():
        return None
    page = f"https://huggingface.co/datasets/{dataset}"
    try:
        huggingface_hub.HfApi().auth_check(dataset, repo_type="dataset")
    except GatedRepoError:
        return f"{dataset} is gated: accept its terms at {page}, then set HF_TOKEN to your token"
    except RepositoryNotFoundError:
        return f"there is no dataset {dataset} on the hub, or it is private and HF_TOKEN is not set"
    except Exception as error:  # Whatever the HTTP library of the day raises without a network.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        return f"{dataset} cannot be reached on the Hugging Face hub ({reason}); {instead}"
    return None


def offline() -> bool:
    """Whether the user keeps this process off the hub (HF_HUB_OFFLINE)."""
    from huggingface_hub import constants

    return constants.HF_HUB_OFFLINE


def stream(dataset: str, subset: str | None, split: str, revision: str | None) -> Any:
    """The rows of a dataset as an IterableDataset; nothing is downloaded before it is read."""
    from datasets import config, load_dataset

    local = _is_folder(dataset)
    # Offline, only what was downloaded whole is there, and that is no stream by itself.
    online = local or not config.HF_HUB_OFFLINE
    data: Any = load_dataset(
        str(Path(dataset).expanduser()) if local else dataset,
        subset,
        split=split,
        revision=None if local else revision,
        streaming=online,
    )
    rows = data if online else data.to_iterable_dataset(num_shards=min(SHARDS, len(data)))
    # Row groups in place of files: a sample then reaches into all parts of each file.
    return rows.reshard()


def shuffled(rows: Any, seed: str) -> Iterator[dict[str, Any]]:
    """Rows of a stream in seeded random order, from a few of its shards only."""
    rng, many = random.Random(seed), rows.num_shards
    chosen = rng.sample(range(many), min(SHARDS, many))
    settings = {"buffer_size": BUFFER // len(chosen)}
    if "max_buffer_input_shards" in signature(rows.shuffle).parameters:
        settings["max_buffer_input_shards"] = 1  # More start threads that take seconds to end.
    parts = [rows.shard(many, i).shuffle(seed=rng.randrange(2**32), **settings) for i in chosen]
    yield from _in_turn(iter(part) for part in parts)


def _in_turn(parts: Iterable[Iterator[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """One row of each part, then the next of each, until all are empty."""
    waiting = deque(parts)
    while waiting:
        part = waiting.popleft()
        for row in part:
            yield row
            waiting.append(part)
            break


def _is_folder(dataset: str) -> bool:
    return Path(dataset).expanduser().is_dir()
