"""The search through everybody sends what it found to reviewers: names in messages, and nothing else anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from gelombang import wiring
from gelombang.domain.errors import DependencyError
from gelombang.domain.messages import FaceClusterFound, QueueName, message_to_json
from gelombang.memory.ports import MemoryWorld
from tests.journey.walking import POINT, RELEASE, begin
from tests.worker.search_faces import photographs, strangers
from workers.gpu_face.search.__main__ import app
from workers.gpu_face.search.clusters import Cluster, messages_of
from workers.gpu_face.search.store import Store

PEOPLE = strangers(1, 300, 64)
THRESHOLD = POINT.same_person_min


@pytest.fixture
def world(tmp_path: Path) -> Iterator[MemoryWorld]:
    """Three hundred strangers, of whom the first two have a second photograph under another name."""
    with Store(tmp_path / "store", RELEASE, tail_rows=250) as store:
        for i, vector in enumerate(np.concatenate([PEOPLE, photographs(PEOPLE[:2], 2, 0.9)])):
            store.append(f"person-{i:03}", i, vector)
        store.note_read(1)
    (tmp_path / "wave.txt").write_text("\n".join(f"person-{i:03}" for i in range(50)))
    walk = begin()
    with wiring.wired_to(walk.ports, walk.programme):
        yield walk.world


def search(tmp_path: Path, *more: str, threshold: float = THRESHOLD, release: str = RELEASE) -> Result:
    folders = [str(tmp_path / "store"), release, str(tmp_path / "wave.txt"), str(tmp_path / "out")]
    return CliRunner().invoke(app, ["wave", *folders, "--threshold", str(threshold), *more])


def sent(world: MemoryWorld) -> list[FaceClusterFound]:
    taken = []
    while message := world.queues.take(QueueName.FACE_EVIDENCE):
        taken.append(message)
    return taken


def test_a_search_for_measuring_sends_nothing(tmp_path, world) -> None:
    result = search(tmp_path)

    assert "2 clusters" in result.output
    assert sent(world) == []


def test_every_cluster_is_sent_to_reviewers_with_its_names_alone_and_no_likeness_is_told(
    tmp_path, world
) -> None:
    result = search(tmp_path, "--to-reviewers")

    assert result.exit_code == 0, result.output
    messages = sent(world)
    assert {frozenset(message.application_ids) for message in messages} == {
        frozenset({"person-000", "person-300"}),
        frozenset({"person-001", "person-301"}),
    }
    assert {frozenset(json.loads(message_to_json(message))) for message in messages} == {
        frozenset({"application_ids"})
    }
    said = result.output + "".join(map(message_to_json, messages))
    likenesses = [str(row[2])[:5] for row in json.loads((tmp_path / "out" / "pairs.json").read_text())]
    assert likenesses
    assert not [each for each in likenesses if each in said]
    assert "person-" not in result.output


def test_begun_again_after_the_queue_was_away_it_sends_everything(tmp_path, world) -> None:
    down = replace(world.ports, queues=Down())
    with wiring.wired_to(down, begin().programme):
        result = search(tmp_path, "--to-reviewers")
    assert result.exit_code == 1
    assert "begin again" in result.output
    assert "person-" not in result.output

    assert search(tmp_path, "--to-reviewers").exit_code == 0

    assert len(sent(world)) == 2


class Down:
    """Queues out of reach."""

    def send(self, message: object, delay_s: int = 0) -> None:
        raise DependencyError("sqs", f"throttled after {delay_s} s of {type(message).__name__}")


def test_nobody_is_sent_to_reviewers_for_less_than_the_operating_point_says(tmp_path, world) -> None:
    for threshold, release in ((THRESHOLD - 0.01, RELEASE), (THRESHOLD, "bought-1")):
        result = search(tmp_path, "--to-reviewers", threshold=threshold, release=release)

        assert result.exit_code != 0
        assert not (tmp_path / "out").exists()
    assert sent(world) == []


@pytest.mark.usefixtures("world")
def test_the_names_of_a_wave_that_nobody_has_opened_are_not_written(tmp_path) -> None:
    result = CliRunner().invoke(app, ["names", "gelombang-0", str(tmp_path / "names.txt")])

    assert result.exit_code == 1
    assert "not done" in result.output
    assert not (tmp_path / "names.txt").exists()


def test_a_cluster_too_large_to_compare_is_sent_in_parts_around_its_medoid() -> None:
    others = [f"person-{i:02}" for i in range(16)]

    messages = messages_of([Cluster(("medoid", *others), 0.9, 1.0), Cluster(("a", "b"), 0.9, 1.0)])

    assert [len(message.application_ids) for message in messages] == [8, 8, 3, 2]
    assert [message.application_ids[0] for message in messages] == ["medoid"] * 3 + ["a"]
    assert [name for message in messages[:3] for name in message.application_ids[1:]] == others
