"""Sessions: opened by a phone code, listed and ended by their owner, several at once.

A token is 256 random bits, shown once and stored only as a hash; every sign-in makes a new one. A session ends twelve
hours after it was last used and two weeks after it began, and never because its owner was throttled. One that an
officer opens for somebody (`gelombang.journey.assistance`) ends an hour after it began, or when the next is opened.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gelombang.domain.application import Application, ApplicationId, State
from gelombang.domain.errors import ConflictError, NotFoundError, NotSignedInError
from gelombang.journey import applications, codes
from gelombang.journey.applications import rereading
from gelombang.journey.codes import Action, CodeTaken
from gelombang.journey.limits import LIMITS, Limits
from gelombang.journey.ports import Assistance, Change, Delete, Key, Ports, Put, Row
from gelombang.journey.reach import phone_context, phone_key, sending_context
from gelombang.journey.tags import find_or_new

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=14)  # long enough to come back after days, on a phone that may be somebody else's
ASSISTED = timedelta(hours=1)  # one visit; going on needs the person's receipt code again
NOTED_EVERY = timedelta(minutes=15)  # that a session is used is written this often, not at each request
MOST_DEVICES = 5  # remembered for a phone
MOST_SESSIONS = 10  # of one application; the one that began first makes room
TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """The applicant is signed in; `token` is shown once and stored only as a hash."""

    token: str
    application_id: ApplicationId
    expires_at: datetime  # unless it is used before


@dataclass(frozen=True, slots=True)
class Session:
    """An open session, as its token tells it."""

    application_id: ApplicationId
    session_id: str  # names the session to its owner; opens nothing
    assistance: Assistance | None = None  # whose session it is, where an officer opened it


@dataclass(frozen=True, slots=True)
class SessionSeen:
    """One of the applicant's sessions, as its owner sees it."""

    session_id: str
    created_at: datetime
    seen_at: datetime  # within a quarter of an hour
    is_this: bool
    is_assisted: bool  # an officer opened it, to help


def confirm_code(
    ports: Ports, challenge_id: str, code: str, action: Action = Action.LOG_IN, allowed: Limits = LIMITS
) -> SessionStarted:
    """Use a code up and start a session; a phone seen for the first time gets an application in DRAFT.

    Raises:
        CodeError: wrong, expired, used up, or sent for another action.
    """
    return _confirm(ports, challenge_id, code, Action(action), allowed)


def session_of(ports: Ports, token: str) -> Session:
    """Return the session that a token opens, and keep it open.

    Raises:
        NotSignedInError: it opens none, or not any more.
    """
    row = ports.rows.read(_session_key(_hash_of(token)))
    now = ports.clock.now()
    if row is None or row.expires_at is None or row.expires_at <= now:
        raise NotSignedInError
    if now - datetime.fromisoformat(row.fields["seen_at"]) >= NOTED_EVERY:
        with suppress(ConflictError):  # another request of this session noted it, or its owner ended it
            ports.rows.commit([Put(_seen(row, now))])
    return Session(ApplicationId(row.fields["application_id"]), row.fields["session_id"], _assistance_of(row))


def applicant_of(ports: Ports, token: str) -> ApplicationId:
    """Return whose session a token opens.

    Raises:
        NotSignedInError: it opens none, or not any more.
    """
    return session_of(ports, token).application_id


def list_sessions(ports: Ports, session: Session) -> list[SessionSeen]:
    """Return the open sessions of this session's owner, the one that began first first."""
    now = ports.clock.now()
    rows = _rows_of(ports, session.application_id)
    seen = [_view(row, session) for row in rows if row.expires_at and row.expires_at > now]
    return sorted(seen, key=lambda one: (one.created_at, one.session_id))


@rereading
def end_session(ports: Ports, session: Session, session_id: str) -> None:
    """End one of the owner's sessions; it may be this one. An officer's session ends no other.

    Raises:
        NotFoundError: the owner has no such session.
    """
    if session.assistance and session_id != session.session_id:
        raise NotFoundError
    rows = _rows_of(ports, session.application_id)
    ended = [row for row in rows if row.fields["session_id"] == session_id]
    if not ended:
        raise NotFoundError
    ports.rows.commit(_endings(ended))


@rereading
def end_all_sessions(ports: Ports, session: Session) -> None:
    """End every session of the owner, this one too."""
    rows = _rows_of(ports, session.application_id)
    if rows:
        ports.rows.commit(_endings(rows))


def endings(ports: Ports, application_id: str) -> list[Change]:
    """Return the changes that end every session of the application."""
    return _endings(_rows_of(ports, application_id))


def renewal(ports: Ports, session: Session) -> tuple[SessionStarted, list[Change]]:
    """Return a new session in place of this one, and the changes that start it and end every other of its owner."""
    started, changes = _start(ports, session.application_id, session.assistance)
    return started, [*changes, *endings(ports, session.application_id)]


