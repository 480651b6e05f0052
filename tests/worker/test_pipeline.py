"""The pipeline on real faces: a batch is the sum of its requests, and one bad photograph is nobody else's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from gelombang.domain.face_evidence import FaceEvidence, PhotoOutcome
from gelombang.memory.rows import MemoryRows
from gelombang.memory.vault import MemoryVault
from workers.gpu_face.faces import Face, Picture, Rejected, Subject
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.pipeline import (
    SELFIE_SIDE_PX,
    FaceRequest,
    check_faces,
    choose_face,
    measure_photographs,
)
from workers.gpu_face.stages.decode import REDUCED_SIDE_PX, decode_picture

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def jpeg(pixels: np.ndarray, quality: int = 90) -> bytes:
    done, content = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return content.tobytes()


def card(pixels: np.ndarray) -> bytes:
    """Return a card with the face of a picture as its small portrait."""
    paper = np.full((630, 1000, 3), (226, 208, 190), np.uint8)
    portrait = cv2.resize(pixels, (240, round(240 * pixels.shape[0] / pixels.shape[1])))
    paper[150 : 150 + portrait.shape[0], 720 : 720 + portrait.shape[1]] = portrait
    return jpeg(paper)


@pytest.fixture
def requests(selfies, one_woman) -> list[FaceRequest]:
    """One face check a person, each with the person's own card."""
    portraits = [*(selfie.pixels for selfie in selfies[:-1]), one_woman[0:240, 110:330]]
    return [
        FaceRequest(f"check-{i}", f"person-{i}", jpeg(selfie.pixels), card(portrait))
        for i, (selfie, portrait) in enumerate(zip(selfies, portraits, strict=True))
    ]


def checked(pack, requests, rows: MemoryRows | None = None, now: datetime = NOON) -> list[FaceEvidence]:
    return check_faces(pack, Gallery(rows or MemoryRows(), pack.release, vault=MemoryVault()), requests, now)


def decode_whole(content: bytes, subject: Subject, _least_side_px: int) -> Picture | Rejected:
    return decode_picture(content, subject, REDUCED_SIDE_PX)


def as_numbers(evidence: FaceEvidence) -> list[float]:
    photos = [evidence.selfie.measures, evidence.ktp.measures]
    return [evidence.similarity or 0.0, *(value for photo in photos for _, value in sorted(photo.items()))]


@pytest.mark.pack
def test_every_person_is_like_their_own_card_and_unlike_the_others(default_pack, requests) -> None:
    found = checked(default_pack, requests)
    swapped = checked(
        default_pack,
        [replace(request, ktp=requests[i - 1].ktp) for i, request in enumerate(requests)],
    )

    assert [evidence.selfie.outcome for evidence in found] == [PhotoOutcome.ASSESSED] * len(requests)
    assert [evidence.ktp.outcome for evidence in found] == [PhotoOutcome.ASSESSED] * len(requests)
    assert (
        min(evidence.similarity for evidence in found)
        > max(evidence.similarity for evidence in swapped) + 0.03
    )


@pytest.mark.pack
def test_a_batch_finds_what_its_requests_find_one_by_one(default_pack, requests) -> None:
    together = checked(default_pack, requests)

    alone = [checked(default_pack, [request])[0] for request in requests]

    for one, other in zip(together, alone, strict=True):
        assert (
            replace(one, selfie=other.selfie, ktp=other.ktp, similarity=other.similarity, candidates=())
            == other
        )
        # Convolutions over a batch add up in another order: at most the fourth digit moves.
        assert np.allclose(as_numbers(one), as_numbers(other), rtol=2e-3, atol=2e-3)


@pytest.mark.pack
def test_two_lanes_find_what_one_finds(default_pack, requests) -> None:
    one, two = (checked(replace(default_pack, lanes=lanes), requests) for lanes in (1, 2))

    assert one == two


@pytest.mark.pack
def test_a_selfie_decoded_smaller_gives_the_measures_of_the_whole(default_pack, one_woman) -> None:
    large = jpeg(cv2.resize(one_woman, (1536, 1536), interpolation=cv2.INTER_CUBIC))

    (reduced,) = measure_photographs(default_pack, [(large, Subject.SELFIE)])
    (whole,) = measure_photographs(default_pack, [(large, Subject.SELFIE)], decode_whole)

    assert (reduced.photo.width_px, reduced.photo.height_px) == (1536, 1536)
    assert float(reduced.vector @ whole.vector) > 0.99
    for name, value in whole.photo.measures.items():
        assert reduced.photo.measures[name] == pytest.approx(value, rel=0.1, abs=1.0), name


