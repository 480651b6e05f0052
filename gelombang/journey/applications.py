"""Loads and saves an application: one commit holds its row, its audit entry and the messages it causes.

A message is first a row of the outbox, then sent, then the row is removed. Whoever crashes between leaves the row,
and the reconciler sends it: a message may come twice, never not at all.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pydantic import TypeAdapter

from gelombang.domain.application import (
    MOVES_WHILE_RESTRICTED,
    TIMED_STATES,
    UNFINISHED_STATES,
    WORKING_STATES,
    Application,
    ApplicationId,
    Move,
    State,
    next_state,
    require_unrestricted,
)
from gelombang.domain.audit import AuditEntry, next_entry
from gelombang.domain.errors import ConflictError, DependencyError, NotFoundError
from gelombang.domain.messages import Message, QueueName, message_from_json, message_to_json
from gelombang.domain.wave import JAKARTA
from gelombang.journey.ports import Change, Delete, Due, Key, Ports, Put, Row

STUCK = "stuck"  # worklist of applications the machine itself must move on
OUTBOX = "outbox"  # worklist of messages still to be sent
RETENTION_ENDED = "retention_ended"  # event: something kept long enough is gone
SHARDS = 256  # of each worklist of retention, and of the heads of audit chains
HEADS = "HEADS#"  # rows of the audit entries of a day, for the daily anchor
HEADS_KEPT = timedelta(days=90)  # far longer than the anchor waits, even while the machinery is being mended
Given = ParamSpec("Given")
Result = TypeVar("Result")
_APPLICATION = TypeAdapter(Application)
_AUDIT = TypeAdapter(AuditEntry)


def application_key(application_id: str) -> Key:
    """Return where an application lies."""
    return Key(f"APPLICATION#{application_id}")


def retention_list(state: State, step: int, shard: int) -> str:
    """Return the worklist of applications in a state that wait for its retention class number `step`.

    In shards, for everybody is on one of these, and a partition of an index takes a thousand writes a second.
    """
    return f"retention#{state}#{step}#{shard:02x}"


def shard_of(application_id: str) -> int:
    """Return the shard (0..SHARDS - 1) an application is in."""
    return zlib.crc32(application_id.encode()) % SHARDS


def load(ports: Ports, application_id: str) -> Application:
    """Return the application as last saved.

    Raises:
        NotFoundError: there is none of this name.
    """
    row = ports.rows.read(application_key(application_id))
    if row is None:
        raise NotFoundError
    return from_row(row)


def from_row(row: Row) -> Application:
    """Return the application in a row of the table."""
    return replace(_APPLICATION.validate_python(row.fields), version=row.version)


# What leaves it as it is that somebody was kept out of waves by a second check; else it is their turn, or they are out.
KEEPS_RECHECK = frozenset({Move.VERIFY, Move.DOUBT, Move.MISS, Move.PUT_ON_RESERVE})


def move(application: Application, how: Move, now: datetime, **changes: Any) -> Application:  # noqa: ANN401 - fields of Application, checked by `replace`
    """Return the application after a move, its reasons cleared unless given.

    Raises:
        MoveNotAllowedError: the state machine has no such move from here.
        RestrictedError: its owner has restricted processing, and this move is not among those that go on.
    """
    if how not in MOVES_WHILE_RESTRICTED:
        require_unrestricted(application, how)
    state = next_state(application.state, how)
    fresh = {"state": state, "state_since": now, "reasons": (), "removal_step": 0}
    if how not in KEEPS_RECHECK:
        fresh["rechecked_from"] = None
    if state is State.SELECTED:  # what they missed is made good
        fresh["restored_from"] = None
    return replace(application, **{**fresh, **changes})


def save(
    ports: Ports,
    application: Application,
    event: str,
    facts: dict[str, Any] | None = None,
    *,
    announce: Sequence[Message] = (),
    also: Sequence[Change] = (),
    delay_s: int = 0,
) -> Application:
    """Commit the application with its audit entry, its messages and `also`, then send the messages.

    Returns the application as now stored. `facts` is JSON without personal data; the messages are delivered
    after `delay_s` (0..900) seconds.

    Raises:
        ConflictError: somebody changed it (or a row of `also`) since it was loaded; nothing was saved.
        DependencyError: the table could not be reached.
    """
    now = ports.clock.now()
    application, changes = _entered(application, now, event, _attributed(ports, facts or {}))
    outbox = [
        _outbox_row(
            f"{application.application_id}:{application.audit_length}:{number}", message, delay_s, now
        )
        for number, message in enumerate(announce)
    ]
    ports.rows.commit([*changes, *(Put(each) for each in outbox), *also])
    for each in outbox:
        relay(ports, replace(each, version=1))
    return replace(application, version=application.version + 1)


def changes_of(ports: Ports, application: Application, event: str, facts: dict[str, Any]) -> list[Change]:
    """Return the changes that save an application with its audit entry, to be committed with another's."""
    return _entered(application, ports.clock.now(), event, _attributed(ports, facts))[1]


