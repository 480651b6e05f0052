"""Where the face worker leaves its evidence and everybody else finds it: one row a face check, written once."""

from __future__ import annotations

from gelombang.domain.face_evidence import FaceEvidence
from gelombang.domain.face_evidence_json import evidence_from_fields, evidence_to_fields
from gelombang.journey.ports import Key, Ports, Row


def evidence_key(face_check_id: str) -> Key:
    """Return where the evidence of a face check lies."""
    return Key(f"FACECHECK#{face_check_id}")


def evidence_row(evidence: FaceEvidence) -> Row:
    """Return the row that holds this evidence, as written the first and only time."""
    return Row(evidence_key(evidence.face_check_id), evidence_to_fields(evidence))


def evidence_of(ports: Ports, face_check_id: str) -> FaceEvidence | None:
    """Return the evidence stored for a face check, or None while there is none."""
    row = ports.rows.read(evidence_key(face_check_id)) if face_check_id else None
    return evidence_from_fields(row.fields) if row else None
