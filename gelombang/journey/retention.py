"""Removes what is kept of people when its time is over, by itself: programmes/<name>/retention.json says what and when.

    application's row, on the worklist of its state, of the class that is next there, and of its shard
       └─▶ due: the class's data goes ─▶ one commit: the audit says which class, and the row waits for the next one

The row's time is when its state began; a class's period is applied when the list is read, so that another period holds
for everybody at once. Whatever ends a removal, the row is still on its list, and removing again is safe. A restricted
application is on no list: its data is kept until its owner lifts that.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from gelombang.domain.application import TIMED_STATES, Application, PhotoStatus
from gelombang.domain.errors import ConflictError
from gelombang.domain.programme import Programme
from gelombang.domain.retention import Removal, RetentionClass
from gelombang.journey import applications, erasure, sessions
from gelombang.journey.applications import RETENTION_ENDED, SHARDS, application_key, from_row, retention_list
from gelombang.journey.challenge import challenges_of
from gelombang.journey.evidence import evidence_key, face_checks_of, releases_of
from gelombang.journey.gallery import erase_face
from gelombang.journey.ports import Change, Delete, Ports, Row
from gelombang.journey.reach import phone_key
from gelombang.journey.receipts import release_receipt
from gelombang.journey.resumable import erase_uploads
from gelombang.journey.review import without_notes
from gelombang.journey.tags import find

SHARDS_A_ROUND = 8  # drawn anew each minute: all of them within some hours, and rounds can run side by side
ROUND = timedelta(seconds=40)  # a function has sixty seconds; what it does not come to, the next round does


def remove_due(ports: Ports, programme: Programme, shards: Iterable[int] | None = None) -> int:
    """Remove what is due in some shards, by chance unless given; return how many applications lost a class of data.

    Raises:
        DependencyError: a store could not be reached; nothing that was begun is lost.
    """
    began, removed_count = ports.clock.now(), 0
    for shard in some_shards(ports) if shards is None else shards:
        for row, each in _due_in(ports, programme, shard):
            removed_count += _remove(ports, row, each)
            if ports.clock.now() - began > ROUND:
                return removed_count
    return removed_count


def some_shards(ports: Ports) -> list[int]:
    """Return the shards of one round."""
    return sorted({byte % SHARDS for byte in ports.clock.random_bytes(SHARDS_A_ROUND)})


def _due_in(ports: Ports, programme: Programme, shard: int) -> Iterable[tuple[Row, RetentionClass]]:
    now = ports.clock.now()
    for state in sorted(TIMED_STATES):
        for step, each in enumerate(programme.retention_of(state)):
            for row in ports.rows.read_due(retention_list(state, step, shard), now - each.after):
                yield row, each


def _remove(ports: Ports, listed: Row, each: RetentionClass) -> bool:
    """Remove one class of one application's data, unless it has moved since it was listed."""
    row = ports.rows.read(listed.key)
    if row is None or row.due != listed.due:
        return False
    application, facts = from_row(row), {"class": each.name, "removed": list(each.removes)}
    try:
        if Removal.PERSON in each.removes:
            erasure.end_now(ports, application, facts)
            return True
        changes: list[Change] = []
        for what in each.removes:
            application, more = _without(ports, application, what)
            changes += more
        done = replace(application, removal_step=application.removal_step + 1)
        applications.save(ports, done, RETENTION_ENDED, facts, also=changes)
    except ConflictError:
        return False  # somebody changed it meanwhile: it is still listed, or not due any more
    return True


def _without(ports: Ports, application: Application, what: Removal) -> tuple[Application, list[Change]]:
    """Remove something from where it lies; return the application without it, and what must be saved with that."""
    match what:
        case Removal.REFUSED_PHOTOGRAPHS:
            refused = {s: p for s, p in application.photos.items() if p.status is PhotoStatus.REFUSED}
            ports.photos.remove([photo.key for photo in refused.values() if photo.key])
            forgotten = {slot: replace(photo, key="") for slot, photo in refused.items()}
            return replace(application, photos=application.photos | forgotten), []
        case Removal.PHOTOGRAPHS:
            ports.photos.erase(application.application_id)
            erase_uploads(ports, application.application_id)
            forgotten = {slot: replace(photo, key="") for slot, photo in application.photos.items()}
            return replace(application, photos=forgotten), []
        case Removal.FACE:
            _remove_face(ports, application, ports.clock.now())
            return application, []
        case Removal.NOTES:
            return application, without_notes(ports, applications.audit_of(ports, application.application_id))
        case Removal.CONTACT:
            unreachable = replace(application, phone_tag="", sealed_phone="", sealed_email="", receipt_tag="")
            return unreachable, _contact_of(ports, application)
        case Removal.PERSON:
            raise ValueError("a person is erased as a whole")


def _remove_face(ports: Ports, application: Application, now: datetime) -> None:
    """Ask the galleries first, for the evidence is what says which they are; the rows that name it go last."""
    with suppress(ConflictError):  # asked for in this very microsecond, by a round that was killed
        erase_face(ports.rows, application.application_id, sorted(releases_of(ports, application)), now)
    name = application.application_id
    challenges = [challenge.challenge_id for challenge in challenges_of(ports, name)]
    measured = [evidence_key(each) for each in [*face_checks_of(application), *challenges]]
    naming = ports.rows.read_partition(application_key(name).partition, "CHALLENGE#")
    for row in [*(row for key in measured if (row := ports.rows.read(key))), *naming]:
        ports.rows.commit([Delete(row.key, row.version)])


def _contact_of(ports: Ports, application: Application) -> list[Change]:
    """Return what signs somebody out everywhere, frees their phone for another application and ends a receipt code."""
    changes = sessions.endings(ports, application.application_id) + release_receipt(ports, application)
    phone = find(ports, phone_key, application.phone_tag) if application.phone_tag else None
    if phone is not None and phone.fields["application_id"] == application.application_id:
        changes.append(Delete(phone.key, phone.version))
    return changes
