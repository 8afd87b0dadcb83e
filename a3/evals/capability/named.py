"""Benchmarks under their lm-eval names: the packaged task over the hub's data or a local copy."""

from __future__ import annotations

import difflib
import functools
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from a3.config.groups import CapabilityConfig
from a3.errors import DataError
from a3.evals.capability.builtin import builtin_tasks
from a3.evals.capability.run import Prepared
from a3.evals.capability.sample import identities, proportional, with_options

QUESTION_KEYS = ("question", "Question", "query", "ctx", "sentence", "text")
GPQA = "Idavidrein/gpqa"
SUPPORTED = ("multiple_choice", "generate_until")
Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Leaf:
    """One task of a benchmark, a subject for instance, with all of its items."""

    name: str
    config: Mapping[str, Any]
    by_id: Mapping[str, dict[str, Any]]
    shots: Rows


def sources(name: str) -> list[str]:
    """The hub datasets that a benchmark is made of. Raises DataError for an unknown name."""
    return sorted({str(config["dataset_path"]) for config in _configs(name).values()})


def parts(name: str) -> frozenset[str]:
    """The single tasks that a name stands for. Raises DataError for an unknown name."""
    return frozenset(_configs(name))


def questions(name: str, local: str | None) -> list[str]:
    """Every question. Raises DataError where the data cannot be had."""
    rows = [row for leaf in _leaves(name, local) for row in leaf.by_id.values()]
    return [str(next((row[k] for k in QUESTION_KEYS if k in row), row)) for row in rows]


def prepared(name: str, config: CapabilityConfig, n_items: int, seed: int) -> list[Prepared]:
    """A seeded sample, from each task of a group its share; tasks without an item are left out."""
    leaves = _leaves(name, config.local.get(name))
    chosen = proportional({leaf.name: list(leaf.by_id) for leaf in leaves}, n_items, seed)
    setting = _setting(leaves, sum(map(len, chosen.values())), config)
    return [
        Prepared(
            name=leaf.name,
            config=leaf.config,
            rows=[leaf.by_id[i] for i in chosen[leaf.name]],
            # Of a single task the id is enough; of a group, it says which task it comes from.
            ids=[i if len(leaves) == 1 else f"{leaf.name}/{i}" for i in chosen[leaf.name]],
            shots=leaf.shots,
            chat=True,
            setting=setting,
        )
        for leaf in leaves
        if chosen[leaf.name]
    ]


def _setting(leaves: Sequence[Leaf], asked: int, config: CapabilityConfig) -> str:
    first = leaves[0].config
    generated = first["output_type"] == "generate_until"
    shots = sorted({len(leaf.shots) for leaf in leaves})
    version = (first.get("metadata") or {}).get("version")
    return ", ".join(
        [
            f"{asked} of {sum(len(leaf.by_id) for leaf in leaves)} items",
            f"answers of at most {config.max_gen_toks} tokens" if generated else "options scored",
            f"{'-'.join(map(str, shots))}-shot (lm-eval: {first.get('num_fewshot') or 0})",
            "chat template",
            f"lm-eval task version {version}",
        ]
    )


@functools.cache
def _leaves(name: str, local: str | None) -> tuple[Leaf, ...]:
    return tuple(_leaf(task, config, local) for task, config in _configs(name).items())


def _leaf(task: str, config: Mapping[str, Any], local: str | None) -> Leaf:
    wanted = config.get("test_split") or config.get("validation_split")
    splits = _local(local) if local else _downloaded(config)
    # A copy of one file or split is what is asked, whatever it is called.
    asked = splits.get(str(wanted)) or (next(iter(splits.values())) if len(splits) == 1 else None)
    if not asked:
        raise DataError(
            f"the data of {task} must hold the split {wanted}",
            f"{local or config['dataset_path']} holds {', '.join(splits) or 'nothing'}",
            f"give a file with these items, or a folder with a file {wanted}.jsonl or .parquet",
        )
    from_split = config.get("fewshot_split") or config.get("training_split")
    others = [] if from_split == wanted else splits.get(str(from_split), [])
    try:
        rows, shots = _processed(config, asked), _shots(task, config, _processed(config, others))
        if rows and callable(config["doc_to_text"]):
            config["doc_to_text"](rows[0])
    except KeyError as error:
        raise DataError(
            f"rows of {task} must have the columns of {config['dataset_path']}",
            f"no column {error.args[0]}",
            "give a copy of the dataset as it is on the hub",
        ) from None
    if not rows:
        found = f"{len(asked)} rows, none of this task"
        raise DataError(f"the data of {task} must hold its items", found, "give a whole copy")
    by_id = dict(zip(identities(rows), rows, strict=True))
    return Leaf(task, _without_data(config), by_id, shots)


def _shots(task: str, config: Mapping[str, Any], rows: Rows) -> Rows:
    """As many examples as the task shows, or as there are; the same before every question."""
    n = min(config.get("num_fewshot") or 0, len(rows))
    if (config.get("fewshot_config") or {}).get("sampler") == "first_n":
        return rows[:n]
    return random.Random(f"shots/{task}").sample(list(rows), n)


