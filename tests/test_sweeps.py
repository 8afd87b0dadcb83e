"""The sweep files: each command line they can make composes; agents really run them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from a3.config.compose import compose
from a3.methods.random_mix import shared_out
from a3.tracking import SWEEP_VARIABLES, place
from tests.conftest import CONF, ROOT
from tests.wandb_server import ENTITY, WandbServer, grid, values

FILES = sorted((ROOT / "sweeps").glob("*.yaml"))
METRICS = (ROOT / "docs/metrics.md").read_text()
DISTRIBUTIONS = {"uniform": float, "log_uniform_values": float, "int_uniform": int}
SMALL = {"model": "tiny", "budget": "smoke"}
UNANSWERED = {"ArtifactType", "ServerFeaturesQuery"}
"""What wandb asks of a server and does without."""


def read(path):
    return yaml.safe_load(path.read_text())


def points(sweep):
    """Every combination of a grid; of another sweep, as few as hold every value there is."""
    if sweep["method"] == "grid":
        return grid(sweep)
    every = {name: values(p) for name, p in sweep["parameters"].items()}
    return [
        {name: mine[i % len(mine)] for name, mine in every.items()}
        for i in range(max(map(len, every.values())))
    ]


def command_line(sweep, point):
    """The arguments after `python -m a3`, made by wandb's own code as an agent makes them."""
    from wandb.sdk.launch.sweeps import utils

    made = utils.create_sweep_command_args({"args": {k: {"value": v} for k, v in point.items()}})
    start = sweep["command"].index("a3") + 1
    found = []
    for part in sweep["command"][start:]:
        found += made[part[2:-1]] if part.startswith("${") else [part]
    return found


