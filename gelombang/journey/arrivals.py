"""Gives what has arrived in quarantine to whoever waits: photographs, frames of challenges, pictures of appeals."""

from __future__ import annotations

from gelombang.domain.appeal import is_evidence_key
from gelombang.domain.challenge import is_frame_key
from gelombang.journey.appeal_evidence import record_evidence
from gelombang.journey.challenge import record_frame
from gelombang.journey.photos import record_arrival
from gelombang.journey.ports import Ports


def record_upload(ports: Ports, key: str) -> None:
    """Look at what has arrived under a key.

    Raises:
        DependencyError: something could not be reached; nothing was decided.
    """
    if is_frame_key(key):
        record_frame(ports, key)
    elif is_evidence_key(key):
        record_evidence(ports, key)
    else:
        record_arrival(ports, key)
