"""What the face worker found in one selfie and one KTP photograph: measures, never decisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class PhotoOutcome(StrEnum):
    """Whether a photograph could be measured at all."""

    ASSESSED = "ASSESSED"
    UNREADABLE = "UNREADABLE"  # not an image, truncated, or over the pixel limit
    NO_FACE = "NO_FACE"
    MANY_FACES = "MANY_FACES"  # more than the capture mode expects
    NOT_MEASURED = "NOT_MEASURED"  # the machine failed at it, twice; says nothing about the photograph


@dataclass(frozen=True, slots=True)
class PhotoEvidence:
    """Measures of one photograph, by the names listed in `MEASURES`: of NO_FACE only the light, of others none."""

    outcome: PhotoOutcome
    width_px: int = 0
    height_px: int = 0
    face_count: int = 0
    measures: dict[str, float] = field(default_factory=dict)
    not_assessed: tuple[str, ...] = ()  # faults this pack has no way to see


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody enrolled whose face is like the probe's; similarity is a cosine in -1..1."""

    application_id: str
    similarity: float


@dataclass(frozen=True, slots=True)
class FaceEvidence:
    """The answer to one face check."""

    face_check_id: str
    application_id: str
    model_release: str
    runtime: str  # e.g. "onnxruntime 1.31.1 CPUExecutionProvider"
    assessed_at: datetime
    selfie: PhotoEvidence
    ktp: PhotoEvidence
    similarity: float | None = None  # selfie to KTP portrait, cosine -1..1; None when either is unmeasured
    liveness: float | None = None  # 0..1; None where the pack carries no liveness model
    candidates: tuple[Candidate, ...] = ()  # most similar first, from everyone enrolled but this applicant


# Every measure a worker may report of a photograph, with unit and range.
MEASURES = {
    "sharpness": "fine over coarse detail of the aligned face, in the direction with least; higher is sharper",
    "brightness": "mean luminance of the face, 0..255; where none is seen, of the picture's middle",
    "contrast": "standard deviation of the face's luminance, 0..255",
    "dark_share": "share of the face's pixels below luminance 40, 0..1",
    "bright_share": "share of the face's pixels above luminance 250, 0..1; where none is seen, of the picture's middle",
    "uneven_light": "absolute difference of mean luminance between the halves of the face, share of mean, 0..1",
    "roll_deg": "tilt of the head in the picture, degrees, 0 upright",
    "yaw_deg": "turn of the head, degrees, 0 frontal",
    "pitch_deg": "nod of the head, degrees, 0 level",
    "eye_distance_px": "between the eye centres, pixels of the original picture",
    "eye_openness": "smaller of the two eyes' height over width",
    "blink_score": "how much both eyes look closed, 0..1, only where the pack has a model for it",
    "face_inside_share": "share of the face's outline inside the picture, 0..1",
    "face_share": "area of the face's box over the picture's, 0..1",
    "lens_brightness": "lightness at the lower half of where a lens would be, over that of the face around it",
    "mask_score": "how much nose, cheeks, lips and chin look covered, 0..1",
    "text_line_count": "lines of print beside the portrait of a card, on the side where there are more",
    "unified_quality": "0..1, only where the pack has a quality model",
}
