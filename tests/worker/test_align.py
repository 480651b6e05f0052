"""Meshes lie on faces, and chips show faces upright, wherever and however large the faces were."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.accuracy.turned_heads import turn_head
from workers.gpu_face.faces import Face, Picture, Subject
from workers.gpu_face.stages.align import align_faces, similarity, trace_meshes
from workers.gpu_face.stages.detect import detect_faces
from workers.gpu_face.stages.pose import head_pose

TEMPLATE = np.array([(40, 59), (87, 59), (64, 82), (45, 105), (84, 105)], np.float64)


@given(
    angle=st.floats(-np.pi, np.pi),
    scale=st.floats(0.05, 20),
    shift=st.tuples(st.floats(-3000, 3000), st.floats(-3000, 3000)),
)
def test_a_similarity_undoes_any_turn_scale_and_shift(angle, scale, shift):
    turn = scale * np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    moved = TEMPLATE @ turn.T + shift

    (matrix,) = similarity(moved[None], TEMPLATE)

    np.testing.assert_allclose(moved @ matrix[:, :2].T + matrix[:, 2], TEMPLATE, atol=1e-4)


def test_a_similarity_never_mirrors():
    mirrored = TEMPLATE * (-1, 1)

    (matrix,) = similarity(mirrored[None], TEMPLATE)

    assert np.linalg.det(matrix[:, :2]) > 0


def found(pack, pictures):
    return [faces[0] for faces in detect_faces(pack, pictures)]


def traced_in(pack, pixels):
    pictures = [Picture(pixels, Subject.SELFIE)]
    return trace_meshes(pack, pictures, found(pack, pictures))


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
def test_every_face_gets_a_mesh_inside_its_surroundings(default_pack, selfies):
    for face in trace_meshes(default_pack, selfies, found(default_pack, selfies)):
        assert face.mesh is not None
        assert face.mesh.shape == (468, 3)
        middle, size = face.mesh[:, :2].mean(axis=0), face.box[2:] - face.box[:2]
        assert (face.box[:2] < middle).all()
        assert (middle < face.box[2:]).all()
        assert np.linalg.norm(np.ptp(face.mesh[:, :2], axis=0)) < 1.5 * np.linalg.norm(size)


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
def test_a_batch_of_meshes_is_the_meshes_of_each(default_pack, selfies):
    faces = found(default_pack, selfies)

    together = trace_meshes(default_pack, selfies, faces)

    for picture, face, traced in zip(selfies, faces, together, strict=True):
        (alone,) = trace_meshes(default_pack, [picture], [face])
        np.testing.assert_allclose(alone.mesh, traced.mesh, atol=0.01)


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
def test_where_no_face_is_the_detectors_points_stay_and_no_mesh_is_given(default_pack):
    picture = Picture(np.full((200, 200, 3), 90, np.uint8), Subject.SELFIE)
    face = Face(np.array([50, 50, 150, 150], np.float32), 0.6, TEMPLATE.astype(np.float32) + 40)

    (traced,) = trace_meshes(default_pack, [picture], [face])

    assert traced is face


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
@pytest.mark.parametrize("angle", [-30, 20, 45])
def test_a_tilted_head_gives_the_chip_of_an_upright_one(default_pack, one_woman, angle):
    upright = one_woman[:300, 80:380]
    turn = cv2.getRotationMatrix2D((150, 130), angle, 1.0)
    pictures = [Picture(p, Subject.SELFIE) for p in (upright, cv2.warpAffine(upright, turn, (300, 300)))]
    faces = trace_meshes(default_pack, pictures, found(default_pack, pictures))

    chips = align_faces(default_pack, pictures, faces).astype(np.float64)

    middle = chips[:, 30:120, 30:120]
    assert np.corrcoef(middle[0].ravel(), middle[1].ravel())[0, 1] > 0.9


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
def test_a_large_photograph_gives_the_chip_of_a_small_one(default_pack, one_woman):
    small = Picture(one_woman, Subject.SELFIE)
    large = Picture(cv2.resize(one_woman, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC), Subject.SELFIE)
    (face,) = found(default_pack, [small])
    larger = replace(face, box=face.box * 5, points=face.points * 5)

    chips = align_faces(default_pack, [small, large], [face, larger]).astype(np.float64)

    assert np.abs(chips[0] - chips[1]).mean() < 4


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
def test_no_faces_give_no_chips(default_pack):
    assert align_faces(default_pack, [], []).shape == (0, 150, 150, 3)
    assert trace_meshes(default_pack, [], []) == []


@pytest.mark.shared
def test_the_open_packs_mesh_agrees_with_the_default_packs(default_pack, open_pack, one_woman):
    picture = [Picture(one_woman, Subject.SELFIE)]

    (one,) = trace_meshes(default_pack, picture, found(default_pack, picture))
    (other,) = trace_meshes(open_pack, picture, found(open_pack, picture))

    eyes_px = np.linalg.norm(one.points[1] - one.points[0])
    assert np.linalg.norm(one.mesh[:, :2] - other.mesh[:468, :2], axis=1).mean() < 0.1 * eyes_px


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
@pytest.mark.parametrize("wanted_deg", [-45, 0, 40])
def test_a_head_is_seen_as_turned_as_it_is(default_pack, one_woman, wanted_deg):
    (face,) = traced_in(default_pack, one_woman)
    own_deg = head_pose(face.mesh)["yaw_deg"]

    (turned,) = traced_in(default_pack, turn_head(one_woman, face, wanted_deg - own_deg, 0.0))

    assert head_pose(turned.mesh)["yaw_deg"] == pytest.approx(wanted_deg, abs=8)


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
def test_heads_looking_aside_and_ahead_in_a_batch_are_traced_as_alone(default_pack, one_woman):
    (face,) = traced_in(default_pack, one_woman)
    pictures = [
        Picture(turn_head(one_woman, face, degrees, 0.0), Subject.SELFIE) for degrees in (0, 40, 0, -40)
    ]
    faces = found(default_pack, pictures)

    together = trace_meshes(default_pack, pictures, faces)

    for picture, each, traced in zip(pictures, faces, together, strict=True):
        (alone,) = trace_meshes(default_pack, [picture], [each])
        np.testing.assert_allclose(alone.mesh, traced.mesh, atol=0.05)
        np.testing.assert_allclose(alone.points, traced.points, atol=0.05)
