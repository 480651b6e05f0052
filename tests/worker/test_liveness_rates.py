"""Liveness rates count each species apart, and pictures are cut around the face to the room asked for."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy.liveness import LIVE, SpeciesRate, _with_room, species_rates
from workers.gpu_face.faces import Face, Picture, Subject

SCORES = [("screen", 0.9), ("screen", 0.1), ("screen", None), ("print", 0.2), (LIVE, 0.95), (LIVE, 0.4)]


def test_attacks_that_pass_and_living_people_who_do_not_are_wrong():
    assert species_rates(SCORES, 0.5) == [
        SpeciesRate("print", 0, 1, 0),
        SpeciesRate("screen", 1, 2, 1),
        SpeciesRate(LIVE, 1, 2, 0),
    ]


@pytest.mark.parametrize("live_min", [0.0, 0.3, 0.6, 1.0])
def test_a_stricter_threshold_never_lets_more_attacks_pass(live_min):
    looser, stricter = species_rates(SCORES, live_min), species_rates(SCORES, min(live_min + 0.3, 1.0))

    for before, after in zip(looser, stricter, strict=True):
        assert after.wrong >= before.wrong if before.species == LIVE else after.wrong <= before.wrong


def face_at(left: float, top: float, right: float, bottom: float) -> Face:
    mesh = np.zeros((468, 3), np.float32)
    mesh[0], mesh[1] = (left, top, 3), (right, bottom, 4)
    mesh[2:] = ((left + right) / 2, (top + bottom) / 2, 1)
    box = np.array((left, top, right, bottom), np.float32)
    return Face(box, 0.9, np.tile(box[:2], (5, 1)), mesh)


def test_a_picture_is_cut_to_the_room_and_the_face_moves_with_it():
    pixels = np.random.default_rng(3).integers(0, 255, (300, 200, 3)).astype(np.uint8)
    face = face_at(80, 100, 120, 160)

    cut, moved = _with_room(Picture(pixels, Subject.SELFIE), face, 1.5)

    assert cut.pixels.shape == (90, 60, 3)
    assert moved.mesh[0].tolist() == [10, 15, 3]
    assert np.array_equal(cut.pixels, pixels[85:175, 70:130])
    assert np.array_equal(moved.box - face.box, np.tile(moved.points[0] - face.points[0], 2))


def test_a_face_with_less_room_or_without_a_mesh_is_left_out():
    picture = Picture(np.zeros((300, 200, 3), np.uint8), Subject.SELFIE)

    assert _with_room(picture, face_at(20, 20, 180, 280), 1.5) is None
    assert _with_room(picture, face_at(-5, 20, 30, 50), 1.5) is None
    unmeshed = Face(np.zeros(4, np.float32), 0.9, np.zeros((5, 2), np.float32))
    assert _with_room(picture, unmeshed, 1.1) is None
