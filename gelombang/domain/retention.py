"""How long what is kept of a person: classes as data, each with its reason (programmes/<name>/retention.json).

A class names the states it holds in, how long after their beginning its data goes (in states that are the person's
turn, after their last change), and what goes then. Law 27 of 2022, articles 42 to 44.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from gelombang.domain.application import State


class Removal(StrEnum):
    """What can be removed of an application."""

    REFUSED_PHOTOGRAPHS = "refused_photographs"
    PHOTOGRAPHS = "photographs"  # every upload, chunk, clean copy and frame of a challenge
    FACE = "face"  # evidence of face checks and challenges, and the face in the galleries
    NOTES = "notes"  # what reviewers wrote
    CONTACT = "contact"  # phone and e-mail
    PERSON = "person"  # everything but the id, the audit, and of a recipient the tag of their NIK


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """One class of data and its time."""

    name: str
    states: tuple[State, ...]
    after: timedelta
    removes: tuple[Removal, ...]
    why: str
