"""The pipeline: what happens to the photographs of a batch of face checks, from bytes to evidence. Read this first.

    selfies and KTPs of all requests, side by side
      decode ─▶ detect ─▶ choose the subject's face ─▶ mesh ─▶ align ─▶ quality, liveness ─▶ embed
                                                                                               │
            evidence ◀── search the gallery (1:N) ◀── enrol the selfies ◀── match (1:1) ◀──────┘

Why it is cut so:

- Each stage takes everything that got as far as it and returns as many results, in order, so that models run once
  for the whole batch. A photograph that cannot go on is replaced by `Rejected`; the others never notice.
- A bad photograph is measured all the same: the applicant is told every fault at once, not one a day. Where no
  face is found a lightened copy is looked at, then one of even contrast with a margin, so that a dark, burnt or cut
  selfie is called so and not empty.
- Stages measure and nobody here decides. Whether a similarity is enough is the operating point's business.
- Enrol first, then search: of two workers that see the same face at the same moment, the later one finds it.
- A selfie may show two faces, the holder's and the portrait of the card in their hand; see `choose_face`.
- While one photograph is inferred the next is decoded, on as many lanes as the pack has; see `flow`. A selfie's JPEG is
  decoded no larger than its detection needs; only where the face turns out small is it decoded again for its details.

Input: FaceRequest with two encoded photographs. Output: one FaceEvidence a request, in order. The cost is that of
the models: per photograph one detection (a KTP: several, it is looked at in tiles), one mesh and one embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gelombang.domain.face_evidence import Candidate, FaceEvidence, PhotoEvidence, PhotoOutcome
from workers.gpu_face.faces import Face, Picture, Rejected, Subject
from workers.gpu_face.flow import GroupLimits, flow
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.models import Pack
from workers.gpu_face.sessions import run_sizes
from workers.gpu_face.stages.align import align_faces, trace_meshes
from workers.gpu_face.stages.blink import measure_blinks
from workers.gpu_face.stages.decode import REDUCED_SIDE_PX, decode_picture
from workers.gpu_face.stages.detect import detect_faces
from workers.gpu_face.stages.embed import embed_faces
from workers.gpu_face.stages.lighten import even_out, lighten, with_margin, without_margin
from workers.gpu_face.stages.liveness import assess_liveness
from workers.gpu_face.stages.match import compare_faces
from workers.gpu_face.stages.quality import measure_faces, measure_light

# A second face at least this wide beside the largest makes a selfie ambiguous. The portrait on a card held at
# arm's length is a fifth to a third as wide as its holder's face, somebody behind the holder about half.
COMPARABLE_WIDTH = 0.6
# A face this much less sure than the surest of a selfie is none: folds of cloth and patterns. Of 190 pairs of people
# side by side one is less sure, of 15 second faces in ordinary selfies and in drawn hijabs 9 are (2026-11-21).
LEAST_SURE = 0.75
SELFIE_SIDE_PX = 480  # what is left of a selfie's shorter side when it is decoded smaller than it is
# Between the eyes, in a selfie decoded smaller: a nearer pair is decoded again. The chips of the embedders have 47 to
# 57 px there and the copy that light and sharpness are measured on has 48.
ENOUGH_EYES_PX = 64.0
# Photographs measured together on a CPU, where models run one at a time: what is not a model costs a third less a
# photograph than alone (1.3 ms → 0.6 of detection, alignment and embedding, 2026-11-21).
CPU_GROUP = 4

Photograph = tuple[bytes, Subject]
Decode = Callable[
    [bytes, Subject, int], Picture | Rejected
]  # as `decode_picture`, the last a shorter side in px
Choose = Callable[[Picture, Sequence[Face]], Face | Rejected]  # as `choose_face`


@dataclass(frozen=True, slots=True)
class FaceRequest:
    """One face check with its two photographs as they were uploaded."""

    face_check_id: str
    application_id: str
    selfie: bytes = field(repr=False)
    ktp: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CaptureSubject:
    """One photograph with the face it is about, and how many faces it shows.

    `found_in` is the picture in which the face was found: the photograph, or its lightened copy.
    """

    picture: Picture
    found_in: Picture
    face: Face
    face_count: int


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything found in one photograph; `vector` is (D,) float32, unit length."""

    photo: PhotoEvidence
    vector: NDArray[np.float32]
    liveness: float | None


