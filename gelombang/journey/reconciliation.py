"""Finds what got stuck and moves it on: queues are hints, the table is the truth.

Every minute, one worklist after the other: messages still in the outbox and notices that no provider took are sent,
every application that the machine itself must move on, and challenge that was answered, of which nobody has heard for a
while is asked about again, erasures go on; copies of photographs that reviewers saw are removed, and cases near their
deadline are counted. Which states those are follows from the state machine: `applications.save` puts exactly the
`WORKING_STATES` on the worklist.

A row that cannot be worked on keeps no other waiting, and a service out of reach ends its worklist, not the round. What
was wrong first is raised when the round is over, so that it is logged and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gelombang.domain.application import WORKING_STATES
from gelombang.domain.errors import ConflictError, DependencyError
from gelombang.journey import applications, challenge, erasure, review_cases, reviewing
from gelombang.journey.applications import OUTBOX, STUCK
from gelombang.journey.challenge import UNMEASURED
from gelombang.journey.erasure import ERASURES
from gelombang.journey.notices import NOTICES, send_notice
from gelombang.journey.ports import Key, Ports, Row
from gelombang.journey.verification import messages_due

OUTBOX_AGE = timedelta(
    seconds=30
)  # whoever wrote the message sends it at once; after this they must have died
STUCK_AGE = timedelta(minutes=15)
AT_ONCE = 100  # rows read at a time
ROUND = timedelta(seconds=40)  # a function has sixty seconds; what it does not come to, the next round does


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
    """Send what the outbox still holds and ask again about whatever is stuck.

    Raises:
        Exception: whatever was wrong first with a row; all others were worked on.
    """
    now = ports.clock.now()
    this = _Round(ports, now + ROUND)
    relayed = this.work_on(OUTBOX, now - OUTBOX_AGE, applications.relay)
    told = this.work_on(NOTICES, now, send_notice)
    redriven = this.work_on(STUCK, now - STUCK_AGE, _redrive)
    redriven += this.work_on(UNMEASURED, now - STUCK_AGE, challenge.redrive)
    erased = this.work_on(ERASURES, now, erasure.go_on)
    ended, late = reviewing.forget_copies(ports), review_cases.lateness(ports, now)
    if this.faults:
        raise this.faults[0]
    return Reconciled(relayed, redriven, told, erased, ended, late.near_count, late.overdue_count)


@dataclass(slots=True)
class _Round:
    """One round over the worklists, until its time is over."""

    ports: Ports
    ends_at: datetime
    faults: list[Exception] = field(default_factory=list)

    def work_on(self, worklist: str, until: datetime, work: Callable[[Ports, Row], bool]) -> int:
        """Return how many rows of a worklist, due by `until`, were moved on."""
        moved_count = 0
        try:
            for row in self._listed(worklist, until):
                moved_count += self._tried(work, row)
        except DependencyError as error:  # of what each row needs: the next round goes on
            self.faults.append(error)
        return moved_count

    def _listed(self, worklist: str, until: datetime) -> Iterator[Row]:
        """Give the rows of a worklist, each once, as long as there is time."""
        seen: set[Key] = set()
        while True:
            rows = self.ports.rows.read_due(worklist, until, len(seen) + AT_ONCE)
            fresh = [row for row in rows if row.key not in seen]
            if not fresh:
                return
            for row in fresh:
                if self.ports.clock.now() > self.ends_at:
                    return
                seen.add(row.key)
                yield row

    def _tried(self, work: Callable[[Ports, Row], bool], row: Row) -> bool:
        try:
            return work(self.ports, row)
        except ConflictError:
            return False  # it moved on by itself
        except DependencyError:
            raise
        except Exception as error:  # noqa: BLE001 - kept and raised when all others were worked on
            self.faults.append(error)
            return False


def _redrive(ports: Ports, listed: Row) -> bool:
    application = applications.load(ports, listed.fields["application_id"])
    if application.state not in WORKING_STATES or application.restricted_at:
        return False
    applications.save(ports, application, "redriven", announce=messages_due(ports, application))
    return True
