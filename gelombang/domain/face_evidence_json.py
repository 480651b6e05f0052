"""How face evidence lies in a row: a plain JSON object, and back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from gelombang.domain.face_evidence import Candidate, FaceEvidence, PhotoEvidence, PhotoOutcome


def evidence_to_fields(evidence: FaceEvidence) -> dict[str, Any]:  # Any: the values of a JSON object
    """Return the row's fields for this evidence."""
    return asdict(evidence) | {
        "assessed_at": evidence.assessed_at.isoformat(),
        "selfie": _photo_to_fields(evidence.selfie),
        "ktp": _photo_to_fields(evidence.ktp),
        "candidates": [asdict(candidate) for candidate in evidence.candidates],
    }


def evidence_from_fields(fields: dict[str, Any]) -> FaceEvidence:  # Any: the values of a JSON object
    """Return the evidence that a row's fields say.

    Raises:
        KeyError, TypeError, ValueError: the fields are not those of an evidence row.
    """
    return FaceEvidence(
        **fields
        | {
            "assessed_at": datetime.fromisoformat(fields["assessed_at"]),
            "selfie": _photo_from_fields(fields["selfie"]),
            "ktp": _photo_from_fields(fields["ktp"]),
            "candidates": tuple(Candidate(**candidate) for candidate in fields["candidates"]),
        }
    )


def _photo_to_fields(photo: PhotoEvidence) -> dict[str, Any]:  # Any: the values of a JSON object
    return asdict(photo) | {"outcome": photo.outcome.value, "not_assessed": list(photo.not_assessed)}


def _photo_from_fields(fields: dict[str, Any]) -> PhotoEvidence:  # Any: the values of a JSON object
    return PhotoEvidence(
        **fields | {"outcome": PhotoOutcome(fields["outcome"]), "not_assessed": tuple(fields["not_assessed"])}
    )