def start_assisted(
    ports: Ports, application_id: str, assistance: Assistance
) -> tuple[SessionStarted, list[Change]]:
    """Return a session for an officer who helps, and the changes that start it and end those of officers before."""
    started, changes = _start(ports, application_id, assistance)
    before = [row for row in _rows_of(ports, application_id) if _assistance_of(row)]
    return started, [*changes, *_endings(before)]


@rereading
def _confirm(ports: Ports, challenge_id: str, code: str, action: Action, allowed: Limits) -> SessionStarted:
    taken = codes.take_code(ports, challenge_id, code, action, allowed=allowed)
    devices = [taken.device] if taken.device else []
    opened = {"application_id": _name_for(taken), "devices": devices}
    phone, beside = find_or_new(ports, phone_key, taken.tag, opened)
    name = phone.fields["application_id"]
    if phone.version:
        started, changes = _start(ports, name)
        changes += [*_makes_room(ports, name), *_remembered(phone, taken.device)]
        ports.rows.commit([*taken.changes, *changes])
        return started
    started, changes = _start(ports, name)
    fresh = _fresh_application(ports, name, taken)
    also = [*taken.changes, *changes, Put(phone), *beside]
    applications.save(ports, fresh, "application_opened", also=also)
    return started


def _remembered(phone: Row, device: str) -> list[Change]:
    devices = phone.fields.get("devices", [])
    if not device or device in devices:
        return []
    return [Put(replace(phone, fields=phone.fields | {"devices": [*devices, device][-MOST_DEVICES:]}))]


def _start(
    ports: Ports, application_id: str, assistance: Assistance | None = None
) -> tuple[SessionStarted, list[Change]]:
    now = ports.clock.now()
    token = ports.clock.random_bytes(TOKEN_BYTES).hex()
    token_hash, session_id = _hash_of(token), f"ses_{ports.clock.random_bytes(8).hex()}"
    fields = {
        "application_id": application_id,
        "session_id": session_id,
        "created_at": now.isoformat(),
        "seen_at": now.isoformat(),
        "assistance": [assistance.officer, assistance.district] if assistance else [],
    }
    session = _seen(Row(_session_key(token_hash), fields), now)
    listed = Row(
        _listing_key(application_id, session_id), {"token_hash": token_hash}, expires_at=now + LONGEST
    )
    started = SessionStarted(token, ApplicationId(application_id), session.expires_at or now)
    return started, [Put(session), Put(listed)]


def _seen(row: Row, now: datetime) -> Row:
    longest = datetime.fromisoformat(row.fields["created_at"]) + (
        ASSISTED if _assistance_of(row) else LONGEST
    )
    return replace(row, fields=row.fields | {"seen_at": now.isoformat()}, expires_at=min(now + IDLE, longest))


def _makes_room(ports: Ports, application_id: str) -> list[Change]:
    rows = _rows_of(ports, application_id)
    rows.sort(key=lambda row: str(row.fields["created_at"]))
    return _endings(rows[: max(0, len(rows) + 1 - MOST_SESSIONS)])


def _rows_of(ports: Ports, application_id: str) -> list[Row]:
    """Return the rows of the application's sessions, those too that have ended and not been cleaned away."""
    listed = ports.rows.read_partition(f"SESSIONS#{application_id}")
    rows = (ports.rows.read(_session_key(row.fields["token_hash"])) for row in listed)
    return [row for row in rows if row is not None]


def _endings(rows: list[Row]) -> list[Change]:
    """Return the changes that end these sessions; what lists them expires by itself."""
    return [Delete(row.key, row.version) for row in rows]


def _view(row: Row, session: Session) -> SessionSeen:
    created_at, seen_at = (datetime.fromisoformat(row.fields[name]) for name in ("created_at", "seen_at"))
    name = row.fields["session_id"]
    is_assisted = _assistance_of(row) is not None
    return SessionSeen(name, created_at, seen_at, name == session.session_id, is_assisted)


def _assistance_of(row: Row) -> Assistance | None:
    said = row.fields.get("assistance")
    return Assistance(*said) if said else None


def phone_sealed_for(ports: Ports, application_id: str, taken: CodeTaken) -> str:
    """Return the number that a code proved, sealed with the person's own key."""
    number = ports.vault.open(taken.sealed, sending_context(taken.tag))
    return ports.vault.seal(number, phone_context(application_id))


def _name_for(taken: CodeTaken) -> str:
    """Return the same name however often, and by however many at once, this code is taken: it gets one key."""
    return f"app_{_hash_of(taken.sending_id)[:24]}"


def _fresh_application(ports: Ports, name: str, taken: CodeTaken) -> Application:
    now = ports.clock.now()
    sealed = phone_sealed_for(ports, name, taken)
    return Application(ApplicationId(name), taken.tag, sealed, State.DRAFT, now, now)


def _session_key(token_hash: str) -> Key:
    return Key(f"SESSION#{token_hash}")


def _listing_key(application_id: str, session_id: str) -> Key:
    return Key(f"SESSIONS#{application_id}", session_id)


def _hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
