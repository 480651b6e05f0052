"""The messages the parts send each other through queues; each is a small, complete, versionless fact.

    S3 ───────(its event)──▶ verify         a photograph has arrived in quarantine
    register ─PhotoArrived─▶ verify         the same, for one that nobody has looked at yet
    register ─ChecksDue────▶ verify         run the layers of one application
    verify ───FaceCheckAsked▶ face worker   measure these two photographs
    worker ───FaceEvidenceReady▶ verify     the evidence is in the table
    register ─ChallengeAsked▶ face worker   measure the frames of this challenge
    worker ───ChallengeEvidenceReady▶ verify  the evidence is in the table
    operator ─FaceClusterFound▶ verify      one face was found under several applications
    select ───WaveStepAsked▶ select         freeze, commit, draw or publish one wave
    select ───WavePartAsked▶ select         tell some of a drawn wave's people their results

A queue is a hint and may deliver twice; the table is the truth. A message carries ids and keys, never a NIK,
a name, a score or a picture.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import ClassVar


class QueueName(StrEnum):
    """The queues, by the messages in them."""

    PHOTOS_ARRIVED = "photos-arrived"
    CHECKS_DUE = "checks-due"
    FACE_REQUESTS = "face-requests"
    FACE_EVIDENCE = "face-evidence"
    WAVE_STEPS = "wave-steps"


@dataclass(frozen=True, slots=True)
class PhotoArrived:
    """Look at what lies in quarantine under this key."""

    queue: ClassVar[QueueName] = QueueName.PHOTOS_ARRIVED
    photo_key: str


@dataclass(frozen=True, slots=True)
class ChecksDue:
    """Run the layers of this application that are not decided yet."""

    queue: ClassVar[QueueName] = QueueName.CHECKS_DUE
    application_id: str
    submission: int


@dataclass(frozen=True, slots=True)
class FaceCheckAsked:
    """Measure this selfie against this KTP photograph."""

    queue: ClassVar[QueueName] = QueueName.FACE_REQUESTS
    face_check_id: str
    application_id: str
    selfie_key: str
    ktp_key: str

    @property
    def evidence_id(self) -> str:
        """Name the evidence that answers this."""
        return self.face_check_id


@dataclass(frozen=True, slots=True)
class FaceEvidenceReady:
    """The evidence of this face check is stored."""

    queue: ClassVar[QueueName] = QueueName.FACE_EVIDENCE
    face_check_id: str
    application_id: str


@dataclass(frozen=True, slots=True)
class ChallengeAsked:
    """Measure the frames of this answered challenge, beside this selfie."""

    queue: ClassVar[QueueName] = QueueName.FACE_REQUESTS
    challenge_id: str
    application_id: str
    selfie_key: str

    @property
    def evidence_id(self) -> str:
        """Name the evidence that answers this."""
        return self.challenge_id


@dataclass(frozen=True, slots=True)
class ChallengeEvidenceReady:
    """The evidence of this challenge is stored."""

    queue: ClassVar[QueueName] = QueueName.FACE_EVIDENCE
    challenge_id: str
    application_id: str


@dataclass(frozen=True, slots=True)
class FaceClusterFound:
    """Let people decide about these applications: a search through everybody found one face under all of them.

    Raises:
        ValueError: they are not two or more names.
    """

    queue: ClassVar[QueueName] = QueueName.FACE_EVIDENCE
    application_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        """Take them as JSON gives them, in a list."""
        given = self.application_ids
        if isinstance(given, str) or len(given) < 2 or not all(isinstance(name, str) for name in given):  # noqa: PLR2004
            raise ValueError("a cluster is of two or more applications")
        object.__setattr__(self, "application_ids", tuple(given))


@dataclass(frozen=True, slots=True)
class WaveStepAsked:
    """Take this wave one step further: freeze, commit, draw or publish."""

    queue: ClassVar[QueueName] = QueueName.WAVE_STEPS
    wave_id: str
    step: str


@dataclass(frozen=True, slots=True)
class WavePartAsked:
    """Go on with one part of the publication of this wave, see `gelombang.journey.wave_parts`."""

    queue: ClassVar[QueueName] = QueueName.WAVE_STEPS
    wave_id: str
    part: int


Message = (
    PhotoArrived
    | ChecksDue
    | FaceCheckAsked
    | FaceEvidenceReady
    | ChallengeAsked
    | ChallengeEvidenceReady
    | FaceClusterFound
    | WaveStepAsked
    | WavePartAsked
)
KINDS: tuple[type[Message], ...] = (
    PhotoArrived,
    ChecksDue,
    FaceCheckAsked,
    FaceEvidenceReady,
    ChallengeAsked,
    ChallengeEvidenceReady,
    FaceClusterFound,
    WaveStepAsked,
    WavePartAsked,
)


def message_to_json(message: Message) -> str:
    """Return the body to put on the message's queue."""
    return json.dumps(asdict(message), separators=(",", ":"), sort_keys=True)


def message_from_json(queue: QueueName, body: str) -> Message:
    """Return the message in a body taken from `queue`: of the kinds on it, the one with these fields.

    Raises:
        ValueError: the body is not JSON of one of that queue's messages.
    """
    given = json.loads(body)
    for kind in KINDS:
        if kind.queue is queue and isinstance(given, dict) and {f.name for f in fields(kind)} == given.keys():
            return kind(**given)
    raise ValueError(f"not a message of {queue}")
