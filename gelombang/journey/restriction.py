"""Restricts the processing of a person's data at their wish, and lifts that again: at once, and nothing is lost.

    restrict ─▶ kept as it is, wherever it was ─▶ lift: whatever waited is asked for again

What is under way finds the flag in the application's row, which every step reads before and writes after: a check, a
decision or a join that began before loses the commit, begins again and stops. The face check's place is taken, so that
the worker leaves the photographs alone; the reviewers' list and the reconciler's do not name the application; an entry
in a wave that is not frozen is held.
docs/decisions/0020 says what goes on all the same.

Source: Law 27 of 2022 on personal data, article 41, within 3 x 24 hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gelombang.domain.application import Application, Move, State
from gelombang.domain.audit import AuditEntry
from gelombang.domain.checks import Outcome
from gelombang.domain.errors import TooManyRequestsError
from gelombang.domain.messages import Message
from gelombang.domain.reasons import Reason
from gelombang.journey import applications, review
from gelombang.journey.appeal_endings import pausing
from gelombang.journey.applications import rereading
from gelombang.journey.challenge import challenge_request, unmeasured_challenges
from gelombang.journey.evidence import renewal_of_check, withdrawal_of_check
from gelombang.journey.ports import Change, Delete, Ports, Put, Require
from gelombang.journey.verification import messages_due
from gelombang.journey.wave_rows import entry_key, entry_row, gate_key, load_entry

RESTRICTED, LIFTED = "restricted", "restriction_lifted"  # events of the audit
MOST_A_DAY = 5  # each lifting has what was called off done again
WITHIN_A_DAY = timedelta(days=1)


@rereading
def restrict(ports: Ports, application_id: str) -> Application:
    """Have nothing done with an application but keeping it; restricting again changes nothing.

    Raises:
        TooManyRequestsError: `MOST_A_DAY` times within a day; the wait is far shorter than the law's three days.
    """
    application, now = applications.load(ports, application_id), ports.clock.now()
    if application.restricted_at:
        return application
    _limit(applications.audit_of(ports, application.application_id), now)
    held = _held_entry(ports, application)
    unmeasured = [each.challenge_id for each in unmeasured_challenges(ports, application_id)]
    called_off = [
        change
        for name in (application.face_check_id, *unmeasured)
        for change in withdrawal_of_check(ports, name)
    ]
    off_the_list = review.pausing_of(ports, application, is_paused=True)
    off_the_list += pausing(ports, application, is_paused=True)
    facts = {"entry_held": bool(held)}
    restricted = replace(application, restricted_at=now)
    also = [*held, *called_off, *off_the_list]
    return applications.save(ports, restricted, RESTRICTED, facts, also=also)


@rereading
def lift(ports: Ports, application_id: str) -> Application:
    """Let an application go on from where it was; lifting again changes nothing.

    Whoever was held back from a draw that is frozen by now has missed it, and may join the next wave.
    """
    application = applications.load(ports, application_id)
    if not application.restricted_at:
        return application
    unmeasured = unmeasured_challenges(ports, application_id)
    also = [
        change
        for name in (application.face_check_id, *(each.challenge_id for each in unmeasured))
        for change in renewal_of_check(ports, name)
    ]
    also += review.pausing_of(ports, application, is_paused=False)
    also += pausing(ports, application, is_paused=False)
    lifted, entry = _let_go(ports, replace(application, restricted_at=None))
    announce: list[Message] = [*messages_due(ports, lifted)]
    announce += [challenge_request(lifted, each) for each in unmeasured]
    facts: dict[str, Any] = {"missed_draw": lifted.state is not application.state}
    return applications.save(ports, lifted, LIFTED, facts, announce=announce, also=[*also, *entry])


def _limit(entries: Sequence[AuditEntry], now: datetime) -> None:
    recent = [entry.at for entry in entries if entry.event == RESTRICTED and entry.at > now - WITHIN_A_DAY]
    if len(recent) >= MOST_A_DAY:
        raise TooManyRequestsError(int((recent[0] + WITHIN_A_DAY - now).total_seconds()) + 1)


def _held_entry(ports: Ports, application: Application) -> list[Change]:
    """Return what keeps an entry out of the draw; nothing once its wave is frozen: others' chances hang on the list."""
    if application.state is not State.JOINED:
        return []
    gate = gate_key(application.wave_id, application.entry_id[:2])
    if ports.rows.read(gate) is not None:
        return []
    entry = load_entry(ports, application.wave_id, application.entry_id)
    return [Put(entry_row(application.wave_id, replace(entry, is_held=True))), Require(gate, 0)]


def _let_go(ports: Ports, application: Application) -> tuple[Application, list[Change]]:
    """Return the application with its held entry in the wave again, or out of a draw that it has missed.

    Nor does whoever a list has excluded meanwhile go back: they have missed it too, with the list's reason.
    """
    if application.state is not State.JOINED:
        return application, []
    wave_id, entry_id = application.wave_id, application.entry_id
    entry = load_entry(ports, wave_id, entry_id)
    if not entry.is_held:
        return application, []
    excluded = [check.reason for check in application.checks.values() if check.outcome is Outcome.FAILED]
    gate = gate_key(wave_id, entry_id[:2])
    if not excluded and ports.rows.read(gate) is None:
        return application, [Put(entry_row(wave_id, replace(entry, is_held=False))), Require(gate, 0)]
    reasons = tuple(excluded) or (Reason.RESTRICTED_DURING_DRAW,)
    now = ports.clock.now()
    missed = applications.move(application, Move.MISS, now, reasons=reasons, wave_id="", entry_id="")
    return missed, [Delete(entry_key(wave_id, entry_id), entry.version)]
