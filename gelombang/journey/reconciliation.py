"""Finds what got stuck and moves it on: queues are hints, the table is the truth.

Every minute, one worklist after the other: messages still in the outbox and notices that no provider took are sent,
every application that the machine itself must move on, and challenge that was answered, of which nobody has heard for a
while is asked about again, erasures go on; whoever reviewers accepted goes back into the wave that they were taken out
of; copies of photographs that reviewers saw are removed. Which states those are follows from the state machine:
`applications.save` puts exactly the `WORKING_STATES` on the worklist.

What becomes of a row that cannot be worked on: `gelombang.journey.rounds`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from gelombang.domain.application import WORKING_STATES
from gelombang.journey import applications, challenge, clusters, erasure, review_cases, reviewing
from gelombang.journey.applications import OUTBOX, STUCK
from gelombang.journey.challenge import UNMEASURED
from gelombang.journey.erasure import ERASURES
from gelombang.journey.notices import NOTICES, send_notice
from gelombang.journey.ports import Ports, Row
from gelombang.journey.rounds import Round
from gelombang.journey.verification import messages_due

OUTBOX_AGE = timedelta(
    seconds=30
)  # whoever wrote the message sends it at once; after this they must have died
STUCK_AGE = timedelta(minutes=15)
ROUND = timedelta(seconds=40)  # a function has sixty seconds; what it does not come to, the next round does


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one round found."""

    relayed_count: int
    redriven_count: int
    told_count: int
    erased_count: int
    entered_count: int  # again into the wave that a question took them out of
    reviews_ended_count: int  # whose copies of photographs are gone


def reconcile(ports: Ports) -> Reconciled:
    """Send what the outbox still holds and ask again about whatever is stuck.

    Raises:
        Exception: whatever was wrong first with a row; all others were worked on.
    """
    now = ports.clock.now()
    this = Round(ports, now + ROUND)
    relayed = this.work_on(OUTBOX, now - OUTBOX_AGE, applications.relay)
    told = this.work_on(NOTICES, now, send_notice)
    redriven = this.work_on(STUCK, now - STUCK_AGE, _redrive)
    redriven += this.work_on(UNMEASURED, now - STUCK_AGE, challenge.redrive)
    erased = this.work_on(ERASURES, now, erasure.go_on)
    entered = this.work_on(review_cases.ENTERING, now, clusters.enter_again)
    ended = reviewing.forget_copies(ports)
    this.end()
    return Reconciled(relayed, redriven, told, erased, entered, ended)


def _redrive(ports: Ports, listed: Row) -> bool:
    application = applications.load(ports, listed.fields["application_id"])
    if application.state not in WORKING_STATES or application.restricted_at:
        return False
    applications.save(ports, application, "redriven", announce=messages_due(ports, application))
    return True
