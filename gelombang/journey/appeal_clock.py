"""What time does to appeals, once a minute: deadlines are watched, questions run out, the restored join, words go.

    near ─▶ the supervisors' queue     late ─▶ their queue, and the owner is told that it takes longer
    nobody answers a question ─▶ back into the queue, to be decided with what is there

Each round does what is due and can be done again: an appeal is on one worklist, and leaves it with the commit.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from gelombang.domain.appeal import Appeal, Escalation, without_words
from gelombang.domain.application import State
from gelombang.domain.errors import ConflictError, RefusedError
from gelombang.domain.programme import Programme
from gelombang.journey import applications, selection
from gelombang.journey.appeal_rows import (
    APPEALS,
    ASKED,
    DECIDED,
    JOINING,
    LATE,
    NEAR,
    appeal_in,
    appeal_row,
    facts_of,
    save_appeal,
    with_deadline,
)
from gelombang.journey.notices import Notice, notice_row
from gelombang.journey.ports import Ports, Put
from gelombang.journey.restored import joinable_wave

MOST_A_ROUND = 100  # of each list
LOOK_AGAIN = timedelta(minutes=10)  # whether somebody may join by now
ON_THE_WAY = frozenset({State.CHECKING, State.NEEDS_PHOTO, State.IN_REVIEW})
LATE_TEXT = "Jawaban banding {number} terlambat; maaf. Atasan petugas sudah diberi tahu."
JOINED_TEXT = "Banding Anda dikabulkan dan Anda sudah diikutkan dalam gelombang. Lihat halaman status Anda."


@dataclass(frozen=True, slots=True)
class Tended:
    """What one round did, and how many appeals are late by now (as many as one look shows)."""

    warned_count: int
    escalated_count: int
    reopened_count: int
    joined_count: int
    forgotten_count: int
    late_count: int


def tend_appeals(ports: Ports, programme: Programme) -> Tended:
    """Do what is due.

    Raises:
        DependencyError: the table could not be reached; what was not done is still due.
    """
    return Tended(
        warned_count=_each(ports, APPEALS, lambda appeal: _warn(ports, programme, appeal)),
        escalated_count=_each(ports, NEAR, lambda appeal: _escalate(ports, appeal)),
        reopened_count=_each(ports, ASKED, lambda appeal: _reopen(ports, programme, appeal)),
        joined_count=_each(ports, JOINING, lambda appeal: _join(ports, appeal)),
        forgotten_count=_each(ports, DECIDED, lambda appeal: _forget(ports, appeal)),
        late_count=len(ports.rows.read_due(LATE, ports.clock.now(), MOST_A_ROUND)),
    )


def _each(ports: Ports, worklist: str, step: Callable[[Appeal], bool]) -> int:
    done_count = 0
    for row in ports.rows.read_due(worklist, ports.clock.now(), MOST_A_ROUND):
        with suppress(ConflictError):  # somebody else was at it: it is still due, or not any more
            done_count += step(appeal_in(row))
    return done_count


def _warn(ports: Ports, programme: Programme, appeal: Appeal) -> bool:
    """Say that the deadline is near; but tell it first where it was not known, or begins anew."""
    application = applications.load(ports, appeal.application_id)
    if appeal.deadline is None:
        told = with_deadline(appeal, programme, appeal.counted_from)
        if told.warned_at > ports.clock.now():
            save_appeal(ports, application, told, "appeal_deadline_set")
            return False
        appeal = told
    save_appeal(ports, application, replace(appeal, escalation=Escalation.NEAR), "appeal_deadline_near")
    return True


def _escalate(ports: Ports, appeal: Appeal) -> bool:
    late = replace(appeal, escalation=Escalation.PASSED)
    application = applications.load(ports, appeal.application_id)
    name = f"appeal-{appeal.number}-late-{appeal.question_count}"
    notice = Notice.to(application, name, LATE_TEXT.format(number=appeal.number))
    also = [Put(appeal_row(late)), Put(notice_row(ports, notice))]
    applications.save(ports, application, "appeal_late", facts_of(late), also=also)
    return True


def _reopen(ports: Ports, programme: Programme, appeal: Appeal) -> bool:
    application = applications.load(ports, appeal.application_id)
    reopened = with_deadline(appeal, programme, ports.clock.now())
    save_appeal(ports, application, reopened, "appeal_not_answered")
    return True


def _join(ports: Ports, appeal: Appeal) -> bool:
    """Enter somebody into the running wave as they asked to be, as soon as they are verified."""
    application, now = applications.load(ports, appeal.application_id), ports.clock.now()
    if application.state in ON_THE_WAY:
        later = replace(appeal, join_at=now + LOOK_AGAIN)
        if application.state is State.CHECKING:
            later = replace(appeal, join_at=now + timedelta(minutes=1))
        ports.rows.commit([Put(appeal_row(later))])
        return False
    has_joined = application.state is State.VERIFIED and _has_joined(ports, application.application_id)
    changes = [Put(appeal_row(replace(appeal, join_at=None)))]
    if has_joined:
        name = f"appeal-{appeal.number}-joined"
        changes.append(Put(notice_row(ports, Notice.to(application, name, JOINED_TEXT))))
    ports.rows.commit(changes)
    return has_joined


def _has_joined(ports: Ports, application_id: str) -> bool:
    wave_id = joinable_wave(ports, applications.load(ports, application_id))
    if not wave_id:
        return False
    try:
        selection.join(ports, application_id, wave_id)
    except RefusedError:
        return False  # the wave was frozen, or processing restricted, in this very moment
    return True


def _forget(ports: Ports, appeal: Appeal) -> bool:
    ports.photos.remove([each.key for each in appeal.evidence if each.key])
    ports.rows.commit([Put(appeal_row(without_words(appeal)))])
    return True