def rereading(step: Callable[Given, Result]) -> Callable[Given, Result]:
    """Let a step that loads, decides and saves begin again, at most four times, when somebody else saved first.

    No time passes between the tries: each begins with what the other one saved.
    """

    @wraps(step)
    def begin_again(*given: Given.args, **named: Given.kwargs) -> Result:
        for _ in range(4):
            try:
                return step(*given, **named)
            except ConflictError:
                continue
        return step(*given, **named)

    return begin_again


def relay(ports: Ports, outbox_row: Row) -> bool:
    """Send one message of the outbox and strike it off; return False when it must be tried again later."""
    message = message_from_json(QueueName(outbox_row.fields["queue"]), outbox_row.fields["body"])
    try:
        ports.queues.send(message, outbox_row.fields["delay_s"])
        ports.rows.commit([Delete(outbox_row.key, outbox_row.version)])
    except DependencyError:
        return False
    except ConflictError:
        return True  # the reconciler was faster: it is sent
    return True


def audit_of(ports: Ports, application_id: ApplicationId) -> list[AuditEntry]:
    """Return an application's audit chain, oldest first."""
    rows = ports.rows.read_partition(application_key(application_id).partition, "AUDIT#")
    return [_AUDIT.validate_python(row.fields) for row in rows]


def _attributed(ports: Ports, facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts with the name of the officer who is at the keyboard, where one is."""
    return facts | {"assisted_by": ports.assistance.officer} if ports.assistance else facts


def _entered(
    application: Application, now: datetime, event: str, facts: dict[str, Any]
) -> tuple[Application, list[Change]]:
    """Return the application with one more audit entry, and the changes that store both."""
    entry = next_entry(application.audit_length, application.audit_head, now, event, facts)
    touched_at = application.touched_at if event == RETENTION_ENDED else now
    application = replace(
        application, audit_length=entry.sequence, audit_head=entry.entry_hash, touched_at=touched_at
    )
    due = _due(application, now)
    fields = _APPLICATION.dump_python(application, mode="json")
    row = Row(application_key(application.application_id), fields, application.version, due)
    return application, [Put(row), Put(_audit_row(application, entry)), Put(_head_row(application, entry))]


def _due(application: Application, now: datetime) -> Due | None:
    """Return the worklist that an application waits on: the machine's own, or the one of what is kept too long."""
    if (
        application.restricted_at or application.open_appeal
    ):  # what an appeal is about stays until it is answered
        return None
    if application.state in WORKING_STATES:
        return Due(STUCK, now)
    if application.state not in TIMED_STATES:
        return None
    is_unfinished = application.state in UNFINISHED_STATES
    since = (application.touched_at or now) if is_unfinished else application.state_since
    since = max(since, application.appeal_closed_at or since)  # a rejected appeal may be followed by another
    # The next midnight: never too early, and a form that is typed moves in the index once a day and not at each field.
    day = since.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return Due(
        retention_list(application.state, application.removal_step, shard_of(application.application_id)), day
    )


def _audit_row(application: Application, entry: AuditEntry) -> Row:
    key = Key(application_key(application.application_id).partition, f"AUDIT#{entry.sequence:06d}")
    return Row(key, _AUDIT.dump_python(entry, mode="json"))


def _head_row(application: Application, entry: AuditEntry) -> Row:
    """Return the row by which the daily anchor finds the chains that grew, without looking at all of them."""
    day = entry.at.astimezone(JAKARTA).date().isoformat()
    partition = f"{HEADS}{day}#{shard_of(application.application_id):02x}"
    key = Key(partition, f"{application.application_id}#{entry.sequence:06d}")
    return Row(key, {"head": entry.entry_hash}, expires_at=entry.at + HEADS_KEPT)


def _outbox_row(event_id: str, message: Message, delay_s: int, now: datetime) -> Row:
    fields = {"queue": message.queue, "body": message_to_json(message), "delay_s": delay_s}
    return Row(Key(f"OUTBOX#{event_id}"), fields, due=Due(OUTBOX, now))
