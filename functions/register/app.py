"""Registration: account, assistance, rights, seats, uploads (in `gelombang.api`); the form as typed, submit, status.

A request goes from a route below through `gelombang.api.routes` to the function of `gelombang.journey`.
"""

from __future__ import annotations

from chalice.app import Chalice

from gelombang import wiring
from gelombang.api.account import serve_account
from gelombang.api.appeals import serve_appeals
from gelombang.api.assisted import serve_assistance
from gelombang.api.callers import ANYONE, APPLICANT
from gelombang.api.forms import ConsentForm, DraftForm, EmptyForm
from gelombang.api.replies import Health, ProgrammePage, programme_page
from gelombang.api.rights import serve_rights
from gelombang.api.routes import Call, Route, Routes
from gelombang.api.seats import serve_seats
from gelombang.api.uploads import CHUNK_TYPE, serve_uploads
from gelombang.domain.application import ApplicationId, State
from gelombang.domain.errors import (
    FormChangedError,
    MoveNotAllowedError,
    NotReadyError,
    TooManyRequestsError,
)
from gelombang.journey import challenge, consents, registration, status
from gelombang.journey.challenge import ChallengeIssued
from gelombang.journey.consents import ConsentReceipt, Consents
from gelombang.journey.registration import FormView
from gelombang.journey.status import Status

FORM = "/v1/application/form"
SUBMIT = "/v1/application/submit"
CONSENTS = "/v1/application/consents"
SAVING = (MoveNotAllowedError, FormChangedError)
SUBMITTING = (MoveNotAllowedError,)
CHALLENGES = "/v1/application/challenges"
ANSWER = f"{CHALLENGES}/{{challenge_id}}/answer"
ISSUING = (MoveNotAllowedError, TooManyRequestsError)
ANSWERING = (MoveNotAllowedError, NotReadyError)

app = Chalice(app_name="gelombang-register", configure_logs=False)
routes = Routes(app, wiring.ports_from_environment, wiring.programme_from_environment)
app.api.binary_types.append(CHUNK_TYPE)
serve_account(routes)
serve_appeals(routes)
serve_assistance(routes)
serve_rights(routes)
serve_seats(routes)
serve_uploads(routes)


@routes.serve(
    Route("GET", "/v1/application", APPLICANT, EmptyForm, Status, "Where the application is, and why")
)
def read_status(call: Call[ApplicationId, EmptyForm]) -> Status:
    """Tell the state, its reasons and the next step."""
    return status.status_of(call.ports, call.programme, call.caller)


@routes.serve(Route("GET", FORM, APPLICANT, EmptyForm, FormView, "The form as typed so far", has_etag=True))
def read_form(call: Call[ApplicationId, EmptyForm]) -> FormView:
    """Show the applicant what was saved."""
    return registration.read_form(call.ports, call.caller)


@routes.serve(
    Route("PATCH", FORM, APPLICANT, DraftForm, FormView, "Save fields as typed", 200, SAVING, has_etag=True)
)
def save_form(call: Call[ApplicationId, DraftForm]) -> FormView:
    """Save the fields that were sent; the others stay."""
    fields = call.form.model_dump(exclude_unset=True)
    return registration.save_form(call.ports, call.programme, call.caller, fields, call.if_match)


@routes.serve(Route("GET", CONSENTS, APPLICANT, EmptyForm, Consents, "Consents, with their receipts"))
def read_consents(call: Call[ApplicationId, EmptyForm]) -> Consents:
    """Show what was agreed to, and prove it."""
    return consents.consents_of(call.ports, call.programme, call.caller)


@routes.serve(Route("POST", CONSENTS, APPLICANT, ConsentForm, ConsentReceipt, "Agree, or no longer", 201))
def change_consent(call: Call[ApplicationId, ConsentForm]) -> ConsentReceipt:
    """Give or withdraw consent to one purpose."""
    form = call.form
    if form.is_given:
        return consents.give_consent(call.ports, call.programme, call.caller, form.purpose, form.version)
    return consents.withdraw_consent(call.ports, call.programme, call.caller, form.purpose)


@routes.serve(Route("POST", SUBMIT, APPLICANT, EmptyForm, Status, "Submit, or submit again", 202, SUBMITTING))
def submit(call: Call[ApplicationId, EmptyForm]) -> Status:
    """Let the checks begin, and tell the state after it."""
    try:
        registration.submit(call.ports, call.caller)
    except MoveNotAllowedError as refused:
        if not (call.may_be_done and refused.state == State.CHECKING):
            raise
    return status.status_of(call.ports, call.programme, call.caller)


@routes.serve(
    Route(
        "POST",
        CHALLENGES,
        APPLICANT,
        EmptyForm,
        ChallengeIssued,
        "Get a challenge",
        201,
        ISSUING,
        is_secret=True,
    )
)
def issue_challenge(call: Call[ApplicationId, EmptyForm]) -> ChallengeIssued:
    """Issue a sequence of head poses with an upload form for each; one issued before is void."""
    return challenge.issue_challenge(call.ports, call.caller)


@routes.serve(
    Route("POST", ANSWER, APPLICANT, EmptyForm, Status, "Hand a challenge's frames in", 202, ANSWERING)
)
def answer_challenge(call: Call[ApplicationId, EmptyForm]) -> Status:
    """Have the frames measured for the reviewer, and tell the state after it."""
    challenge.answer_challenge(call.ports, call.caller, call.path["challenge_id"])
    return status.status_of(call.ports, call.programme, call.caller)


@routes.serve(
    Route("GET", "/v1/programme", ANYONE, EmptyForm, ProgrammePage, "Consent, regions and texts", cache_s=60)
)
def read_programme(call: Call[None, EmptyForm]) -> ProgrammePage:
    """Tell a page what to ask for and how to word it."""
    return programme_page(call.programme)


@routes.serve(Route("GET", "/v1/register/health", ANYONE, EmptyForm, Health, "The function is alive"))
def health(_call: Call[None, EmptyForm]) -> Health:
    """Answer without asking anything of anyone."""
    return Health("register")
