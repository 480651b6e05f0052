"""What is concluded from face evidence at a named operating point: retake, review or match.

    photographs unusable ──▶ RETAKE   every fault of both photographs at once
    any doubt ─────────────▶ REVIEW   the face differs or nearly, is enrolled already, may not be alive, or could
                                      not be measured through no fault of a photograph
    otherwise ─────────────▶ MATCH

There is no value for a rejection: a machine never turns a face away, only a reviewer does (UU PDP art. 10).
A measure the model pack cannot take is no fault; a score that should be there and is not is a doubt.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gelombang.domain.application import Slot
from gelombang.domain.challenge import ChallengeLimits
from gelombang.domain.face_evidence import Candidate, FaceEvidence, PhotoEvidence, PhotoOutcome
from gelombang.domain.reasons import Reason


@dataclass(frozen=True, slots=True)
class Limit:
    """When one measure makes a fault: below or above a value, or with a magnitude outside one.

    `measure` is a name of `face_evidence.MEASURES`, the values are in its unit. Exactly one bound is set.
    `set_by` says by which test.
    """

    measure: str
    below: float | None = None
    above: float | None = None
    outside: float | None = None
    set_by: str = ""


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The thresholds one model release is used at, and on what evidence they were set.

    Similarities are cosines in -1..1, liveness 0..1; `live_min` is None where the pack has no liveness model.
    """

    release: str
    match_min: float
    duplicate_min: float
    tie_width: float  # scores nearer than this to a threshold go to a reviewer
    live_min: float | None
    faults: dict[str, Limit]  # of a selfie, by reason code
    set_by: str
    ktp_faults: dict[str, Limit] = field(default_factory=dict)  # of the portrait on a KTP
    challenge: ChallengeLimits | None = None  # None: this release does not assess challenges

    @property
    def same_person_min(self) -> float:
        """The least similarity at which two applications may be of one person, for people to compare."""
        return self.duplicate_min - self.tie_width


class FaceOutcome(StrEnum):
    """What a machine may conclude of a face."""

    RETAKE = "RETAKE"
    REVIEW = "REVIEW"
    MATCH = "MATCH"


@dataclass(frozen=True, slots=True)
class FaceVerdict:
    """The conclusion and what it rests on: reason codes, faults by photograph, and people to compare with."""

    outcome: FaceOutcome
    reasons: tuple[str, ...] = ()
    faults: dict[Slot, tuple[str, ...]] = field(default_factory=dict)  # only slots that have any
    candidates: tuple[Candidate, ...] = ()  # those like enough to be the same person


def judge_face(evidence: FaceEvidence, point: OperatingPoint) -> FaceVerdict:
    """Return the verdict; it never gets worse when one score gets better."""
    photos = {Slot.KTP: evidence.ktp, Slot.SELFIE: evidence.selfie}
    found = {slot: faults_of(photo, slot, point) for slot, photo in photos.items()}
    faults = {slot: codes for slot, codes in found.items() if codes}
    if faults:
        every = tuple(dict.fromkeys(code for codes in faults.values() for code in codes))
        return FaceVerdict(FaceOutcome.RETAKE, every, faults)
    candidates = _same_person(evidence.candidates, point)
    doubts = _doubts(evidence, point, candidates)
    outcome = FaceOutcome.REVIEW if doubts else FaceOutcome.MATCH
    return FaceVerdict(outcome, doubts, candidates=candidates)


def _doubts(
    evidence: FaceEvidence, point: OperatingPoint, candidates: tuple[Candidate, ...]
) -> tuple[str, ...]:
    if PhotoOutcome.NOT_MEASURED in (evidence.selfie.outcome, evidence.ktp.outcome):
        return (Reason.FACE_NOT_MEASURED, *((Reason.FACE_ENROLLED_TWICE,) if candidates else ()))
    return (
        *_similarity_doubt(evidence.similarity, point),
        *((Reason.FACE_ENROLLED_TWICE,) if candidates else ()),
        *_liveness_doubt(evidence.liveness, point),
    )


def faults_of(photo: PhotoEvidence, slot: Slot, point: OperatingPoint) -> tuple[str, ...]:
    """Return every fault of one photograph at once, as reason codes, in the order of the operating point.

    A photograph that the machine failed to measure has none: nobody is asked for it again. Where no face was seen its
    light may be why, and is named first.
    """
    if photo.outcome is PhotoOutcome.NOT_MEASURED:
        return ()
    limits = point.ktp_faults if slot is Slot.KTP else point.faults
    measured = tuple(code for code, limit in limits.items() if _is_beyond(limit, photo.measures))
    if photo.outcome is PhotoOutcome.ASSESSED:
        return measured
    if photo.outcome is PhotoOutcome.NO_FACE and slot is Slot.KTP:
        return (*measured, Reason.NO_FACE_ON_KTP)
    return (*measured, Reason(photo.outcome.value))


def _is_beyond(limit: Limit, measures: dict[str, float]) -> bool:
    if limit.measure not in measures:
        return False
    value = measures[limit.measure]
    # Written as "not inside" so that a measure which is not a number counts as beyond.
    return (
        (limit.below is not None and not value >= limit.below)
        or (limit.above is not None and not value <= limit.above)
        or (limit.outside is not None and not abs(value) <= limit.outside)
    )


def _similarity_doubt(similarity: float | None, point: OperatingPoint) -> tuple[str, ...]:
    if similarity is None:
        return (Reason.FACE_UNSURE,)
    if similarity > point.match_min + point.tie_width:
        return ()
    if similarity >= point.match_min - point.tie_width:
        return (Reason.FACE_UNSURE,)
    return (Reason.FACE_DIFFERS,)


def _same_person(candidates: tuple[Candidate, ...], point: OperatingPoint) -> tuple[Candidate, ...]:
    return tuple(candidate for candidate in candidates if not candidate.similarity < point.same_person_min)


def _liveness_doubt(liveness: float | None, point: OperatingPoint) -> tuple[str, ...]:
    if point.live_min is None or (liveness is not None and liveness >= point.live_min):
        return ()
    return (Reason.LIVENESS_DOUBT,)
