"""Liveness: a hint where the pack has models for it and the picture shows enough, and None elsewhere."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from workers.gpu_face.faces import Picture, Rejected, Subject
from workers.gpu_face.stages.align import trace_meshes
from workers.gpu_face.stages.decode import decode_picture
from workers.gpu_face.stages.detect import detect_faces
from workers.gpu_face.stages.liveness import assess_liveness


def assessed(pack, pictures):
    faces = [found[0] for found in detect_faces(pack, pictures)]
    return assess_liveness(pack, pictures, trace_meshes(pack, pictures, faces))


@pytest.mark.pack
def test_a_pack_without_liveness_models_says_nothing(default_pack, selfies) -> None:
    assert assessed(default_pack, selfies) == [None] * len(selfies)


@pytest.mark.shared
def test_only_selfies_with_room_around_the_face_are_assessed(open_pack, one_woman) -> None:
    selfie = Picture(one_woman, Subject.SELFIE)
    tight = Picture(np.ascontiguousarray(one_woman[40:185, 165:285]), Subject.SELFIE)

    answers = assessed(open_pack, [selfie, tight, replace(selfie, subject=Subject.KTP)])

    assert answers[0] is not None
    assert 0 <= answers[0] <= 1
    assert answers[1:] == [None, None]


@pytest.mark.shared
def test_a_batch_is_assessed_as_its_pictures_alone(open_pack, selfies) -> None:
    together = assessed(open_pack, selfies)

    alone = [assessed(open_pack, [selfie])[0] for selfie in selfies]

    assert [value is None for value in together] == [value is None for value in alone]
    assert np.allclose([v or 0 for v in together], [v or 0 for v in alone], atol=1e-3)


@pytest.mark.shared
def test_screens_look_less_alive_than_people(open_pack, shared_folder) -> None:
    folder = shared_folder / "faces" / "liveness"
    with (folder / "labels.csv").open() as lines:
        labels = [row for row in csv.DictReader(lines) if row["kind"] in ("selfie", "screen", "tablet")]
    pictures = [decode_picture((folder / row["file"]).read_bytes(), Subject.SELFIE) for row in labels]
    assert not any(isinstance(picture, Rejected) for picture in pictures)

    answers = assessed(open_pack, pictures)

    people = [answer for row, answer in zip(labels, answers, strict=True) if row["kind"] == "selfie"]
    screens = [answer for row, answer in zip(labels, answers, strict=True) if row["kind"] != "selfie"]
    assert len(people) > 5
    assert len(screens) > 3
    assert max(screens) < 0.1
    assert min(people) > 0.9
