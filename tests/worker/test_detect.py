"""Faces are found, in their own picture and place, whatever the batch around them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from workers.gpu_face.faces import Picture, Subject
from workers.gpu_face.stages.detect import detect_faces

pytestmark = [pytest.mark.pack, pytest.mark.xdist_group("pack")]


def portrait_on_card(portrait: np.ndarray, width: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Return a card `width` px wide, with a portrait a fifth of it wide, and the middle of that portrait."""
    card = np.full((round(width * 0.63), width, 3), (226, 205, 168), np.uint8)
    side, left, top = width // 5, width * 3 // 4, width // 5
    card[top : top + side, left : left + side] = cv2.resize(
        portrait, (side, side), interpolation=cv2.INTER_AREA
    )
    for row in range(6):
        cv2.putText(
            card, "NAMA CONTOH SAJA", (20, 60 + row * 40), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 0), 2
        )
    return card, (left + side // 2, top + side // 2)


def holds(box: np.ndarray, place: tuple[int, int]) -> bool:
    return bool(box[0] < place[0] < box[2] and box[1] < place[1] < box[3])


def test_every_selfie_has_its_one_face(default_pack, selfies):
    found = detect_faces(default_pack, selfies)

    assert [len(faces) for faces in found] == [1] * len(selfies)


def test_a_picture_without_a_face_gives_an_empty_answer_and_leaves_its_neighbours_alone(
    default_pack, selfies
):
    nothing = Picture(np.full((300, 200, 3), 127, np.uint8), Subject.SELFIE)

    found = detect_faces(default_pack, [selfies[0], nothing, selfies[1]])

    assert [len(faces) for faces in found] == [1, 0, 1]


def test_no_pictures_give_no_answers(default_pack):
    assert detect_faces(default_pack, []) == []


def test_a_batch_finds_what_single_runs_find(default_pack, selfies):
    pictures = [*selfies, Picture(portrait_on_card(selfies[-1].pixels, 900)[0], Subject.KTP)]

    together = detect_faces(default_pack, pictures)

    for picture, faces in zip(pictures, together, strict=True):
        (alone,) = detect_faces(default_pack, [picture])
        assert len(alone) == len(faces)
        for one, other in zip(alone, faces, strict=True):
            np.testing.assert_allclose(one.box, other.box, atol=0.01)
            np.testing.assert_allclose(one.points, other.points, atol=0.01)


@pytest.mark.parametrize("width", [500, 900, 1800])
def test_the_small_portrait_of_a_card_is_found_in_its_place(default_pack, one_woman, width):
    card, place = portrait_on_card(one_woman[:260, 100:360], width)

    (faces,) = detect_faces(default_pack, [Picture(card, Subject.KTP)])

    assert len(faces) == 1
    assert holds(faces[0].box, place)


def test_all_six_people_of_a_group_are_found_once_each_through_tiles(default_pack, six_people):
    (faces,) = detect_faces(default_pack, [Picture(six_people, Subject.KTP)])

    assert len(faces) == 6


def test_the_largest_face_comes_first(default_pack, six_people):
    (faces,) = detect_faces(default_pack, [Picture(six_people, Subject.KTP)])

    areas = [float(np.prod(face.box[2:] - face.box[:2])) for face in faces]
    assert areas == sorted(areas, reverse=True)


def test_the_points_lie_where_a_face_has_them(default_pack, selfies):
    for (face,) in detect_faces(default_pack, selfies):
        eye, other_eye, nose, mouth, other_mouth = face.points

        assert eye[0] < other_eye[0]
        assert mouth[0] < other_mouth[0]
        assert max(eye[1], other_eye[1]) < nose[1] + 5
        assert min(mouth[1], other_mouth[1]) > nose[1] - 5


@pytest.mark.shared
def test_the_open_pack_finds_all_six_people_at_once(open_pack, six_people):
    (faces,) = detect_faces(open_pack, [Picture(six_people, Subject.SELFIE)])

    assert len(faces) == 6


@pytest.mark.shared
def test_the_open_pack_finds_in_a_batch_what_it_finds_alone(open_pack, selfies):
    together = detect_faces(open_pack, selfies)

    for picture, faces in zip(selfies, together, strict=True):
        (alone,) = detect_faces(open_pack, [picture])
        np.testing.assert_allclose([face.box for face in alone], [face.box for face in faces], atol=0.01)
