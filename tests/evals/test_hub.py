"""Datasets by name: what stands in the way is told in one sentence, and samples are samples."""

import httpx2 as httpx
import huggingface_hub
import pytest
from datasets import Dataset
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

from a3.evals import hub


@pytest.fixture
def folder(tmp_path):
    """Three files of four row groups, thirty rows each."""
    for i in range(3):
        rows = [{"number": 30 * i + j} for j in range(30)]
        Dataset.from_list(rows).to_parquet(tmp_path / f"train-{i}.parquet", batch_size=8)
    return tmp_path


def answer(monkeypatch, error):
    def auth_check(self, repo_id, *, repo_type):
        assert (repo_id, repo_type) == ("org/name", "dataset")
        if error is not None:
            raise error

    monkeypatch.setattr(huggingface_hub.HfApi, "auth_check", auth_check)


def refused(kind, status):
    request = httpx.Request("GET", "https://huggingface.co")
    return kind("no", response=httpx.Response(status, request=request))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refused(GatedRepoError, 403), ("gated", "accept its terms", "datasets/org/name", "TOKEN")),
        (refused(RepositoryNotFoundError, 404), ("no dataset org/name", "HF_TOKEN")),
        (httpx.ConnectError("Name or service not known"), ("reached", "not known", "a file")),
        (TimeoutError(), ("reached", "TimeoutError", "a file")),
    ],
)
def test_each_reason_has_its_remedy(monkeypatch, error, words):
    answer(monkeypatch, error)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    reason = hub.why_not("org/name", "use a file")
    assert reason is not None
    for word in words:
        assert word in reason


def test_what_can_be_had_has_no_reason(monkeypatch, tmp_path):
    answer(monkeypatch, None)
    assert hub.why_not("org/name", "-") is None
    answer(monkeypatch, AssertionError("a folder and an offline hub are not asked for"))
    assert hub.why_not(str(tmp_path), "-") is None
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert hub.why_not("org/name", "-") is None


def numbers(folder, seed):
    rows = hub.stream(str(folder), None, "train", "main")
    return [row["number"] for row in hub.shuffled(rows, seed)]


def test_a_shuffled_stream_is_seeded_and_whole(folder, monkeypatch):
    assert numbers(folder, "a") == numbers(folder, "a") != numbers(folder, "b")
    assert sorted(numbers(folder, "a")) == list(range(90))


def test_a_sample_comes_from_seeded_shards_only(folder, monkeypatch):
    """Row groups, not files: the first rows of each file alone would be the first n."""
    monkeypatch.setattr(hub, "SHARDS", 4)
    found = numbers(folder, "a")
    groups = {(n // 30, n % 30 // 8) for n in found}
    assert len(groups) == 4 and {group for _, group in groups} != {0}
    assert {(n // 30, n % 30 // 8) for n in numbers(folder, "b")} != groups
    assert len({(n // 30, n % 30 // 8) for n in found[:4]}) == 4  # In turn, one of each.


def test_offline_what_was_downloaded_is_used(monkeypatch):
    import datasets

    asked = {}

    def load_dataset(path, name, **options):
        asked.update(path=path, name=name, **options)
        return Dataset.from_list([{"number": i} for i in range(40)])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    rows = hub.stream("org/name", "small", "train", "abc")
    assert sorted(row["number"] for row in hub.shuffled(rows, "s")) == list(range(40))
    assert asked == {
        "path": "org/name",
        "name": "small",
        "split": "train",
        "revision": "abc",
        "streaming": False,
    }
