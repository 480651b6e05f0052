"""Counts who waits too long for people, once a minute; beside the rounds, so that no alarm falls silent with one."""

from __future__ import annotations

from dataclasses import dataclass

from gelombang.journey.appeal_rows import LATE
from gelombang.journey.ports import Ports
from gelombang.journey.review_cases import lateness

MOST_COUNTED = 100  # appeals: an alarm rings at one


@dataclass(frozen=True, slots=True)
class Late:
    """What infra/alarms.py makes metrics of."""

    late_appeals_count: int
    reviews_near_deadline_count: int
    reviews_overdue_count: int


def count_late(ports: Ports) -> Late:
    """Return how many appeals are late, and how many reviews are late or nearly so.

    Raises:
        DependencyError: the table could not be reached.
    """
    now = ports.clock.now()
    reviews = lateness(ports, now)
    late_appeals_count = len(ports.rows.read_due(LATE, now, MOST_COUNTED))
    return Late(late_appeals_count, reviews.near_count, reviews.overdue_count)