@pytest.mark.pack
def test_a_small_face_is_measured_in_the_picture_decoded_larger(default_pack, one_woman) -> None:
    scene = np.full((1200, 1600, 3), (180, 190, 200), np.uint8)
    scene[100:1100, 300:1300] = cv2.resize(one_woman, (1000, 1000))
    sides: list[int] = []

    def noted(content: bytes, subject: Subject, least_side_px: int) -> Picture | Rejected:
        sides.append(least_side_px)
        return decode_picture(content, subject, least_side_px)

    (found,) = measure_photographs(default_pack, [(jpeg(scene), Subject.SELFIE)], noted)
    (whole,) = measure_photographs(default_pack, [(jpeg(scene), Subject.SELFIE)], decode_whole)

    assert sides == [SELFIE_SIDE_PX, REDUCED_SIDE_PX]
    assert float(found.vector @ whole.vector) > 0.99
    assert found.photo.measures["sharpness"] == pytest.approx(whole.photo.measures["sharpness"], rel=0.1)


@pytest.mark.pack
def test_bad_photographs_leave_the_rest_of_the_batch_alone(default_pack, requests) -> None:
    first, second, third, fourth = requests[:4]
    blank = jpeg(np.full((800, 600, 3), 128, np.uint8))

    found = checked(
        default_pack,
        [
            replace(first, selfie=first.selfie[: len(first.selfie) // 2]),
            second,
            replace(third, selfie=b"%PDF-1.7", ktp=b""),
            replace(fourth, ktp=blank),
        ],
    )

    assert [evidence.selfie.outcome.value for evidence in found] == [
        "UNREADABLE",
        "ASSESSED",
        "UNREADABLE",
        "ASSESSED",
    ]
    assert [evidence.ktp.outcome.value for evidence in found] == [
        "ASSESSED",
        "ASSESSED",
        "UNREADABLE",
        "NO_FACE",
    ]
    assert [evidence.similarity is None for evidence in found] == [True, False, True, True]
    assert np.allclose(
        as_numbers(found[1]), as_numbers(checked(default_pack, [second])[0]), rtol=2e-3, atol=2e-3
    )


@pytest.mark.pack
def test_a_batch_of_nothing_but_bad_photographs_is_answered(default_pack) -> None:
    (evidence,) = checked(default_pack, [FaceRequest("check", "person", b"", b"no picture")])

    assert evidence.selfie.outcome is evidence.ktp.outcome is PhotoOutcome.UNREADABLE
    assert evidence.candidates == ()
    assert checked(default_pack, []) == []


@pytest.mark.pack
def test_a_blurred_dark_and_tilted_selfie_shows_all_three_at_once(default_pack, one_woman, requests) -> None:
    turn = cv2.getRotationMatrix2D((224.0, 102.0), -25, 1)
    tilted = cv2.warpAffine(one_woman, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    spoiled = cv2.GaussianBlur(tilted, (0, 0), 3.5) * 0.22
    request = FaceRequest("check", "person", jpeg(spoiled.astype(np.uint8)), requests[7].ktp)

    good, bad = (evidence.selfie.measures for evidence in checked(default_pack, [requests[7], request]))

    assert bad["sharpness"] < good["sharpness"] / 2
    assert bad["brightness"] < good["brightness"] / 3
    assert bad["roll_deg"] > good["roll_deg"] + 15  # blur makes the mesh unsure by some degrees


@pytest.mark.pack
def test_a_selfie_too_dark_for_the_detector_is_measured_as_dark(default_pack, selfies, requests) -> None:
    night = (selfies[0].pixels * 0.06).astype(np.uint8)

    (evidence,) = checked(default_pack, [replace(requests[0], selfie=jpeg(night, quality=98))])

    assert evidence.selfie.outcome is PhotoOutcome.ASSESSED
    assert evidence.selfie.measures["brightness"] < 20


@pytest.mark.pack
def test_one_face_under_two_applications_names_each_to_the_other(default_pack, requests, selfies) -> None:
    twin = replace(
        requests[1], face_check_id="twin", application_id="twin", selfie=jpeg(selfies[1].pixels, 80)
    )

    found = {evidence.application_id: evidence for evidence in checked(default_pack, [*requests, twin])}

    best = {name: evidence.candidates[0] for name, evidence in found.items()}
    assert best["person-1"].application_id == "twin"
    assert best["twin"].application_id == "person-1"
    assert best["twin"].similarity > 0.97
    strangers = [candidate.similarity for name, candidate in best.items() if name not in ("twin", "person-1")]
    assert max(strangers) < 0.95


@pytest.mark.pack
def test_of_two_workers_the_later_sees_whom_the_earlier_enrolled(default_pack, requests) -> None:
    rows, vault = MemoryRows(), MemoryVault()
    earlier, later = (Gallery(rows, default_pack.release, vault=vault) for _ in range(2))
    for gallery in (earlier, later):
        gallery.refresh(NOON)
    twin = replace(requests[0], face_check_id="twin", application_id="twin")

    check_faces(default_pack, earlier, requests[:1], NOON)
    (evidence,) = check_faces(default_pack, later, [twin], NOON + timedelta(seconds=1))

    assert [candidate.application_id for candidate in evidence.candidates] == ["person-0"]


@pytest.mark.pack
def test_checking_again_finds_the_same_and_enrols_nobody_twice(default_pack, requests) -> None:
    rows = MemoryRows()
    first = checked(default_pack, requests[:3], rows)

    again = checked(default_pack, requests[:3], rows)

    assert again == first
    assert len(rows.read_partition(f"GALLERY#{default_pack.release}")) == 3


@pytest.mark.pack
def test_a_group_is_no_selfie_and_a_card_in_the_hand_is(default_pack, six_people, one_woman) -> None:
    crowd = six_people[0:560, 420:1280]
    holding = cv2.resize(one_woman, None, fx=2, fy=2)
    portrait = cv2.resize(six_people[220:440, 420:620], (100, 110))
    holding[850:960, 200:300] = portrait
    requests = [
        FaceRequest(name, name, jpeg(pixels), b"")
        for name, pixels in (("crowd", crowd), ("holding", holding))
    ]

    crowd_found, holding_found = (evidence.selfie for evidence in checked(default_pack, requests))

    assert (crowd_found.outcome, crowd_found.width_px) == (PhotoOutcome.MANY_FACES, 860)
    assert crowd_found.face_count > 1
    assert holding_found.outcome is PhotoOutcome.ASSESSED


def face(width: float, score: float = 0.9) -> Face:
    points = np.zeros((5, 2), np.float32)
    return Face(np.array([10, 10, 10 + width, 10 + width * 1.2], np.float32), score, points)


def picture(subject: Subject) -> Picture:
    return Picture(np.zeros((400, 300, 3), np.uint8), subject, reduction=2)


def test_a_selfie_is_about_its_largest_face_unless_another_is_comparable() -> None:
    holder, portrait, friend = face(100), face(25), face(60)

    assert choose_face(picture(Subject.SELFIE), [portrait, holder]) is holder
    assert choose_face(picture(Subject.SELFIE), [holder, portrait, friend]) == Rejected(
        PhotoOutcome.MANY_FACES, 600, 800, face_count=3
    )


def test_a_card_is_about_its_best_face_however_many_patterns_look_like_one() -> None:
    portrait, emblem, ghost, frame = face(80, 0.9), face(95, 0.55), face(30, 0.95), face(150, 0.54)

    assert choose_face(picture(Subject.KTP), [emblem, ghost, frame, portrait]) is portrait


@pytest.mark.parametrize("width", [60, 150])
def test_what_is_far_less_sure_than_the_holder_is_no_second_face(width: float) -> None:
    holder, fold = face(100, 0.93), face(width, 0.6)

    assert choose_face(picture(Subject.SELFIE), [holder, fold]) is holder


def test_a_picture_without_a_face_says_how_large_its_file_is_and_how_dark() -> None:
    found = choose_face(picture(Subject.KTP), [])

    assert found == Rejected(
        PhotoOutcome.NO_FACE, 600, 800, measures={"brightness": 0, "dark_share": 1, "bright_share": 0}
    )


@pytest.mark.pack
@pytest.mark.parametrize("share", [0.2, 0.3])
def test_a_face_cut_off_by_the_edge_is_found_and_called_cropped(
    default_pack, one_woman, share: float
) -> None:
    cut = np.ascontiguousarray(one_woman[:, int(180 + 90 * share) :])

    (found,) = measure_photographs(default_pack, [(jpeg(cut), Subject.SELFIE)])

    assert found.photo.measures["face_inside_share"] < 0.98


@pytest.mark.shared
def test_two_photographs_of_one_person_are_alike_with_either_pack(
    default_pack, open_pack, shared_folder
) -> None:
    people = [sorted(person.iterdir()) for person in sorted((shared_folder / "faces" / "dev").iterdir())]
    pairs = [photos[:2] for photos in people if len(photos) > 1][:12]
    requests = [
        FaceRequest(f"check-{i}", f"person-{i}", one.read_bytes(), other.read_bytes())
        for i, (one, other) in enumerate(pairs)
    ]

    for pack in (default_pack, open_pack):
        mated = [evidence.similarity for evidence in checked(pack, requests)]
        shifted = [replace(request, ktp=requests[i - 1].ktp) for i, request in enumerate(requests)]
        other = [evidence.similarity for evidence in checked(pack, shifted)]
        assert np.median(mated) > np.max(other)
