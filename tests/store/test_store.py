import os
import signal
import sqlite3
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a3.store import Artifacts, Cache, Store, append_line, fingerprint, read_lines, write_atomic


def test_once_makes_a_value_once(tmp_path):
    calls = []

    def make() -> list[int]:
        calls.append(1)
        return [1, 2]

    for _ in range(2):
        assert Store(tmp_path).once(("trial", 7), list[int], make) == [1, 2]
    assert len(calls) == 1
    assert Store(tmp_path).has(("trial", 7))


def test_a_failed_step_leaves_nothing_behind(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(ZeroDivisionError):
        store.once("explore", int, lambda: 1 // 0)
    assert not store.has("explore")
    assert store.once("explore", int, lambda: 3) == 3


def test_what_is_made_and_what_is_loaded_are_alike(tmp_path):
    store = Store(tmp_path)
    made = store.once("s", tuple[float, ...], lambda: (0.1, 1e-17))
    assert made == store.once("s", tuple[float, ...], lambda: ())
    assert type(made) is tuple


def test_a_folder_appears_only_when_complete(tmp_path):
    store = Store(tmp_path)

    def half(to):
        (to / "weights").write_text("half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        store.folder(("trial", 0), half)
    assert not (tmp_path / "adapters/trial/0").exists()
    done = store.folder(("trial", 0), lambda to: (to / "weights").write_text("whole"))
    assert (done / "weights").read_text() == "whole"
    assert store.folder(("trial", 0), half) == done
    assert store.relative(done) == "adapters/trial/0"


def test_a_discarded_folder_is_gone_whatever_a_kill_left(tmp_path):
    store = Store(tmp_path)
    kept, gone = (store.folder(("trial", n), lambda to: (to / "w").touch()) for n in (0, 1))
    (gone.parent / ".1.removed").mkdir()  # An attempt that was interrupted.
    for _ in range(2):
        store.discard(("trial", 1))
        assert [p.name for p in kept.parent.iterdir()] == ["0"]


def test_an_artifact_is_made_once_and_complete_from_the_start(tmp_path):
    made = []

    def fill(to):
        made.append(to)
        (to / "weights").write_text("whole")

    def half(to):
        (to / "weights").write_text("half")
        (to / "more").touch()
        raise RuntimeError("killed")

    artifacts = Artifacts(tmp_path / "trials")
    with pytest.raises(RuntimeError):
        artifacts.folder("abc", half)
    assert not artifacts.has("abc")
    for _ in range(2):
        folder = artifacts.folder("abc", fill)
        assert artifacts.has("abc") and not artifacts.has("abd")
        assert [p.name for p in folder.iterdir()] == ["weights"]
    assert len(made) == 1 and made[0] != folder


def test_two_processes_make_an_artifact_once(tmp_path):
    def fill(to):
        append_line(tmp_path / "made", str(os.getpid()))

    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            done = Artifacts(tmp_path / "trials").folder("abc", fill)
            os._exit(0 if done.is_dir() else 1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert len(read_lines(tmp_path / "made")) == 1


def test_keys_are_plain_names(tmp_path):
    with pytest.raises(ValueError, match="plain names"):
        Store(tmp_path).once("../out", int, lambda: 1)


def test_write_atomic_replaces_whole_files(tmp_path):
    path = tmp_path / "a" / "b.json"
    write_atomic(path, "one")
    write_atomic(path, "two")
    assert path.read_text() == "two"
    assert [p.name for p in path.parent.iterdir()] == ["b.json"]


def test_a_torn_last_line_is_dropped_and_the_next_line_is_whole(tmp_path):
    path = tmp_path / "log.jsonl"
    append_line(path, "one")
    with path.open("a") as file:
        file.write("tor")
    assert read_lines(path) == ["one"]
    append_line(path, "two")
    assert read_lines(path) == ["one", "two"]


def test_lines_of_several_processes_never_mix(tmp_path):
    path = tmp_path / "log.jsonl"
    children = []
    for name in "abc":
        child = os.fork()
        if child == 0:
            for _ in range(200):
                append_line(path, name * 500)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    lines = read_lines(path)
    assert len(lines) == 600 and all(len(set(line)) == 1 for line in lines)


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=30))
def test_the_cache_gives_back_what_was_put_first(entries):
    cache = Cache(None)
    cache._keeps = True  # In memory, but kept.
    cache.put(entries)
    cache.put(dict.fromkeys(entries, "later"))
    assert cache.get([*entries, "\0never"]) == entries


def test_a_cache_that_keeps_nothing():
    cache = Cache(None)
    cache.put({"a": "1"})
    assert cache.get(["a"]) == {}


def test_a_killed_writer_leaves_a_readable_cache(tmp_path):
    path = tmp_path / "c.sqlite"
    child = os.fork()
    if child == 0:
        cache = Cache(path)
        cache.put({"whole": "1"})
        cache._db.execute("BEGIN IMMEDIATE")
        cache._db.execute("INSERT INTO entries VALUES ('half', '2')")
        os.kill(os.getpid(), signal.SIGKILL)
        sys.exit()
    os.waitpid(child, 0)
    assert Cache(path).get(["whole", "half"]) == {"whole": "1"}


def test_fingerprints_tell_values_apart():
    assert fingerprint("a", [1, 2]) == fingerprint("a", [1, 2])
    assert fingerprint("a", "b") != fingerprint("ab")
    assert fingerprint({"x": 1, "y": 2}) == fingerprint({"y": 2, "x": 1})


def test_a_cache_that_another_run_is_just_making_is_waited_for(tmp_path, monkeypatch):
    other = sqlite3.connect(tmp_path / "cache", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waits = []

    def wait(seconds):
        waits.append(seconds)
        other.execute("COMMIT")

    monkeypatch.setattr("a3.store.cache.time.sleep", wait)
    cache = Cache(tmp_path / "cache")
    cache.put({"a": "1"})
    assert len(waits) == 1 and cache.get(["a"]) == {"a": "1"}


def test_a_cache_that_stays_locked_is_an_error(tmp_path, monkeypatch):
    other = sqlite3.connect(tmp_path / "cache", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("a3.store.cache._PATIENCE", -1.0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        Cache(tmp_path / "cache")
