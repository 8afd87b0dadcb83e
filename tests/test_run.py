"""An open run: what is refused before it starts, and what its console shows."""

import json
import shutil
import sys

import pytest

from a3 import console, pipeline
from a3.errors import ConfigError
from a3.evals.capability import quiet
from a3.run import open_run
from tests.conftest import compose


@pytest.fixture
def rewriting(tiny_target, tmp_path):
    """The tiny model with a chat template that writes a turn with regard to later ones."""
    folder = shutil.copytree(tiny_target.folder, tmp_path / "rewriting")
    (folder / "chat_template.jinja").write_text(
        "{{ messages | length }}: {{ messages[-1].content }}"
    )
    return f"model.source.path={folder}"


def folder_model(path, *more):
    return compose("model=local", path, "agent=offline", "judge=rules", "budget=smoke", *more)


def test_a_template_that_cannot_be_trained_on_is_refused_before_explore(rewriting, tmp_path):
    with pytest.raises(ConfigError, match="rewrites earlier turns"):
        pipeline.run(folder_model(rewriting), tmp_path / "run", [])
    events = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    assert events and not [e for e in events if e["event"]["type"] == "stage_started"]


def test_without_training_any_template_will_do(rewriting, tmp_path):
    with open_run(folder_model(rewriting, "method=none"), tmp_path / "run", [], False) as run:
        assert run.context.target.tokenizer.chat_template.startswith("{{ messages | length }}")


def test_progress_is_shown_while_libraries_are_silenced(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(console, "PLAIN_EVERY_S", 0.0)
    config = compose("model=tiny", "budget=smoke")
    with open_run(config, tmp_path / "run", [], False) as run, quiet():
        sys.stdout.write("library says hello")
        run.context.observer.progress("capability", 60, 60)
    said = capsys.readouterr().out
    assert "capability: 60 of 60" in said and "hello" not in said
