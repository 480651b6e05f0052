"""The store on disk: kept over restarts and crashes, refused where damaged, and rid of whoever is erased."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gelombang.aws.clients import aws_client
from tests.worker.search_faces import photographs, strangers
from workers.gpu_face.search import store as store_module
from workers.gpu_face.search.engine import Int8Engine
from workers.gpu_face.search.quantise import to_exact
from workers.gpu_face.search.segments import DamagedSegmentError
from workers.gpu_face.search.snapshot import (
    FolderSnapshots,
    S3Snapshots,
    open_whole,
    snapshots_at,
    take_snapshot,
)
from workers.gpu_face.search.store import Store, StoreInUseError
from workers.gpu_face.stages.dedup import search_gallery

SIZE = 64
PEOPLE = strangers(1, 1500, SIZE)
ENGINE = Int8Engine()


def filled(folder: Path, count: int = 1300, tail_rows: int = 300) -> Store:
    """Return a store of the first so many people: four segments of 300, and the rest in the log."""
    store = Store(folder, "test-1", tail_rows)
    for i in range(count):
        store.append(f"person-{i}", 1000 + i, PEOPLE[i])
    store.note_read(5000)
    return store


def found(store: Store, *numbers: int) -> list[tuple]:
    probes = photographs(PEOPLE[list(numbers)], 2)
    return search_gallery(probes, ["me"] * len(probes), store, ENGINE)


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def traces_of(vector: np.ndarray) -> list[bytes]:
    """Return how a face looks in the log and in a segment; in a segment's codes it lies across its block."""
    return [vector.astype("<f4").tobytes(), to_exact(vector[None])[0].tobytes()]