def _processed(config: Mapping[str, Any], rows: Rows) -> list[dict[str, Any]]:
    """Rows as the task shapes them; GPQA's options in an order of our own."""
    import datasets

    process = config.get("process_docs")
    if process is None or not rows:
        return list(rows)
    if config["dataset_path"] == GPQA:
        from lm_eval.tasks.gpqa.zeroshot.utils import preprocess  # pyright: ignore[reportMissingImports]

        ids = identities(rows)
        return [with_options(row, i, preprocess) for row, i in zip(rows, ids, strict=True)]
    # In memory: nothing of a benchmark is written beside what was downloaded.
    return list(process(datasets.Dataset.from_list(list(rows))))


def _without_data(config: Mapping[str, Any]) -> dict[str, Any]:
    ours = ("dataset_path", "dataset_name", "dataset_kwargs", "process_docs", "tag", "group")
    shown = {**(config.get("fewshot_config") or {}), "sampler": "first_n"}
    kept = {key: value for key, value in config.items() if key not in ours}
    return {**kept, "fewshot_config": {k: v for k, v in shown.items() if k != "split"}}


@functools.cache
def _local(path: str) -> dict[str, Rows]:
    """Splits of a file, or of a folder laid out like a dataset; streamed, so nothing is copied."""
    from datasets import load_dataset

    where = Path(path).expanduser()
    try:
        if where.is_dir():
            found: Any = load_dataset(str(where), streaming=True)
        else:
            kind = "parquet" if where.suffix == ".parquet" else "json"
            found = load_dataset(kind, data_files={"asked": str(where)}, streaming=True)
        return {str(split): list(rows) for split, rows in found.items()}
    except Exception as error:
        raise DataError(
            "capability.local must name a JSON lines or parquet file, or a folder of them",
            f"{path}: {type(error).__name__}",  # Without its text, which may quote an item.
            "give a file or folder that is there and can be read",
        ) from error


def _downloaded(config: Mapping[str, Any]) -> dict[str, Rows]:
    options = json.dumps(config.get("dataset_kwargs") or {}, sort_keys=True)
    return _from_hub(config["dataset_path"], config.get("dataset_name"), options)


@functools.cache
def _from_hub(path: str, subset: str | None, options: str) -> dict[str, Rows]:
    from datasets import load_dataset

    try:
        found: Any = load_dataset(path, subset, **json.loads(options))
        return {str(split): list(rows) for split, rows in found.items()}
    except Exception as error:
        raise DataError(
            f"{path} must be in the Hugging Face cache or downloadable",
            type(error).__name__,
            f"accept its terms at https://huggingface.co/datasets/{path} if it is gated, set "
            "HF_TOKEN, check the network, or set capability.local to a copy on this machine",
        ) from error


@functools.cache
def _configs(name: str) -> dict[str, dict[str, Any]]:
    """lm-eval's configuration of each task that a name stands for."""
    index = _index(name)
    if name not in index:
        near = difflib.get_close_matches(name, [*builtin_tasks(), *index], n=5)
        raise DataError(
            "capability.tasks must name tasks of a3 or of lm-eval",
            name,
            f"choose e.g. {', '.join([*near, *builtin_tasks()])} (`lm-eval ls tasks` lists all)",
        )
    configs = {task: _config(index, task) for task in _members(index, name)}
    for task, config in configs.items():
        kind = config.get("output_type")
        if kind not in SUPPORTED or config.get("gen_prefix") or "class" in config:
            raise DataError(
                "a capability task must score options or generate answers, without a prefix",
                f"{task} is {kind}",
                f"choose another, e.g. mmlu_pro, gpqa_main_zeroshot, {builtin_tasks()[0]}",
            )
    return configs


def _index(name: str) -> dict[str, Any]:
    """lm-eval's tasks; those of the folder named like this one, as reading all takes 8 s."""
    import lm_eval.tasks
    from lm_eval.tasks import TaskManager

    root = Path(lm_eval.tasks.__file__).parent
    near = [f for f in root.iterdir() if f.is_dir() and f"{name}_".startswith(f"{f.name}_")]
    for folder in sorted(near, key=lambda f: -len(f.name)):
        index = TaskManager(include_path=str(folder), include_defaults=False).task_index
        if name in index:
            return index
    return TaskManager().task_index


def _members(index: Mapping[str, Any], name: str) -> Iterator[str]:
    config = _config(index, name)
    if "group" not in config or isinstance(config.get("task"), str):
        yield name
        return
    for member in config["task"]:
        if not isinstance(member, str) or member not in index:
            raise DataError(
                "a group of tasks must be a list of names",
                f"{name} holds {member}",
                "name its tasks one by one in capability.tasks",
            )
        yield from _members(index, member)


def _config(index: Mapping[str, Any], name: str) -> dict[str, Any]:
    from lm_eval.tasks._yaml_loader import load_yaml

    path = index[name].yaml_path
    if path is None:
        raise DataError(
            "a capability task must be a file of lm-eval's",
            f"{name} is a tag or made by code",
            "name the tasks that it stands for one by one in capability.tasks",
        )
    return load_yaml(path)