def test_there_are_sweeps():
    assert {f.stem for f in FILES} >= {"seeds", "methods", "hyperparameters", "models"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_command_line_composes(path):
    sweep = read(path)
    assert sweep["command"][:4] == ["${env}", "python", "-m", "a3"]
    assert "tracker=wandb" in sweep["command"]
    for point in points(sweep):
        config = compose(command_line(sweep, point), Path("unused"))
        assert config.tracker.name == "wandb"
        assert config.seed == point["seed"] and config.model.name == point["model"]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_it_optimises_what_is_logged_and_never_held_out_figures(path):
    sweep = read(path)
    metric = sweep["metric"]["name"]
    assert f"`{metric}`" in METRICS
    assert sweep["metric"]["goal"] == "minimize"
    # A grid visits every point whatever it finds; anything else steers by its metric.
    assert sweep["method"] == "grid" or metric == "objective"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_numbers_are_numbers(path):
    """YAML reads 1e-6 as text."""
    for name, parameter in read(path)["parameters"].items():
        if "distribution" in parameter:
            kind = DISTRIBUTIONS[parameter["distribution"]]
            assert {type(parameter["min"]), type(parameter["max"])} == {kind}, name
        else:
            kinds = {type(v) for v in values(parameter)}
            assert len(kinds) == 1, name


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_it_says_how_it_is_started(path):
    assert f"wandb sweep sweeps/{path.name}" in path.read_text().split("project:")[0]


def in_an_epoch_each(config):
    """Tokens of one epoch of every training."""
    if config.method.name == "random_mix":
        return config.trials * shared_out(config.budget, config.search, config.trials).epoch_tokens
    again = config.search.rerun_top * config.search.rerun_seeds
    short = config.trials - again
    return config.budget.epoch_tokens * (short + again * config.search.rerun_length)


@pytest.mark.parametrize("budget", ["quick", "standard"])
def test_the_rows_of_the_comparison_train_equally_much(budget):
    """Same epochs, same tokens in all, whatever is proposed."""
    sweep = read(ROOT / "sweeps/methods.yaml")
    rows = {
        name: compose([f"experiment={name}", f"budget={budget}"], Path("unused"))
        for name in sweep["parameters"]["experiment"]["values"]
    }
    assert set(rows) == {p.stem for p in (CONF / "experiment").glob("[!_]*.yaml")}
    assert {c.method.name for c in rows.values()} == {"a3", "none", "random_mix"}
    assert rows.pop("none").trials == 0
    for config in rows.values():
        fixed = config.search.space.dimensions
        assert fixed["epochs"].low == fixed["epochs"].high == config.search.default.epochs
    tokens = {name: in_an_epoch_each(c) for name, c in rows.items()}
    assert len(set(tokens.values())) == 1, tokens
    assert rows["template"].respond.source == "template"
    assert rows["random_search"].search.name == "random"


@pytest.fixture
def agent(monkeypatch, tmp_path):
    """The environment that an agent starts its run in."""
    asked = tmp_path / "config-run7.yaml"
    asked.write_text("wandb_version: 1\nseed:\n  value: 3\nsearch.default.epochs:\n  value: 2\n")
    for name, value in {
        "RUN_ID": "run7",
        "SWEEP_ID": "s1",
        "SWEEP_PARAM_PATH": str(asked),
        "PROJECT": "theirs",
        "ENTITY": "us",
    }.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    return tmp_path


def test_a_swept_run_reports_where_its_sweep_is(tiny_config, agent):
    found = place(tiny_config, agent, "ours")
    assert (found.run_id, found.project, found.entity, found.sweep_id) == (
        "run7",
        "theirs",
        "us",
        "s1",
    )
    assert found.parameters == {"seed": 3, "search.default.epochs": 2}


def test_trials_of_a_swept_run_do_not_find_the_sweep(tiny_config, agent):
    place(tiny_config, agent, "ours")
    assert not [name for name in os.environ if name in SWEEP_VARIABLES]


def test_a_swept_run_that_is_resumed_goes_on_in_its_wandb_run(tiny_config, agent):
    first = place(tiny_config, agent, "ours")
    assert not [name for name in os.environ if name in SWEEP_VARIABLES]  # As in another shell.
    assert place(tiny_config, agent, "ours") == first


def test_any_other_run_reports_as_configured(monkeypatch, tmp_path):
    for name in SWEEP_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    config = compose(["tracker=wandb", "tracker.project=mine", "tracker.entity=me"], tmp_path)
    found = place(config, tmp_path, "ours")
    assert (found.run_id, found.project, found.entity) == ("ours", "mine", "me")
    assert found.sweep_id is None and found.parameters == {}
    assert not list(tmp_path.iterdir())  # Its project may still be changed when it is resumed.


def wandb(*arguments, server, cwd):
    """The real command line of wandb, speaking to the loopback."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")}
    done = subprocess.run(
        [Path(sys.executable).with_name("wandb"), *arguments],
        cwd=cwd,
        env=clean
        | {
            "HOME": str(cwd),
            "TMPDIR": str(cwd),
            "PATH": f"{Path(sys.executable).parent}:{clean['PATH']}",
            "PYTHONPATH": str(ROOT),
            "WANDB_API_KEY": "l" * 40,
            "WANDB_BASE_URL": server.url,
            "WANDB_ENTITY": ENTITY,
            "WANDB_ERROR_REPORTING": "false",
        },
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def swept(name, cwd, count=1, **instead):
    """Some runs by `wandb sweep` and `wandb agent`: the server afterwards, the agent's output."""
    with WandbServer(SMALL | instead) as server:
        told = wandb("sweep", str(ROOT / "sweeps" / f"{name}.yaml"), server=server, cwd=cwd)
        agent = re.search(r"wandb agent (\S+)", told)
        assert agent and agent[1] == f"{ENTITY}/a3/sweep0"
        output = wandb("agent", "--count", str(count), agent[1], server=server, cwd=cwd)
    assert set(server.unknown) <= UNANSWERED
    return server, output


@pytest.mark.slow
def test_an_agent_runs_the_sweep_and_its_figures_arrive(tmp_path):
    server, output = swept("hyperparameters", tmp_path, **{"search.default.learning_rate": 4e-3})
    (run, asked), *more = server.handed.items()
    assert not more
    line = output.split("About to run command: ")[1].splitlines()[0]
    assert " -m a3 tracker=wandb " in line
    assert all(f"{key}={value}" in line for key, value in asked.items())

    (folder,) = (p.parent for p in tmp_path.glob("outputs/*/*/result.json"))
    config = json.loads((folder / "config.json").read_text())
    assert config["search"]["default"]["learning_rate"] == 4e-3

    arrived = server.runs[run]
    assert (arrived["entity"], arrived["project"], arrived["sweep"]) == (ENTITY, "a3", "sweep0")
    assert arrived["exit_code"] == 0 and arrived["job_type"] == "result"
    # What the server searches by: the sweep's parameters under the names of its file.
    assert asked.items() <= arrived["config"].items()
    written = json.loads((folder / "result.json").read_text())
    assert arrived["summary"]["objective"] == pytest.approx(written["objective"])
    assert arrived["summary"]["ood/sfr"] == pytest.approx(
        written["repaired"]["ood"]["sfr"]["value"]
    )

    trials = [r for r in server.runs.values() if r["job_type"] == "trial"]
    assert len(trials) == written["n_trials"] == 1
    assert not any("sweep" in t for t in trials)
    assert {(t["entity"], t["project"], t["group"]) for t in trials} == {
        (ENTITY, "a3", arrived["group"])
    }
    assert len(server.artifacts) == len(trials)


@pytest.mark.slow
def test_rows_of_the_comparison_arrive_that_which_trains_nothing_too(tmp_path):
    server, _ = swept("methods", tmp_path, count=2, seed=7)
    assert [asked["experiment"] for asked in server.handed.values()] == ["none", "random_mix"]
    for run, asked in server.handed.items():
        arrived = server.runs[run]
        assert arrived["exit_code"] == 0 and arrived["sweep"] == "sweep0"
        assert arrived["config"]["experiment"] == asked["experiment"]
        assert 0 <= arrived["summary"]["ood/sfr"] <= 1
    results = [json.loads(p.read_text()) for p in tmp_path.glob("outputs/*/*/result.json")]
    n_trials = {r["method"]: r["n_trials"] for r in results}
    assert n_trials == {"none": 0, "random_mix": 5} and len(server.artifacts) == 5
