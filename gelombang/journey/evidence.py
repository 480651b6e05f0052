"""Where the face worker leaves its evidence and everybody else finds it: one row a face check or challenge, once."""

from __future__ import annotations

from pydantic import TypeAdapter

from gelombang.domain.application import Application
from gelombang.domain.challenge import ChallengeEvidence
from gelombang.domain.face_evidence import FaceEvidence
from gelombang.domain.face_evidence_json import evidence_from_fields, evidence_to_fields
from gelombang.journey.ports import Change, Delete, Key, Ports, Put, Row

CALLED_OFF = {"called_off": True}  # what lies where evidence would, when the person no longer wants it

_CHALLENGE = TypeAdapter(ChallengeEvidence)


def evidence_key(evidence_id: str) -> Key:
    """Return where the evidence of a face check or a challenge lies."""
    return Key(f"FACECHECK#{evidence_id}")


def evidence_row(evidence: FaceEvidence | ChallengeEvidence) -> Row:
    """Return the row that holds this evidence, as written the first and only time."""
    if isinstance(evidence, ChallengeEvidence):
        fields = _CHALLENGE.dump_python(evidence, mode="json")
        return Row(evidence_key(evidence.challenge_id), fields)
    return Row(evidence_key(evidence.face_check_id), evidence_to_fields(evidence))


def evidence_of(ports: Ports, face_check_id: str) -> FaceEvidence | None:
    """Return the evidence stored for a face check, or None while there is none."""
    row = ports.rows.read(evidence_key(face_check_id)) if face_check_id else None
    return evidence_from_fields(row.fields) if row and row.fields != CALLED_OFF else None


def face_check_name(application: Application, submission: int) -> str:
    """Return the id of the face check of one submission."""
    return f"{application.application_id}-{submission}"


def face_checks_of(application: Application) -> list[str]:
    """Return the ids of every face check that was ever asked for about an application."""
    return [face_check_name(application, number) for number in range(1, application.submission + 1)]


def releases_of(ports: Ports, application: Application) -> set[str]:
    """Return the model releases that measured this face, in whose galleries it may be."""
    checks = face_checks_of(application)
    return {evidence.model_release for each in checks if (evidence := evidence_of(ports, each))}


def withdrawal_of_check(ports: Ports, face_check_id: str) -> list[Change]:
    """Return the change that takes the place of evidence not there yet: the worker looks, and leaves the face alone.

    `face_check_id` may be that of a challenge.
    """
    if not face_check_id or ports.rows.read(evidence_key(face_check_id)):
        return []
    return [Put(Row(evidence_key(face_check_id), CALLED_OFF))]


def renewal_of_check(ports: Ports, face_check_id: str) -> list[Change]:
    """Return the change that makes place for evidence again after a `withdrawal_of_check`."""
    row = ports.rows.read(evidence_key(face_check_id)) if face_check_id else None
    return [Delete(row.key, row.version)] if row and row.fields == CALLED_OFF else []


def challenge_evidence_of(ports: Ports, challenge_id: str) -> ChallengeEvidence | None:
    """Return the evidence stored for a challenge, or None while there is none."""
    row = ports.rows.read(evidence_key(challenge_id))
    return _CHALLENGE.validate_python(row.fields) if row and row.fields != CALLED_OFF else None
