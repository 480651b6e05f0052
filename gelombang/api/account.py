"""The routes of an applicant's account: codes, sessions, and the phone they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gelombang.api.callers import ANYONE, ON_THEIR_OWN, SIGNED_IN
from gelombang.api.forms import CodeForm, EmailForm, EmptyForm, PhoneForm, SessionForm
from gelombang.api.routes import Call, Route, Routes, View
from gelombang.domain.errors import CodeError, InvalidFormError, TooManyRequestsError
from gelombang.journey import codes, contacts, limits, sessions
from gelombang.journey.codes import Action, Asker, CodeSent
from gelombang.journey.contacts import EmailSaved
from gelombang.journey.reach import Channel
from gelombang.journey.sessions import Session, SessionSeen, SessionStarted
from gelombang.observability import event_logger, write_event

THIS = "this"  # names the session that asks
PHONE = "/v1/application/phone"
EMAIL = "/v1/application/email"
WAITING = (TooManyRequestsError,)


@dataclass(frozen=True, slots=True)
class Sessions:
    """The applicant's open sessions, the one that began first first."""

    sessions: list[SessionSeen]


def serve_account(routes: Routes) -> None:
    """Let `routes` serve everything below."""
    for route, view in _VIEWS:
        routes.serve(route)(view)


def send_code(call: Call[None, CodeForm]) -> CodeSent:
    """Send a code to the phone, for one action; count the address it was asked from."""
    counted = limits.address_of_today(call.ports, call.address)
    write_event(event_logger("register"), "code_asked", address=counted)
    asker = Asker(device=call.form.device)
    action, channel = Action(call.form.action), Channel(call.form.channel)
    return codes.send_code(call.ports, call.form.phone, action, asker, channel=channel)


def confirm_code(call: Call[None, SessionForm]) -> SessionStarted:
    """Use the code up and hand out a session."""
    return sessions.confirm_code(call.ports, call.form.challenge_id, call.form.code)


def list_sessions(call: Call[Session, EmptyForm]) -> Sessions:
    """Show where the applicant is signed in."""
    return Sessions(sessions.list_sessions(call.ports, call.caller))


def end_session(call: Call[Session, EmptyForm]) -> Sessions:
    """Sign one device out, and show those left."""
    name = call.path["session_id"]
    sessions.end_session(call.ports, call.caller, call.caller.session_id if name == THIS else name)
    return Sessions(sessions.list_sessions(call.ports, call.caller))


def end_all_sessions(call: Call[Session, EmptyForm]) -> Sessions:
    """Sign every device out, this one too."""
    sessions.end_all_sessions(call.ports, call.caller)
    return Sessions([])


def ask_to_change_phone(call: Call[Session, PhoneForm]) -> CodeSent:
    """Send a code to the new number."""
    return contacts.ask_to_change_phone(call.ports, call.caller, call.form.phone)


def change_phone(call: Call[Session, SessionForm]) -> SessionStarted:
    """Confirm the new number; every other device is signed out, and this one gets a new token."""
    return contacts.change_phone(call.ports, call.caller, call.form.challenge_id, call.form.code)


def has_email(call: Call[Session, EmptyForm]) -> EmailSaved:
    """Say whether codes can be sent by e-mail."""
    return contacts.has_email(call.ports, call.caller)


def ask_to_save_email(call: Call[Session, EmailForm]) -> CodeSent:
    """Send a code to the address."""
    return contacts.ask_to_save_email(call.ports, call.caller, call.form.email)


def save_email(call: Call[Session, SessionForm]) -> EmailSaved:
    """Confirm the address."""
    return contacts.save_email(call.ports, call.caller, call.form.challenge_id, call.form.code)


def forget_email(call: Call[Session, EmptyForm]) -> EmailSaved:
    """Forget the address."""
    return contacts.forget_email(call.ports, call.caller)


_VIEWS: tuple[tuple[Route[Any, Any], View[Any, Any]], ...] = (
    (
        Route(
            "POST", "/v1/codes", ANYONE, CodeForm, CodeSent, "Send a phone code", 202, (TooManyRequestsError,)
        ),
        send_code,
    ),
    (
        Route(
            "POST",
            "/v1/sessions",
            ANYONE,
            SessionForm,
            SessionStarted,
            "Confirm a code",
            201,
            (CodeError,),
            is_secret=True,
        ),
        confirm_code,
    ),
    (Route("GET", "/v1/sessions", SIGNED_IN, EmptyForm, Sessions, "Where I am signed in"), list_sessions),
    (
        Route("DELETE", "/v1/sessions", ON_THEIR_OWN, EmptyForm, Sessions, "Sign out everywhere"),
        end_all_sessions,
    ),
    (
        Route("DELETE", "/v1/sessions/{session_id}", SIGNED_IN, EmptyForm, Sessions, "Sign out one device"),
        end_session,
    ),
    (
        Route(
            "POST",
            PHONE,
            SIGNED_IN,
            PhoneForm,
            CodeSent,
            "Ask to change the phone",
            202,
            WAITING,
        ),
        ask_to_change_phone,
    ),
    (
        Route(
            "POST",
            f"{PHONE}/confirmation",
            SIGNED_IN,
            SessionForm,
            SessionStarted,
            "Change the phone",
            200,
            (CodeError, InvalidFormError),
            is_secret=True,
            ends_session=True,
        ),
        change_phone,
    ),
    (
        Route("GET", EMAIL, ON_THEIR_OWN, EmptyForm, EmailSaved, "Whether an e-mail address is kept"),
        has_email,
    ),
    (
        Route(
            "POST", EMAIL, ON_THEIR_OWN, EmailForm, CodeSent, "Ask to keep an e-mail address", 202, WAITING
        ),
        ask_to_save_email,
    ),
    (Route("DELETE", EMAIL, ON_THEIR_OWN, EmptyForm, EmailSaved, "Forget the e-mail address"), forget_email),
    (
        Route(
            "POST",
            f"{EMAIL}/confirmation",
            ON_THEIR_OWN,
            SessionForm,
            EmailSaved,
            "Keep the e-mail address",
            200,
            (CodeError,),
        ),
        save_email,
    ),
)
