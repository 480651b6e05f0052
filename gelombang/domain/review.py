"""What people decide about a doubt: what a reviewer can say, how many must say it, by when, and who may.

    first and second answer, neither knows the other ─┬─ alike ──────▶ decided
                                                      └─ different ──▶ a third: decided by two of three;
                                                                       three different answers ask for another selfie

Nobody is refused by one person, and nobody is accepted by one either (docs/decisions/0027).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

AGREEING, MOST_ANSWERS = 2, 3
DECIDED_WITHIN = timedelta(hours=48)  # of a case's opening
ALARM_BEFORE = timedelta(hours=12)  # a person is told, and such a case is given before all others
GIVEN_FOR = timedelta(minutes=30)  # then a case goes to somebody else


class ReviewDecision(StrEnum):
    """What a reviewer can say."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    RETAKE = "retake"


@dataclass(frozen=True, slots=True)
class ReviewAnswer:
    """What one reviewer said, and how long it took them."""

    reviewer: str
    decision: ReviewDecision
    note: str
    at: datetime
    took_s: float


@dataclass(frozen=True, slots=True)
class Planted:
    """A case that is nobody's: photographs whose right answer is known, so that reviewers can be measured."""

    right: ReviewDecision
    pictures: tuple[tuple[str, str], ...]  # keys of selfie and card, of whom it is about first
    by: str  # who planted it


@dataclass(frozen=True, slots=True)
class Case:
    """One doubt about one application, or a planted one."""

    case_id: str
    application_id: str  # "" where it is planted
    reasons: tuple[str, ...]
    others: tuple[str, ...]  # applications with a face like this one
    opened_at: datetime
    regions: tuple[str, ...] = ()  # kabupaten/kota of everybody concerned: their reviewers never get it
    answers: tuple[ReviewAnswer, ...] = ()
    given: dict[str, datetime] = field(default_factory=dict)  # to a reviewer, until when
    decision: str = ""  # "" while it is open
    is_paused: bool = False  # while its applicant restricts processing
    planted: Planted | None = None
    wave_id: str = ""  # which its applicant was in, and is entered into again once accepted
    version: int = 0  # of the stored row

    @property
    def is_open(self) -> bool:
        """Say whether answers are wanted."""
        return not self.decision and not self.is_paused

    @property
    def is_cluster(self) -> bool:
        """Say whether it is about one face under several applications."""
        return bool(self.others) or (self.planted is not None and len(self.planted.pictures) > 1)


def outcome_of(decisions: Sequence[ReviewDecision]) -> ReviewDecision | None:
    """Return what follows from the answers so far: None while another is wanted."""
    for decision, count in Counter(decisions).items():
        if count >= AGREEING:
            return decision
    return ReviewDecision.RETAKE if len(decisions) >= MOST_ANSWERS else None


def may_be_given(case: Case, reviewer: str, now: datetime) -> bool:
    """Say whether this reviewer may be asked: they have not answered, and one more answer is wanted than is awaited."""
    if not case.is_open or any(answer.reviewer == reviewer for answer in case.answers):
        return False
    awaited = sum(until > now for name, until in case.given.items() if name != reviewer)
    wanted = AGREEING if len(case.answers) < AGREEING else MOST_ANSWERS
    return wanted - len(case.answers) - awaited > 0


def is_nearly_late(case: Case, now: datetime) -> bool:
    """Say whether a case's deadline is so near that it comes before all others."""
    return now - case.opened_at >= DECIDED_WITHIN - ALARM_BEFORE
