"""The messages the parts send each other through queues; each is a small, complete, versionless fact.

    register ─PhotoArrived─▶ verify         S3 → SQS, parsed from S3's own event
    register ─ChecksDue────▶ verify         run the layers of one application
    verify ───FaceCheckAsked▶ face worker   measure these two photographs
    worker ───FaceEvidenceReady▶ verify     the evidence is in the table
    select ───WaveStepAsked▶ select         freeze, commit, draw or publish one wave

A queue is a hint and may deliver twice; the table is the truth. A message carries ids and keys, never a NIK,
a name, a score or a picture.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
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


@dataclass(frozen=True, slots=True)
class FaceEvidenceReady:
    """The evidence of this face check is stored."""

    queue: ClassVar[QueueName] = QueueName.FACE_EVIDENCE
    face_check_id: str
    application_id: str


@dataclass(frozen=True, slots=True)
class WaveStepAsked:
    """Take this wave one step further: freeze, commit, draw or publish."""

    queue: ClassVar[QueueName] = QueueName.WAVE_STEPS
    wave_id: str
    step: str


Message = ChecksDue | FaceCheckAsked | FaceEvidenceReady | WaveStepAsked
KINDS: dict[QueueName, type[Message]] = {
    kind.queue: kind for kind in (ChecksDue, FaceCheckAsked, FaceEvidenceReady, WaveStepAsked)
}


def message_to_json(message: Message) -> str:
    """Return the body to put on the message's queue."""
    return json.dumps(asdict(message), separators=(",", ":"), sort_keys=True)


def message_from_json(queue: QueueName, body: str) -> Message:
    """Return the message in a body taken from `queue`.

    Raises:
        ValueError: the body is not JSON of that queue's message.
    """
    try:
        return KINDS[queue](**json.loads(body))
    except (TypeError, KeyError) as error:
        raise ValueError(f"not a message of {queue}") from error
