"""The routes of appeals for those who file them."""

from __future__ import annotations

from gelombang.api.callers import APPLICANT
from gelombang.api.forms import AppealAnswerForm, AppealForm, EmptyForm, PhotoForm
from gelombang.api.routes import Call, Route, Routes
from gelombang.domain.application import ApplicationId
from gelombang.domain.errors import MoveNotAllowedError, NotReadyError
from gelombang.journey import appeal_evidence, appeals
from gelombang.journey.appeals import Appeals, AppealTold
from gelombang.journey.ports import UploadForm

OWN = "/v1/application/appeals"
ONE = f"{OWN}/{{number}}"
ANSWERING = (MoveNotAllowedError,)
REFUSING = (*ANSWERING, NotReadyError)


def serve_appeals(routes: Routes) -> None:
    """Let `routes` serve everything below."""
    read = Route("GET", OWN, APPLICANT, EmptyForm, Appeals, "My appeals, and what I may appeal against")
    # What people say is in these two answers, so they are kept sealed.
    file = Route(
        "POST",
        OWN,
        APPLICANT,
        AppealForm,
        AppealTold,
        "Appeal against a refusal",
        201,
        REFUSING,
        is_secret=True,
    )
    answer = Route(
        "POST",
        f"{ONE}/answer",
        APPLICANT,
        AppealAnswerForm,
        AppealTold,
        "Answer",
        200,
        ANSWERING,
        is_secret=True,
    )
    offer = Route(
        "POST", f"{ONE}/evidence", APPLICANT, PhotoForm, UploadForm, "Send a picture", 201, REFUSING
    )
    routes.serve(read)(read_appeals)
    routes.serve(file)(file_appeal)
    routes.serve(answer)(answer_appeal)
    routes.serve(offer)(offer_evidence)


def read_appeals(call: Call[ApplicationId, EmptyForm]) -> Appeals:
    """Show the applicant's appeals."""
    return appeals.read_appeals(call.ports, call.programme, call.caller)


def file_appeal(call: Call[ApplicationId, AppealForm]) -> AppealTold:
    """File an appeal; its number and deadline are in the answer."""
    form = call.form
    return appeals.file_appeal(
        call.ports, call.programme, call.caller, form.reason, form.words, wants_to_join=form.wants_to_join
    )


def answer_appeal(call: Call[ApplicationId, AppealAnswerForm]) -> AppealTold:
    """Answer what the officer asked."""
    number = call.path["number"]
    return appeals.answer_appeal(call.ports, call.programme, call.caller, number, call.form.words)


def offer_evidence(call: Call[ApplicationId, PhotoForm]) -> UploadForm:
    """Offer a form for one picture."""
    number, form = call.path["number"], call.form
    return appeal_evidence.offer_evidence(call.ports, call.caller, number, form.content_type, form.size_bytes)