def check_faces(
    pack: Pack,
    gallery: Gallery,
    requests: Sequence[FaceRequest],
    now: datetime,
    decode: Decode = decode_picture,
) -> list[FaceEvidence]:
    """Return the evidence for each request, in order; a batch gives what its requests give one by one.

    Every measurable selfie is enrolled in `gallery` before any is searched for.

    Raises:
        DependencyError: the gallery's table could not be reached; doing the batch again is safe.
    """
    found = measure_photographs(
        pack,
        [
            photograph
            for request in requests
            for photograph in ((request.selfie, Subject.SELFIE), (request.ktp, Subject.KTP))
        ],
        decode,
    )
    selfies, ktps = found[0::2], found[1::2]
    similarities = _match(selfies, ktps)
    candidates = _search(gallery, requests, selfies, now)
    return [
        FaceEvidence(
            face_check_id=request.face_check_id,
            application_id=request.application_id,
            model_release=pack.release,
            runtime=pack.runtime,
            assessed_at=now,
            selfie=_photo_of(selfies[i]),
            ktp=_photo_of(ktps[i]),
            similarity=similarities.get(i),
            liveness=_liveness_of(selfies[i]),
            candidates=candidates.get(i, ()),
        )
        for i, request in enumerate(requests)
    ]


def measure_photographs(
    pack: Pack, photographs: Sequence[Photograph], decode: Decode = decode_picture
) -> list[Measured | Rejected]:
    """Return what was found in each photograph, in order, or why nothing could be."""
    limits = GroupLimits(max(CPU_GROUP, *run_sizes(pack.detector.session)), pack.group_pixels)
    return list(
        flow(
            photographs,
            partial(_decode, decode),
            partial(_measure, pack, decode),
            lanes=pack.lanes,
            limits=limits,
            weigh=_pixel_count,
        )
    )


def find_subjects(
    pack: Pack, photographs: Sequence[Photograph], choose: Choose, decode: Decode = decode_picture
) -> list[CaptureSubject | Rejected]:
    """Return the capture subject of each photograph as `measure_photographs` measures it, but chosen by `choose`."""
    return _subjects(pack, decode, [_decode(decode, photograph) for photograph in photographs], choose)


def choose_face(picture: Picture, faces: Sequence[Face]) -> Face | Rejected:
    """Return the face a photograph is about, or why there is none.

    A selfie is about its largest face of those it shows surely; smaller ones (the portrait on the card in the
    holder's hand, somebody far behind) are counted and left alone, one of comparable width makes it MANY_FACES. A KTP
    is about its best face, sure and large: patterns and emblems are found with less of both, and so is the frame
    around the portrait, which is twice as wide as its face and half as sure; so sureness counts twice.
    """
    height, width = picture.pixels.shape[:2]
    size = (width * picture.reduction, height * picture.reduction)
    if not faces:
        return Rejected(PhotoOutcome.NO_FACE, *size, measures=measure_light(picture))
    if picture.subject is Subject.KTP:
        return max(faces, key=lambda face: face.score**2 * _width_px(face))
    least = LEAST_SURE * max(face.score for face in faces)
    by_width = sorted((face for face in faces if face.score >= least), key=_width_px, reverse=True)
    if len(by_width) > 1 and _width_px(by_width[1]) >= COMPARABLE_WIDTH * _width_px(by_width[0]):
        return Rejected(PhotoOutcome.MANY_FACES, *size, face_count=len(by_width))
    return by_width[0]


def _decode(decode: Decode, photograph: Photograph) -> tuple[Photograph, Picture | Rejected]:
    return photograph, decode(*photograph, _first_side_px(photograph[1]))


def _pixel_count(decoded: tuple[Photograph, Picture | Rejected]) -> int:
    picture = decoded[1]
    return picture.pixels.shape[0] * picture.pixels.shape[1] if isinstance(picture, Picture) else 0


def _first_side_px(subject: Subject) -> int:
    """Return the shorter side to decode first: a card's portrait is small, it needs all there is."""
    return SELFIE_SIDE_PX if subject is Subject.SELFIE else REDUCED_SIDE_PX


def _measure(
    pack: Pack, decode: Decode, decoded: Sequence[tuple[Photograph, Picture | Rejected]]
) -> list[Measured | Rejected]:
    """Return what was found in each picture, or why nothing could be."""
    photos = _subjects(pack, decode, decoded, choose_face)
    measured = iter(_measure_subjects(pack, [each for each in photos if isinstance(each, CaptureSubject)]))
    return [photo if isinstance(photo, Rejected) else next(measured) for photo in photos]


def _subjects(
    pack: Pack, decode: Decode, decoded: Sequence[tuple[Photograph, Picture | Rejected]], choose: Choose
) -> list[CaptureSubject | Rejected]:
    """Return the capture subject of each picture, in a larger one where its face is small, or why there is none."""
    readable = [picture for _, picture in decoded if isinstance(picture, Picture)]
    chosen = iter(_choose_subjects(pack, readable, choose))
    photos = [picture if isinstance(picture, Rejected) else next(chosen) for _, picture in decoded]
    return [
        photo if isinstance(photo, Rejected) else _sharpened(decode, content, photo)
        for ((content, _), _), photo in zip(decoded, photos, strict=True)
    ]


