"""The wave: every pair above the threshold and none below, resumed by unit after a crash."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.worker.search_faces import photographs, strangers
from workers.gpu_face.search import wave as wave_module
from workers.gpu_face.search.__main__ import app
from workers.gpu_face.search.engine import Int8Engine
from workers.gpu_face.search.memory import MemoryStore
from workers.gpu_face.search.store import Store
from workers.gpu_face.search.wave import WaveProbes, join_wave

SIZE, THRESHOLD = 64, 0.45
ENGINE = Int8Engine()


@pytest.fixture
def store(tmp_path):
    """1,200 strangers in four segments and a tail, and second photographs of the first ten."""
    with Store(tmp_path / "store", "test-1", tail_rows=250) as store:
        for i, vector in enumerate(np.concatenate([PEOPLE, photographs(PEOPLE[:10], 2)])):
            store.append(f"person-{i:04}", i, vector)
        store.note_read(1)
        yield store


PEOPLE = strangers(1, 1200, SIZE)


def wave_of(store: Store, *numbers: int) -> WaveProbes:
    names = [f"person-{i:04}" for i in numbers]
    return WaveProbes(names, np.stack([store.find(name)[1] for name in names]))


def told(pairs) -> set[tuple[str, str]]:
    return {
        (a.decode(), b.decode()) for a, b in zip(pairs.firsts.tolist(), pairs.seconds.tolist(), strict=True)
    }


def wanted(probes: WaveProbes, store: Store, everyone: int = 1210) -> set[tuple[str, str]]:
    names = [f"person-{i:04}" for i in range(everyone)]
    gallery = np.stack([store.find(name)[1] for name in names])
    alike = probes.vectors @ gallery.T >= THRESHOLD
    pairs = ((probes.names[i], names[j]) for i, j in zip(*np.nonzero(alike), strict=True))
    return {(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]}


def test_every_pair_above_the_threshold_is_stored_once_and_none_below(store, tmp_path) -> None:
    probes = wave_of(store, *range(200), *range(1200, 1210))

    pairs = join_wave(probes, store, THRESHOLD, tmp_path / "work", ENGINE, threads=2)

    assert told(pairs) == wanted(probes, store)
    assert {(f"person-{i:04}", f"person-{1200 + i}") for i in range(10)} <= told(pairs)
    assert len(pairs) == len(told(pairs))
    assert (pairs.similarities >= THRESHOLD - 1e-6).all()


def test_probes_that_are_not_enrolled_are_compared_with_the_gallery_and_with_each_other(
    store, tmp_path
) -> None:
    new = photographs(PEOPLE[50:51], 5)
    probes = WaveProbes(["new-a", "new-b", "person-0007"], np.concatenate([new, new, PEOPLE[7:8]]))

    pairs = join_wave(probes, store, THRESHOLD, tmp_path / "work", ENGINE)

    assert {
        ("new-a", "new-b"),
        ("new-a", "person-0050"),
        ("new-b", "person-0050"),
        ("person-0007", "person-1207"),
    } <= told(pairs)


def test_an_erased_person_is_in_no_pair(store, tmp_path) -> None:
    store.erase("person-1203")

    pairs = join_wave(wave_of(store, 3, 4), store, THRESHOLD, tmp_path / "work", ENGINE)

    assert "person-1203" not in {name for pair in told(pairs) for name in pair}
    assert ("person-0004", "person-1204") in told(pairs)


@pytest.mark.parametrize("units", [0, 1, 5, 11])
def test_work_that_was_interrupted_goes_on_with_the_units_that_are_missing(
    store, tmp_path, monkeypatch, units
) -> None:
    monkeypatch.setattr(wave_module, "CHUNK", 20)
    probes = wave_of(store, *range(300))
    whole = join_wave(probes, store, THRESHOLD, tmp_path / "whole", ENGINE)
    seen: list[tuple[int, int]] = []

    def progress(done: int, of: int) -> None:
        seen.append((done, of))
        if len(seen) == units + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        join_wave(probes, store, THRESHOLD, tmp_path / "work", ENGINE, progress=progress)
    there = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").glob("unit-*.npz")}
    pairs = join_wave(
        probes, store, THRESHOLD, tmp_path / "work", ENGINE, progress=lambda *each: seen.append(each)
    )

    assert len(there) >= units
    assert all(path.stat().st_mtime_ns == at for path, at in there.items())
    assert seen[-1] == (15, 15)
    assert told(pairs) == told(whole)
    assert pairs.similarities.tolist() == whole.similarities.tolist()


def test_a_folder_with_other_work_is_refused(store, tmp_path) -> None:
    join_wave(wave_of(store, 1, 2), store, THRESHOLD, tmp_path / "work", ENGINE)
    store.erase("person-0500")

    for probes, threshold in ((wave_of(store, 1, 2), THRESHOLD), (wave_of(store, 1), 0.5)):
        with pytest.raises(ValueError, match="work"):
            join_wave(probes, store, threshold, tmp_path / "work", ENGINE)


def test_an_empty_gallery_still_compares_the_wave_with_itself(tmp_path) -> None:
    probes = WaveProbes(["a", "b"], np.repeat(PEOPLE[:1], 2, axis=0))

    pairs = join_wave(probes, MemoryStore(), THRESHOLD, tmp_path, ENGINE)

    assert told(pairs) == {("a", "b")}


def test_an_operator_finds_pairs_and_clusters_of_a_wave_on_the_command_line(store, tmp_path) -> None:
    store.close()
    names = tmp_path / "wave.txt"
    names.write_text("person-0003\nperson-0004\nnobody\n")
    arguments = [
        "wave",
        str(tmp_path / "store"),
        "test-1",
        str(names),
        str(tmp_path / "out"),
        "--threshold",
        "0.6",
    ]

    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 0, result.output
    assert "2 of 3 are enrolled" in result.output
    clusters = json.loads((tmp_path / "out" / "clusters.json").read_text())
    assert [set(cluster["applications"]) for cluster in clusters] == [
        {"person-0003", "person-1203"},
        {"person-0004", "person-1204"},
    ] or [set(cluster["applications"]) for cluster in clusters] == [
        {"person-0004", "person-1204"},
        {"person-0003", "person-1203"},
    ]


def test_an_operator_compacts_takes_a_snapshot_and_restores_it(store, tmp_path) -> None:
    store.close()
    folder, place = str(tmp_path / "store"), str(tmp_path / "snapshot")

    for command in (["compact", folder], ["snapshot", folder], ["restore", str(tmp_path / "new")]):
        tail = [place] if command[0] != "compact" else []
        result = CliRunner().invoke(app, [command[0], command[1], "test-1", *tail])
        assert result.exit_code == 0, result.output
        assert "1210 faces" in result.output
