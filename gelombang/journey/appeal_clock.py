"""What time does to appeals, once a minute: deadlines are watched, questions run out, the restored join, words go.

    near ─▶ the supervisors' queue     late ─▶ their queue, and the owner is told that it takes longer
    nobody answers a question ─▶ back into the queue, to be decided with what is there

Each round does what is due and can be done again: an appeal is on one worklist, and leaves it with the commit. One
that cannot be worked on keeps no other waiting (`gelombang.journey.rounds`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from gelombang.domain.appeal import Appeal, Escalation, without_words
from gelombang.domain.application import Application, State
from gelombang.domain.eligibility import CORRECTABLE
from gelombang.domain.errors import RefusedError, RestrictedError
from gelombang.domain.programme import Programme
from gelombang.journey import applications, rechecking
from gelombang.journey.appeal_rows import (
    APPEALS,
    ASKED,
    DECIDED,
    JOINING,
    NEAR,
    appeal_in,
    appeal_row,
    facts_of,
    last_day_to_answer,
    save_appeal,
    with_deadline,
)
from gelombang.journey.notices import Notice, notice_row
from gelombang.journey.ports import Change, Ports, Put
from gelombang.journey.rechecking import CheckedAgainError
from gelombang.journey.restored import joinable_wave
from gelombang.journey.rounds import Round

ROUND = timedelta(seconds=15)  # the same minute's reconciler may have taken forty of sixty seconds
LOOK_AGAIN = timedelta(minutes=10)  # whether somebody may join by now
ON_THE_WAY = frozenset({State.CHECKING, State.NEEDS_PHOTO, State.IN_REVIEW})
LATE_TEXT = "Jawaban banding {number} terlambat; maaf. Atasan petugas sudah diberi tahu."
JOINED_TEXT = "Banding Anda dikabulkan dan Anda sudah diikutkan dalam gelombang. Lihat halaman status Anda."


@dataclass(frozen=True, slots=True)
class Tended:
    """What one round did."""

    warned_count: int
    escalated_count: int
    reopened_count: int
    joined_count: int
    forgotten_count: int


def tend_appeals(ports: Ports, programme: Programme) -> Tended:
    """Do what is due.

    Raises:
        Exception: whatever was wrong first with an appeal; all others were tended, and it is still due.
    """
    now = ports.clock.now()
    this = Round(ports, now + ROUND)

    def each(worklist: str, step: Callable[[Appeal], bool]) -> int:
        return this.work_on(worklist, now, lambda _, row: step(appeal_in(row)))

    tended = Tended(
        warned_count=each(APPEALS, lambda appeal: _warn(ports, programme, appeal)),
        escalated_count=each(NEAR, lambda appeal: _escalate(ports, appeal)),
        reopened_count=each(ASKED, lambda appeal: _reopen(ports, programme, appeal)),
        joined_count=each(JOINING, lambda appeal: _join(ports, programme, appeal)),
        forgotten_count=each(DECIDED, lambda appeal: _forget(ports, appeal)),
    )
    this.end()
    return tended


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
    name = f"appeal-{appeal.number}-late-{appeal.late_at:%Y-%m-%d}"  # a deadline can be counted anew and pass again
    notice = Notice.to(application, name, LATE_TEXT.format(number=appeal.number))
    also = [Put(appeal_row(late)), Put(notice_row(ports, notice))]
    applications.save(ports, application, "appeal_late", facts_of(late), also=also)
    return True


def _reopen(ports: Ports, programme: Programme, appeal: Appeal) -> bool:
    """Put a question that nobody answered back into the queue; but tell its last day first where that begins anew."""
    application = applications.load(ports, appeal.application_id)
    if appeal.answer_by is None:
        day = last_day_to_answer(programme, appeal.counted_from)
        facts = {"answer_by": day.isoformat()}
        save_appeal(ports, application, replace(appeal, answer_by=day), "appeal_answer_day_set", facts)
        return False
    reopened = with_deadline(appeal, programme, ports.clock.now())
    save_appeal(ports, application, reopened, "appeal_not_answered")
    return True


def _join(ports: Ports, programme: Programme, appeal: Appeal) -> bool:
    """Enter somebody into the running wave as they asked to be, as soon as they are verified."""
    application, now = applications.load(ports, appeal.application_id), ports.clock.now()
    if _is_to_wait(ports, application):
        is_soon = application.state is State.CHECKING and not application.restricted_at
        later = replace(appeal, join_at=now + (timedelta(minutes=1) if is_soon else LOOK_AGAIN))
        ports.rows.commit([Put(appeal_row(later))])
        return False
    done = Put(appeal_row(replace(appeal, join_at=None)))
    notice = Notice.to(application, f"appeal-{appeal.number}-joined", JOINED_TEXT)
    try:
        if application.state is State.VERIFIED and _has_joined(
            ports, programme, application, [done, Put(notice_row(ports, notice))]
        ):
            return True
    except (RestrictedError, CheckedAgainError):
        return False  # in this very moment: the next round finds them restricted, or being checked
    ports.rows.commit([done])
    return False


def _is_to_wait(ports: Ports, application: Application) -> bool:
    """Say whether somebody may yet come to join: verified soon, or restricting processing while a wave takes them."""
    if application.restricted_at and application.state is State.VERIFIED:
        return joinable_wave(ports, application) != ""
    return application.state in ON_THE_WAY or _is_correcting(application)


def _is_correcting(application: Application) -> bool:
    """Say whether a typing error is being corrected; a draft of whoever withdrew consent is no way to a wave."""
    return application.state is State.DRAFT and not CORRECTABLE.isdisjoint(application.reasons)


def _has_joined(ports: Ports, programme: Programme, application: Application, also: Sequence[Change]) -> bool:
    """Join the wave that takes somebody now, if one does.

    Raises:
        RestrictedError: they have restricted processing since they were loaded.
        CheckedAgainError: other rules are in force than those they were checked by.
    """
    wave_id = joinable_wave(ports, application)
    if not wave_id:
        return False
    try:
        rechecking.join(ports, programme, application.application_id, wave_id, also)
    except (RestrictedError, CheckedAgainError):
        raise
    except RefusedError:
        return False  # the wave was frozen in this very moment
    return True


def _forget(ports: Ports, appeal: Appeal) -> bool:
    ports.photos.remove([each.key for each in appeal.evidence if each.key])
    ports.rows.commit([Put(appeal_row(without_words(appeal)))])
    return True
