"""Remembers what a request was answered, so that sending it again does nothing twice.

    begin ─▶ Begun: do the work ─┬▶ keep     the same answer from now on, letter for letter
       │                         └▶ give_up  nothing final came of it: the next sending does the work
       └───▶ KeptAnswer, or an error: the key stands for another request, or the work is going on

A process that dies in between leaves the row as it was; after `LEASE_S` the next sending does the work again and is
told that it may be done already. Every row is named by a hash of its own, so no partition is busier than another.

Source: draft-ietf-httpapi-idempotency-key-header-07.
"""

from __future__ import annotations

import hashlib
import hmac
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gelombang.domain.errors import ConflictError, DependencyError, KeyReusedError, StillRunningError
from gelombang.journey.ports import Key, Ports, Put, Row

KEPT_HOURS = 24
LEASE_S = 30  # longer than the 29 s after which the gateway has given up on whoever began
LOOK_AGAIN_S = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as its sender named it: `key` is unpredictable where `sender` is anyone ("")."""

    sender: str  # an application, a member of staff, or ""
    key: str
    content: bytes  # everything that says what is asked: method, path, body
    application_id: str = ""  # whose key seals what is secret in the answer


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered the first time, complete."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Begun:
    """The caller is the one to do the work, and ends it with `keep` or `give_up`."""

    row: Row
    may_be_done: bool  # an earlier sending began it and gave no answer


def begin(ports: Ports, asked: Asked) -> Begun | KeptAnswer:
    """Return the answer that was given before, or the right to do the work.

    Raises:
        KeyReusedError: the key was used for another request.
        StillRunningError: the same request is being worked on.
        DependencyError: the table could not be reached.
    """
    key, mark = _key_of(asked), _mark_of(asked)
    try:
        return _begun(ports, Row(key, {"request": mark}), may_be_done=False)
    except ConflictError:
        row = ports.rows.read(key)
    now = ports.clock.now()
    if row is None or (row.expires_at and row.expires_at <= now):
        fresh = Row(key, {"request": mark}, row.version if row else 0)
        return _taken_over(ports, fresh, may_be_done=False)
    return _standing(ports, asked, row) or _taken_over(ports, row, may_be_done=True)


def recall(ports: Ports, asked: Asked) -> KeptAnswer | None:
    """Return the answer that was given before to a sender who may begin nothing any more, None when there is none.

    Raises:
        KeyReusedError, StillRunningError, DependencyError: as `begin`.
    """
    row = ports.rows.read(_key_of(asked))
    if row is None or (row.expires_at and row.expires_at <= ports.clock.now()):
        return None
    return _standing(ports, asked, row)


def keep(ports: Ports, asked: Asked, begun: Begun, answer: KeptAnswer, *, is_secret: bool) -> bool:
    """Keep the answer for `KEPT_HOURS`, its body sealed if secret; return False when it could not be kept.

    The work is done by now, so the answer is given all the same: a later sending waits for the lease and finds it done.
    """
    fields = begun.row.fields | {"status": answer.status, "headers": answer.headers}
    try:
        if is_secret:
            fields["sealed_body"] = ports.vault.seal(answer.body, _seal_context(asked))
        else:
            fields["body"] = answer.body
        ports.rows.commit([Put(replace(begun.row, fields=fields))])
    except (ConflictError, DependencyError):
        return False
    return True


def give_up(ports: Ports, begun: Begun) -> None:
    """Let the next sending do the work at once; if even that cannot be written, it waits for the lease."""
    open_again = replace(begun.row, fields=begun.row.fields | {"begun_at": ""})
    with suppress(ConflictError, DependencyError):
        ports.rows.commit([Put(open_again)])


def _begun(ports: Ports, row: Row, *, may_be_done: bool) -> Begun:
    now = ports.clock.now()
    fields = row.fields | {"begun_at": now.isoformat()}
    row = replace(row, fields=fields, expires_at=now + timedelta(hours=KEPT_HOURS))
    ports.rows.commit([Put(row)])
    return Begun(replace(row, version=row.version + 1), may_be_done)


def _standing(ports: Ports, asked: Asked, row: Row) -> KeptAnswer | None:
    """Return what a request was answered, or None where whoever began it gave no answer in time."""
    if not hmac.compare_digest(row.fields["request"], _mark_of(asked)):
        raise KeyReusedError
    if "status" in row.fields:
        return _kept(ports, asked, row)
    began = row.fields["begun_at"]
    if began and ports.clock.now() - datetime.fromisoformat(began) < _lease():
        raise StillRunningError(LOOK_AGAIN_S)
    return None


def _taken_over(ports: Ports, row: Row, *, may_be_done: bool) -> Begun:
    try:
        return _begun(ports, row, may_be_done=may_be_done)
    except ConflictError:
        raise StillRunningError(LOOK_AGAIN_S) from None  # another sending was faster


def _kept(ports: Ports, asked: Asked, row: Row) -> KeptAnswer:
    fields = row.fields
    sealed = fields.get("sealed_body")
    body = ports.vault.open(sealed, _seal_context(asked)) if sealed else fields["body"]
    return KeptAnswer(fields["status"], fields["headers"], body)


def _key_of(asked: Asked) -> Key:
    named = f"{asked.sender}\x1f{asked.key}".encode()
    return Key(f"ANSWER#{hashlib.sha256(named).hexdigest()}")


def _mark_of(asked: Asked) -> str:
    """Return what tells one request from another; keyed, because bodies (a phone, a code) could be guessed."""
    return hmac.new(asked.key.encode(), asked.content, hashlib.sha256).hexdigest()


def _seal_context(asked: Asked) -> dict[str, str]:
    owner = {"application_id": asked.application_id} if asked.application_id else {}
    return {"answer": _key_of(asked).partition} | owner


def _lease() -> timedelta:
    return timedelta(seconds=LEASE_S)