def flip(path: Path, place: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_a_store_opened_again_answers_as_before(tmp_path) -> None:
    with filled(tmp_path) as store:
        before = found(store, 0, 299, 300, 1299)
        assert len(store.segments) == 4

    with Store(tmp_path, "test-1") as again:
        assert found(again, 0, 299, 300, 1299) == before
        assert len(again) == 1300
        assert again.read_until == 5000
        assert [candidates[0].application_id for candidates in before] == [
            f"person-{i}" for i in (0, 299, 300, 1299)
        ]


def test_where_faces_lie_makes_no_difference(tmp_path) -> None:
    with filled(tmp_path / "a") as a, filled(tmp_path / "b", tail_rows=70) as b, filled(tmp_path / "c") as c:
        c.compact()
        assert len(a.segments) != len(b.segments) != len(c.segments)

        assert found(a, 5, 400, 1200) == found(b, 5, 400, 1200) == found(c, 5, 400, 1200)


def test_a_flipped_byte_is_refused_with_the_name_of_its_segment(tmp_path) -> None:
    with filled(tmp_path) as store:
        names = [segment.name for segment in store.segments]
    damaged = sorted((tmp_path / names[2]).iterdir())

    for path in damaged:
        flip(path)
        with pytest.raises(DamagedSegmentError) as refused:
            Store(tmp_path, "test-1")
        assert refused.value.name == names[2]
        flip(path)

    with Store(tmp_path, "test-1") as store:
        assert len(store) == 1300


def test_a_flipped_byte_in_the_manifest_or_the_log_is_refused(tmp_path) -> None:
    filled(tmp_path).close()
    log = next(tmp_path.glob("log-*"))

    for path, place in ((tmp_path / "manifest.json", 20), (log, 60)):
        flip(path, place)
        with pytest.raises(DamagedSegmentError) as refused:
            Store(tmp_path, "test-1")
        assert refused.value.name == path.name
        flip(path, place)


def test_a_log_cut_anywhere_loses_only_what_was_being_written(tmp_path) -> None:
    filled(tmp_path / "whole", count=20).close()
    content = next((tmp_path / "whole").glob("log-*")).read_bytes()

    for end in range(0, len(content), 97):
        folder = tmp_path / "cut"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(tmp_path / "whole", folder)
        next(folder.glob("log-*")).write_bytes(content[:end])

        with Store(folder, "test-1") as store:
            assert len(store) == min(20, end * 20 // (len(content) - 27))
            assert store.read_until is None
            store.append("person-20", 1, PEOPLE[20])
        with Store(folder, "test-1") as again:
            assert again.find("person-20") is not None


@pytest.mark.parametrize("step", range(12))
def test_a_crash_at_any_step_of_writing_a_segment_leaves_a_store_that_opens(
    tmp_path, monkeypatch, step
) -> None:
    with filled(tmp_path, count=299) as store:
        monkeypatch.setattr(store_module, "sync", crash_after(step))
        monkeypatch.setattr("workers.gpu_face.search.segments.sync", store_module.sync)
        with pytest.raises(CrashError):
            enrol_until_the_end(store)
    monkeypatch.undo()

    with Store(tmp_path, "test-1") as again:
        count = len(again)
        assert count >= 299
        assert all(again.find(f"person-{i}") is not None for i in range(count))
        again.compact()
        assert found(again, 0, count - 1)[1][0].application_id == f"person-{count - 1}"
    assert not list(tmp_path.rglob("*.unfinished"))


def test_a_face_that_is_erased_is_not_found_and_after_compaction_not_on_disk(tmp_path) -> None:
    with filled(tmp_path) as store:
        sealed, newest = traces_of(PEOPLE[7]), traces_of(PEOPLE[1250])
        codes_before = store.segments[0].blocks.codes[0, :, 7].copy()
        assert any(trace in everything_in(tmp_path) for trace in sealed)
        assert any(trace in everything_in(tmp_path) for trace in newest)

        assert store.erase("person-7")
        assert store.erase("person-1250")

        names = {each.application_id for candidates in found(store, 7, 1250) for each in candidates}
        assert not {"person-7", "person-1250"} & names
        store.compact()
        content = everything_in(tmp_path)
        assert not any(trace in content for trace in [*sealed, *newest])
        codes = np.concatenate([segment.blocks.codes.transpose(0, 2, 1) for segment in store.segments])
        assert not (codes == codes_before).all(axis=2).any()
        assert b"person-7\0" not in content
        assert len(store) == 1298
        assert store.find("person-8") is not None


def test_an_erasure_outlives_a_restart(tmp_path) -> None:
    with filled(tmp_path) as store:
        store.erase("person-7")
        store.erase("person-1250")

    with Store(tmp_path, "test-1") as again:
        assert again.find("person-7") is None
        assert again.find("person-1250") is None
        assert not again.erase("person-7")
        again.seal()
    with Store(tmp_path, "test-1") as again:
        assert again.find("person-7") is None
        assert len(again) == 1298


def test_a_later_photograph_takes_the_place_of_the_earlier(tmp_path) -> None:
    with filled(tmp_path) as store:
        store.append("person-7", 9000, PEOPLE[1400])

        assert len(store) == 1300
        assert store.find("person-7")[0] == 9000
        assert found(store, 1400)[0][0].application_id == "person-7"
        store.compact()
        assert not any(trace in everything_in(tmp_path) for trace in traces_of(PEOPLE[7]))


@settings(max_examples=15, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["append", "append", "append", "erase", "seal", "compact", "reopen"]),
            st.integers(0, 11),
        ),
        max_size=60,
    )
)
def test_whatever_happens_in_whatever_order_the_store_is_what_a_dictionary_would_be(
    tmp_path_factory, steps
) -> None:
    folder, wanted = tmp_path_factory.mktemp("store"), {}
    store = Store(folder, "test-1", tail_rows=5)
    try:
        for i, (step, person) in enumerate(steps):
            match step:
                case "append":
                    store.append(f"person-{person}", i, PEOPLE[i])
                    wanted[f"person-{person}"] = i
                case "erase":
                    assert store.erase(f"person-{person}") == (
                        wanted.pop(f"person-{person}", None) is not None
                    )
                case "seal":
                    store.seal()
                case "compact":
                    store.compact()
                    assert store.is_compact()
                case _:
                    store.close()
                    store = Store(folder, "test-1", tail_rows=5)
        assert {name: store.find(name)[0] for name in wanted} == wanted
        assert len(store) == len(wanted)
        assert sum(part.alive.sum() for part in store.parts()) == len(wanted)
    finally:
        store.close()


def test_many_small_segments_become_one(tmp_path) -> None:
    with filled(tmp_path, count=360, tail_rows=20) as store:
        assert len(store.segments) <= store_module.SMALL_SEGMENTS
        assert len(store) == 360


