"""The drill: fifty workers killed at random instants leave nothing unanswered and nothing answered twice.

`make drill-worker` kills a thousand; what is real in it is said in benchmarks/drills/worker.py.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.drills.durable_store import DurableStore
from gelombang.domain.errors import ConflictError
from gelombang.domain.messages import FaceEvidenceReady
from gelombang.journey.ports import Delete, Key, Put, Require, Row

ROOT = Path(__file__).resolve().parents[2]
GOALS = ("one-evidence", "told", "enrolled", "other-deaths")


@pytest.mark.pack
@pytest.mark.xdist_group("worker-process")
def test_fifty_kills_lose_and_double_nothing(default_pack: object) -> None:
    del default_pack  # built; the drill loads it itself
    drill = [sys.executable, "-m", "benchmarks.drills.worker", "--kills", "50", "--seed", "20261121"]

    done = subprocess.run(drill, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"goal {name} " in done.stdout for name in GOALS)
    assert "short" not in done.stdout


@pytest.fixture
def store(tmp_path: Path) -> DurableStore:
    store = DurableStore(tmp_path / "store.sqlite", visibility_s=0.2)
    store.create()
    return store


def test_the_drills_table_makes_a_commit_whole_or_not_at_all(store: DurableStore) -> None:
    first, second = Row(Key("a"), {"n": 1}), Row(Key("b"), {"n": 2})
    store.commit([Put(first)])

    with pytest.raises(ConflictError):
        store.commit([Put(second), Put(first)])
    with pytest.raises(ConflictError):
        store.commit([Put(second), Require(Key("a"), 2)])

    assert store.read(Key("b")) is None
    assert store.read(Key("a")) == Row(Key("a"), {"n": 1}, 1)
    store.commit([Delete(Key("a"), 1), Put(second)])
    assert [row.fields for row in store.read_partition("b")] == [{"n": 2}]
    assert store.read(Key("a")) is None


def test_the_drills_queue_delivers_again_what_nobody_deleted(store: DurableStore) -> None:
    store.put(["one", "two"])
    first = store.receive(10, 0)
    store.delete(first[:1])
    assert store.receive(10, 0) == []

    (again,) = store.receive(10, 5)

    assert (again.body, again.receive_count) == ("two", 2)
    store.delete(first[1:])  # an old receipt is worth nothing
    assert store.waiting() == 1
    store.give_back([again])
    assert [message.receive_count for message in store.receive(10, 0)] == [3]


def test_the_drills_store_keeps_what_was_told(store: DurableStore) -> None:
    store.send(FaceEvidenceReady("f", "a"))

    assert [message["application_id"] for message in store.told()] == ["a"]