def _sharpened(decode: Decode, content: bytes, subject: CaptureSubject) -> CaptureSubject:
    """Return the capture subject in a larger picture, where its eyes are too close in one that was decoded smaller."""
    picture, face = subject.picture, subject.face
    if picture.reduction == 1 or float(np.hypot(*(face.points[1] - face.points[0]))) >= ENOUGH_EYES_PX:
        return subject
    larger = decode(content, picture.subject, REDUCED_SIDE_PX)
    if isinstance(larger, Rejected) or larger.reduction == picture.reduction:
        return subject
    factor = np.float32(larger.pixels.shape[1] / picture.pixels.shape[1])
    return replace(
        subject,
        picture=larger,
        found_in=larger if subject.found_in is picture else lighten(larger),
        face=replace(face, box=face.box * factor, points=face.points * factor),
    )


def _choose_subjects(
    pack: Pack, pictures: Sequence[Picture], choose: Choose
) -> list[CaptureSubject | Rejected]:
    if not pictures:
        return []
    chosen: list[CaptureSubject | Rejected] = []
    for picture, (found_in, faces) in zip(pictures, _find_faces(pack, pictures), strict=True):
        face = choose(picture, faces)
        chosen.append(
            face if isinstance(face, Rejected) else CaptureSubject(picture, found_in, face, len(faces))
        )
    return chosen


def _find_faces(pack: Pack, pictures: Sequence[Picture]) -> list[tuple[Picture, tuple[Face, ...]]]:
    """Return the faces of each picture and where they were found: in it, lightened, or of even contrast."""
    found = list(zip(pictures, detect_faces(pack, pictures), strict=True))
    for prepare, look in ((lighten, detect_faces), (even_out, _detect_in_margin)):
        empty = [i for i, (_, faces) in enumerate(found) if not faces]
        prepared = [prepare(pictures[i]) for i in empty]
        for i, picture, faces in zip(empty, prepared, look(pack, prepared), strict=True):
            found[i] = (picture, faces)
    return found


def _detect_in_margin(pack: Pack, pictures: Sequence[Picture]) -> list[tuple[Face, ...]]:
    """Return the faces of each picture, also those cut off by its edges."""
    found = detect_faces(pack, [with_margin(picture) for picture in pictures])
    return [without_margin(*each) for each in zip(pictures, found, strict=True)]


def _measure_subjects(pack: Pack, subjects: Sequence[CaptureSubject]) -> list[Measured]:
    if not subjects:
        return []
    pictures = [subject.picture for subject in subjects]
    faces = trace_meshes(
        pack, [subject.found_in for subject in subjects], [subject.face for subject in subjects]
    )
    vectors = embed_faces(pack, align_faces(pack, pictures, faces))
    measures = measure_faces(pictures, faces)
    blinks = measure_blinks(pack, faces)
    liveness = assess_liveness(pack, pictures, faces)
    return [
        Measured(_photo(pack, subject, measures[i] | blinks[i]), vectors[i], liveness[i])
        for i, subject in enumerate(subjects)
    ]


def _photo(pack: Pack, subject: CaptureSubject, measures: dict[str, float]) -> PhotoEvidence:
    height, width = subject.picture.pixels.shape[:2]
    return PhotoEvidence(
        PhotoOutcome.ASSESSED,
        width * subject.picture.reduction,
        height * subject.picture.reduction,
        subject.face_count,
        measures,
        pack.not_assessed,
    )


def _match(selfies: Sequence[Measured | Rejected], ktps: Sequence[Measured | Rejected]) -> dict[int, float]:
    """Return the similarity of selfie and KTP portrait by position, where both were measured."""
    pairs = {
        i: (selfie.vector, ktp.vector)
        for i, (selfie, ktp) in enumerate(zip(selfies, ktps, strict=True))
        if isinstance(selfie, Measured) and isinstance(ktp, Measured)
    }
    if not pairs:
        return {}
    probes, references = (np.stack(side) for side in zip(*pairs.values(), strict=True))
    cosines = compare_faces(probes, references)
    return {i: round(float(cosine), 6) for i, cosine in zip(pairs, cosines, strict=True)}


def _search(
    gallery: Gallery, requests: Sequence[FaceRequest], selfies: Sequence[Measured | Rejected], now: datetime
) -> dict[int, tuple[Candidate, ...]]:
    """Enrol every measured selfie, then return by position who else looks like it."""
    probes = {i: selfie.vector for i, selfie in enumerate(selfies) if isinstance(selfie, Measured)}
    if not probes:
        return {}
    for i, vector in probes.items():
        gallery.enrol(requests[i].application_id, vector, now)
    gallery.refresh(now)
    applicants = [requests[i].application_id for i in probes]
    found = gallery.search(np.stack(list(probes.values())), applicants)
    return dict(zip(probes, found, strict=True))


def _photo_of(found: Measured | Rejected) -> PhotoEvidence:
    if isinstance(found, Measured):
        return found.photo
    return PhotoEvidence(
        found.outcome, found.width_px, found.height_px, found.face_count, measures=found.measures
    )


def _liveness_of(found: Measured | Rejected) -> float | None:
    return found.liveness if isinstance(found, Measured) else None


def _width_px(face: Face) -> float:
    return float(face.box[2] - face.box[0])