def test_two_processes_cannot_hold_one_store(tmp_path) -> None:
    with filled(tmp_path, count=3), pytest.raises(StoreInUseError):
        Store(tmp_path, "test-1")


def test_a_store_of_another_release_is_refused(tmp_path) -> None:
    filled(tmp_path, count=3).close()

    with pytest.raises(ValueError, match="test-1"):
        Store(tmp_path, "test-2")


@pytest.fixture(params=["folder", "s3"])
def snapshots(request, tmp_path, monkeypatch):
    if request.param == "folder":
        yield FolderSnapshots(tmp_path / "snapshots")
        return
    from moto import mock_aws  # noqa: PLC0415 - only the tests on S3 wait for it

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_REGION", "ap-southeast-3")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = aws_client("s3")
        place = {"LocationConstraint": "ap-southeast-3"}
        client.create_bucket(Bucket="private", CreateBucketConfiguration=place)
        yield S3Snapshots("private", "gallery/test-1", client)


def test_a_damaged_segment_is_named_and_taken_from_the_snapshot(tmp_path, snapshots) -> None:
    with filled(tmp_path / "store") as store:
        take_snapshot(store, snapshots)
        before, name = found(store, 3, 1299), store.segments[0].name
        store.append("person-1300", 6000, PEOPLE[1300])
    flip(tmp_path / "store" / name / "codes.array")
    told: list[str] = []

    with open_whole(tmp_path / "store", "test-1", snapshots, told.append) as again:
        assert told == [name]
        assert found(again, 3, 1299) == before
        assert again.find("person-1300") is not None
        assert again.read_until == 5000


def test_a_store_whose_manifest_is_damaged_becomes_what_the_snapshot_is(tmp_path, snapshots) -> None:
    with filled(tmp_path / "store") as store:
        take_snapshot(store, snapshots)
        before = found(store, 3, 1299)
    flip(tmp_path / "store" / "manifest.json", 30)

    with open_whole(tmp_path / "store", "test-1", snapshots, lambda _: None) as again:
        assert found(again, 3, 1299) == before
        assert again.read_until == 5000


def test_a_damaged_snapshot_is_not_used(tmp_path) -> None:
    snapshots = FolderSnapshots(tmp_path / "snapshots")
    with filled(tmp_path / "store") as store:
        take_snapshot(store, snapshots)
        name = store.segments[0].name
    flip(tmp_path / "store" / name / "exact.array")
    flip(tmp_path / "snapshots" / name / "exact.array")
    told: list[str] = []

    with open_whole(tmp_path / "store", "test-1", snapshots, told.append) as again:
        assert set(told) == {name}
        assert len(again) == 0
        assert again.read_until is None


def test_without_a_snapshot_a_damaged_store_is_emptied_so_that_the_table_is_read(tmp_path) -> None:
    with filled(tmp_path) as store:
        name = store.segments[1].name
    flip(tmp_path / name / "names.array")

    with open_whole(tmp_path, "test-1", None, lambda _: None) as again:
        assert len(again) == 0
        assert again.read_until is None


def test_whoever_is_erased_is_in_no_later_snapshot(tmp_path, snapshots) -> None:
    with filled(tmp_path / "store") as store:
        take_snapshot(store, snapshots)
        assert any(traces_of(PEOPLE[7])[1] in snapshots.read(key) for key in snapshots.list_keys())
        store.erase("person-7")

        take_snapshot(store, snapshots)

    assert not any(traces_of(PEOPLE[7])[1] in snapshots.read(key) for key in snapshots.list_keys())
    with open_whole(tmp_path / "other", "test-1", snapshots, lambda _: None) as fresh:
        assert fresh.find("person-7") is None
        assert len(fresh) == 1299


def test_the_place_of_snapshots_is_a_folder_or_a_bucket(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("AWS_REGION", "ap-southeast-3")

    assert isinstance(snapshots_at(str(tmp_path)), FolderSnapshots)
    assert isinstance(snapshots_at("s3://private/gallery"), S3Snapshots)


def enrol_until_the_end(store: Store) -> None:
    for i in range(299, 1200):
        store.append(f"person-{i}", 1000 + i, PEOPLE[i])


class CrashError(Exception):
    """The process ended here."""


def crash_after(count: int):
    """Return a `sync` that ends the process the so-many-th time."""
    left = [count]

    def sync(_descriptor: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise CrashError

    return sync
