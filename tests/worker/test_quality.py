"""Quality measures: what each one answers to, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gelombang.domain.face_evidence import MEASURES
from workers.gpu_face.faces import Face, Picture, Subject
from workers.gpu_face.stages.align import trace_meshes
from workers.gpu_face.stages.blink import measure_blinks
from workers.gpu_face.stages.decode import decode_picture
from workers.gpu_face.stages.detect import detect_faces
from workers.gpu_face.stages.quality import measure_faces, measure_light

pytestmark = pytest.mark.pack
NEEDS_A_MODEL = {"unified_quality", "blink_score"}
ONLY_OF_CARDS = {"text_line_count"}


def seen(pack, picture: Picture) -> tuple[Picture, Face]:
    (faces,) = detect_faces(pack, [picture])
    (face,) = trace_meshes(pack, [picture], [faces[0]])
    return picture, face


def measures_of(picture: Picture, face: Face) -> dict[str, float]:
    (measures,) = measure_faces([picture], [face])
    return measures


def repainted(picture: Picture, pixels: np.ndarray) -> Picture:
    return replace(picture, pixels=np.clip(pixels, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def woman(default_pack, one_woman) -> tuple[Picture, Face]:
    return seen(default_pack, Picture(one_woman, Subject.SELFIE))


def test_every_measure_the_contract_names_is_taken_and_no_other(woman) -> None:
    picture, face = woman
    card = replace(picture, subject=Subject.KTP)

    assert set(measures_of(card, face)) == set(MEASURES) - NEEDS_A_MODEL
    assert set(measures_of(picture, face)) == set(MEASURES) - NEEDS_A_MODEL - ONLY_OF_CARDS


def test_faces_measured_together_are_measured_as_alone(default_pack, selfies) -> None:
    faces = [seen(default_pack, picture) for picture in selfies]

    together = measure_faces([picture for picture, _ in faces], [face for _, face in faces])

    assert together == [measures_of(picture, face) for picture, face in faces]


@pytest.mark.parametrize("times", [2, 3, 5])
def test_sharpness_and_light_hardly_depend_on_the_size_of_the_face(woman, times: int) -> None:
    picture, face = woman
    pixels = cv2.resize(picture.pixels, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
    larger = replace(face, box=face.box * times, points=face.points * times, mesh=face.mesh * times)

    small, large = measures_of(picture, face), measures_of(Picture(pixels, Subject.SELFIE), larger)

    assert large["sharpness"] == pytest.approx(small["sharpness"], rel=0.12)
    assert large["brightness"] == pytest.approx(small["brightness"], abs=2)
    assert large["face_share"] == pytest.approx(small["face_share"], abs=0.001)
    assert large["eye_distance_px"] == pytest.approx(small["eye_distance_px"] * times, rel=0.01)


def test_sharpness_falls_with_every_step_of_blur(woman) -> None:
    picture, face = woman
    sharpness = [
        measures_of(repainted(picture, cv2.GaussianBlur(picture.pixels, (0, 0), sigma)), face)["sharpness"]
        for sigma in (0.3, 1, 2, 3, 5)
    ]

    assert sharpness == sorted(sharpness, reverse=True)
    assert sharpness[-1] < sharpness[0] / 8


@pytest.mark.parametrize("across_deg", [0, 45, 90, 135])
def test_a_face_smeared_in_one_direction_is_not_sharp(woman, across_deg: int) -> None:
    picture, face = woman
    line = np.zeros((9, 9), np.float32)
    line[4] = 1 / 9
    kernel = cv2.warpAffine(line, cv2.getRotationMatrix2D((4, 4), across_deg, 1), (9, 9))

    smeared = repainted(picture, cv2.filter2D(picture.pixels, -1, kernel / kernel.sum()))

    assert measures_of(smeared, face)["sharpness"] < measures_of(picture, face)["sharpness"] / 3


@settings(max_examples=20)
@given(gain=st.floats(0.3, 1.0), contrast=st.floats(0.4, 1.0))
def test_sharpness_depends_neither_on_light_nor_on_contrast(woman, gain: float, contrast: float) -> None:
    picture, face = woman
    dull = (picture.pixels.astype(np.float32) - 110) * contrast + 110

    changed = measures_of(repainted(picture, dull * gain), face)

    assert changed["sharpness"] == pytest.approx(measures_of(picture, face)["sharpness"], rel=0.1)


def test_a_picture_without_a_face_still_says_how_light_its_middle_is() -> None:
    burnt = Picture(np.full((80, 60, 3), 255, np.uint8), Subject.SELFIE)
    black_with_a_bright_edge = burnt.pixels.copy()
    black_with_a_bright_edge[8:] = 0

    white, black = measure_light(burnt), measure_light(replace(burnt, pixels=black_with_a_bright_edge))

    assert white == {"brightness": 255, "dark_share": 0, "bright_share": 1}
    assert black == {"brightness": 0, "dark_share": 1, "bright_share": 0}


def test_a_dark_face_is_dark_and_not_also_blurred(woman) -> None:
    picture, face = woman

    light, dark = measures_of(picture, face), measures_of(repainted(picture, picture.pixels * 0.15), face)

    assert dark["brightness"] < light["brightness"] / 5
    assert dark["dark_share"] > light["dark_share"] + 0.3
    assert dark["sharpness"] == pytest.approx(light["sharpness"], rel=0.3)


def test_an_overexposed_face_shows_in_its_bright_share(woman) -> None:
    picture, face = woman

    assert measures_of(repainted(picture, picture.pixels * 3.0), face)["bright_share"] > 0.5
    assert measures_of(picture, face)["bright_share"] < 0.05


def test_light_from_one_side_is_uneven(woman) -> None:
    picture, face = woman
    middle = face.points[:, 0].mean()
    shade = np.where(np.arange(picture.pixels.shape[1]) < middle, 0.3, 1.0)[None, :, None]

    even, uneven = measures_of(picture, face), measures_of(repainted(picture, picture.pixels * shade), face)

    assert uneven["uneven_light"] > 0.5
    assert even["uneven_light"] < 0.25


@pytest.mark.parametrize("tilt_deg", [-35, -15, 15, 35])
def test_a_tilted_head_shows_as_roll_and_not_as_a_turn(default_pack, woman, tilt_deg: int) -> None:
    picture, face = woman
    middle = tuple(float(v) for v in face.points.mean(axis=0))
    turn = cv2.getRotationMatrix2D(middle, -tilt_deg, 1)  # OpenCV turns anticlockwise
    tilted = repainted(picture, cv2.warpAffine(picture.pixels, turn, picture.pixels.shape[1::-1]))

    upright, measures = measures_of(picture, face), measures_of(*seen(default_pack, tilted))

    assert measures["roll_deg"] - upright["roll_deg"] == pytest.approx(tilt_deg, abs=5)
    assert measures["yaw_deg"] == pytest.approx(upright["yaw_deg"], abs=8)
    assert measures["pitch_deg"] == pytest.approx(upright["pitch_deg"], abs=8)


def test_yaw_changes_its_sign_in_the_mirror_and_pitch_does_not(default_pack, one_man) -> None:
    mirrored = Picture(np.ascontiguousarray(one_man[:, ::-1]), Subject.SELFIE)

    one, other = (
        measures_of(*seen(default_pack, picture)) for picture in (Picture(one_man, Subject.SELFIE), mirrored)
    )

    assert one["yaw_deg"] > 8  # he looks to the right of the picture
    assert other["yaw_deg"] == pytest.approx(-one["yaw_deg"], abs=6)
    assert other["pitch_deg"] == pytest.approx(one["pitch_deg"], abs=6)


def test_a_face_cut_off_by_the_edge_says_how_much_of_it_is_left(woman) -> None:
    picture, face = woman
    outline = face.mesh[:, 0]
    half_way = int((outline.min() + outline.max()) / 2)

    cut = measures_of(replace(picture, pixels=picture.pixels[:, :half_way]), face)

    assert cut["face_inside_share"] == pytest.approx(0.5, abs=0.05)
    assert measures_of(picture, face)["face_inside_share"] == 1


def test_lengths_are_in_pixels_of_the_file(woman) -> None:
    picture, face = woman

    reduced = measures_of(replace(picture, reduction=2), face)

    assert reduced["eye_distance_px"] == pytest.approx(
        2 * measures_of(picture, face)["eye_distance_px"], abs=1e-3
    )


def test_a_face_without_a_mesh_is_measured_as_far_as_it_can_be(woman) -> None:
    picture, face = woman

    measures = measures_of(picture, replace(face, mesh=None))

    needing_a_mesh = {"pitch_deg", "eye_openness"}
    assert set(measures_of(*woman)) - set(measures) == needing_a_mesh


def test_without_a_mesh_the_nose_tells_which_way_the_head_is_turned(woman) -> None:
    picture, face = woman
    aside = face.points.copy()
    aside[2, 0] += 0.4 * (face.points[1, 0] - face.points[0, 0])

    left, ahead, right = (
        measures_of(picture, replace(face, mesh=None, points=points))["yaw_deg"]
        for points in (2 * face.points - aside, face.points, aside)
    )

    assert left < -25
    assert abs(ahead) < 15
    assert right > 25


@pytest.mark.parametrize("place", [(-40, -40), (480, 480), (250, -60)])
def test_a_face_almost_outside_the_picture_is_measured_without_trouble(
    one_woman, place: tuple[int, int]
) -> None:
    points = np.array([(10, 20), (50, 20), (30, 40), (15, 55), (45, 55)], np.float32) + np.float32(place)
    face = Face(np.array([0, 0, 60, 75], np.float32) + np.float32(place * 2), 0.6, points)

    measures = measures_of(Picture(one_woman, Subject.SELFIE), face)

    assert all(np.isfinite(list(measures.values())))
    assert measures["face_inside_share"] < 0.6


def test_a_pack_without_a_model_for_it_says_nothing_of_blinks(default_pack, woman) -> None:
    assert measure_blinks(default_pack, [woman[1]]) == [{}]


@pytest.mark.shared
def test_a_face_without_a_mesh_says_nothing_of_blinks_and_leaves_the_others_alone(open_pack, selfies) -> None:
    faces = [seen(open_pack, picture)[1] for picture in selfies[:3]]

    together = measure_blinks(open_pack, [faces[0], replace(faces[1], mesh=None), faces[2]])

    assert together == [*measure_blinks(open_pack, faces[:1]), {}, *measure_blinks(open_pack, faces[2:])]
    assert all(0 <= found["blink_score"] <= 1 for found in (together[0], together[2]))


@pytest.mark.shared
def test_closed_eyes_and_turned_heads_stand_out_with_the_open_pack(open_pack, shared_folder) -> None:
    folder = shared_folder / "faces" / "faults"

    def of(label: str) -> dict[str, float]:
        (path,) = (folder / label).iterdir()
        return measures_of(*seen(open_pack, decode_picture(path.read_bytes(), Subject.SELFIE)))

    def blink(label: str) -> float:
        (path,) = (folder / label).iterdir()
        _, face = seen(open_pack, decode_picture(path.read_bytes(), Subject.SELFIE))
        (found,) = measure_blinks(open_pack, [face])
        return found["blink_score"]

    closed, open_ = (blink("close_eyes"), blink("open_eyes"))

    assert closed > 0.6
    assert open_ < 0.2
    assert of("close_eyes")["eye_openness"] < 0.1
    assert of("open_eyes")["eye_openness"] > 0.25
    assert of("pose_left_face")["yaw_deg"] < -25
    assert of("pose_right_face")["yaw_deg"] > 25
    assert of("pose_lower_face")["pitch_deg"] > 10
    assert of("pose_rise_face")["pitch_deg"] < -15
