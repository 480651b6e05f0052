"""Finds what got stuck and moves it on: queues are hints, the table is the truth.

Every minute: messages still in the outbox and notices that no provider took are sent, copies of photographs that
reviewers saw are removed, cases near their deadline are counted, and every application that the machine itself must
move on, and that nobody has touched for a while, is asked about again. Which states those are follows from the state
machine: `applications.save` puts exactly the `WORKING_STATES` on the worklist.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from gelombang.domain.application import WORKING_STATES
from gelombang.domain.errors import ConflictError
from gelombang.journey import applications, notices, review_cases, reviewing
from gelombang.journey.applications import OUTBOX, STUCK
from gelombang.journey.erasure import erase_due
from gelombang.journey.notices import NOTICES
from gelombang.journey.ports import Ports
from gelombang.journey.verification import messages_due

OUTBOX_SECONDS = 30  # whoever wrote the message sends it at once; after this they must have died
STUCK_MINUTES = 15
MOST_NOTICES = 1000  # in one round; codes by e-mail are among them, so a round must hold a bad minute's


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one round found."""

    relayed_count: int
    redriven_count: int
    told_count: int
    erased_count: int
    reviews_ended_count: int  # whose copies of photographs are gone
    reviews_near_deadline_count: int  # infra/alarms.py counts these and the next
    reviews_overdue_count: int


def reconcile(ports: Ports) -> Reconciled:
    """Send what the outbox still holds and ask again about applications that are stuck."""
    now = ports.clock.now()
    waiting = ports.rows.read_due(OUTBOX, now - timedelta(seconds=OUTBOX_SECONDS))
    relayed = sum(applications.relay(ports, row) for row in waiting)
    untold = ports.rows.read_due(NOTICES, now, MOST_NOTICES)
    told = sum(notices.send_notice(ports, row) for row in untold)
    stuck = ports.rows.read_due(STUCK, now - timedelta(minutes=STUCK_MINUTES))
    redriven = sum(_redrive(ports, row.fields["application_id"]) for row in stuck)
    late = review_cases.lateness(ports, now)
    return Reconciled(
        relayed,
        redriven,
        told,
        erase_due(ports),
        reviewing.forget_copies(ports),
        late.near_count,
        late.overdue_count,
    )


def _redrive(ports: Ports, application_id: str) -> bool:
    application = applications.load(ports, application_id)
    if application.state not in WORKING_STATES or application.restricted_at:
        return False
    try:
        applications.save(ports, application, "redriven", announce=messages_due(ports, application))
    except ConflictError:
        return False  # it moved on by itself
    return True
