"""Poison: face checks at which the worker itself dies, counted where a crash cannot reach, and left to a person.

    first delivery   ─▶ checked with its batch; a crash leaves the whole batch to be delivered again
    delivered again  ─▶ suspected: checked alone, after a note of the try in the table
    tried twice      ─▶ set aside: evidence that nothing could be measured, hence a review case

A try that ends in evidence, or at a service that failed, is no crash. What is counted is a process that died, or a
fault of ours that was raised, with this face check alone in its hands. A kill from outside at that very moment looks
the same; it takes two of them, and costs a reviewer's look and never an applicant's place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gelombang.domain.face_evidence import FaceEvidence, PhotoEvidence, PhotoOutcome
from gelombang.domain.messages import FaceCheckAsked
from gelombang.journey.ports import Key, Put, Row, Rows
from workers.gpu_face.sources import Received

MOST_TRIES = 2
NOTE_KEPT = timedelta(days=14)  # longer than any queue keeps a message


def is_suspected(messages: Sequence[Received]) -> bool:
    """Say whether a face check was delivered before: whoever had it died, was stopped or could not answer."""
    return any(message.receive_count > 1 for message in messages)


def note_try(rows: Rows, face_check_id: str, now: datetime) -> bool:
    """Note that a face check is about to be tried alone; False, and no note, when it was tried often enough.

    Raises:
        ConflictError: another worker notes a try of it at this moment.
        DependencyError: the table could not be reached.
    """
    row = _note_of(rows, face_check_id)
    if row.fields["tries"] >= MOST_TRIES:
        return False
    _write(rows, row, 1, now)
    return True


def take_back_try(rows: Rows, face_check_id: str, now: datetime) -> None:
    """Take back the last note: not this process failed but a service it needs.

    Raises:
        ConflictError, DependencyError: as `note_try`; the note stands.
    """
    _write(rows, _note_of(rows, face_check_id), -1, now)


def unmeasured_evidence(
    model_release: str, runtime: str, asked: FaceCheckAsked, now: datetime
) -> FaceEvidence:
    """Return the evidence that neither photograph could be measured; the verdict on it is a review."""
    photo = PhotoEvidence(PhotoOutcome.NOT_MEASURED)
    return FaceEvidence(
        asked.face_check_id, asked.application_id, model_release, runtime, now, selfie=photo, ktp=photo
    )


def _note_of(rows: Rows, face_check_id: str) -> Row:
    key = Key(f"FACECHECK_TRY#{face_check_id}")
    return rows.read(key) or Row(key, {"tries": 0})


def _write(rows: Rows, row: Row, more: int, now: datetime) -> None:
    fields = {"tries": row.fields["tries"] + more}
    rows.commit([Put(replace(row, fields=fields, expires_at=now + NOTE_KEPT))])
