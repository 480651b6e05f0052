"""The routes of reviewers: be given a case, look at it, answer it; of others: how reviewers do, what an audit found."""

from __future__ import annotations

from dataclasses import dataclass

from gelombang.api.callers import MEASURER, REVIEWER, SEAT_AUDITOR
from gelombang.api.forms import AnswerForm, EmptyForm, FindingForm, LabelForm
from gelombang.api.routes import Call, Route, Routes
from gelombang.domain.errors import InvalidFormError, MoveNotAllowedError, RestrictedError
from gelombang.journey import review_quality, reviewing, seats
from gelombang.journey.review_quality import QualityReport
from gelombang.journey.reviewing import Answered, ReviewGiven, ReviewView
from gelombang.journey.seats import SeatTakenBack
from gelombang.journey.staff import Staff

REVIEWS = "/v1/reviews"
REVIEW = f"{REVIEWS}/{{review_id}}"
FINDING = "/v1/explanations/{application_id}/finding"
DECIDING = (MoveNotAllowedError, RestrictedError)
TAKING = (InvalidFormError, MoveNotAllowedError)


@dataclass(frozen=True, slots=True)
class NextReview:
    """What this reviewer is to look at; nothing while no case waits that they may have."""

    review: ReviewGiven | None


@dataclass(frozen=True, slots=True)
class ChallengeWished:
    """The applicant is told that a challenge would help."""

    review_id: str
    label: str


def serve_reviews(routes: Routes) -> None:
    """Let `routes` serve everything below."""
    given = Route("POST", f"{REVIEWS}/next", REVIEWER, EmptyForm, NextReview, "Be given a case")
    seen = Route("GET", REVIEW, REVIEWER, EmptyForm, ReviewView, "What was given, with its pictures")
    said = Route("POST", f"{REVIEW}/decision", REVIEWER, AnswerForm, Answered, "Answer", 200, DECIDING)
    wish = Route(
        "POST",
        f"{REVIEW}/challenge",
        REVIEWER,
        LabelForm,
        ChallengeWished,
        "Ask for a challenge",
        202,
        DECIDING,
    )
    told = Route("GET", f"{REVIEWS}/quality", MEASURER, EmptyForm, QualityReport, "How well reviewers do")
    taken = Route("POST", FINDING, SEAT_AUDITOR, FindingForm, SeatTakenBack, "Take a seat back", 200, TAKING)
    routes.serve(given)(next_review)
    routes.serve(seen)(view_review)
    routes.serve(said)(answer_review)
    routes.serve(wish)(ask_challenge)
    routes.serve(told)(review_figures)
    routes.serve(taken)(take_seat_back)


def next_review(call: Call[Staff, EmptyForm]) -> NextReview:
    """Give the most urgent case this reviewer may have, or the one they have; nobody chooses one."""
    return NextReview(reviewing.next_review(call.ports, call.caller))


def view_review(call: Call[Staff, EmptyForm]) -> ReviewView:
    """Show what was given to this reviewer; each view goes on record."""
    return reviewing.view_review(call.ports, call.caller, call.path["review_id"])


def answer_review(call: Call[Staff, AnswerForm]) -> Answered:
    """Keep a reviewer's answer about one person; what others answered is not told."""
    review_id, form = call.path["review_id"], call.form
    return reviewing.answer(
        call.ports, call.caller, review_id, form.label, decision=form.decision, note=form.note
    )


def ask_challenge(call: Call[Staff, LabelForm]) -> ChallengeWished:
    """Tell the applicant that a challenge would help; nobody must take one."""
    review_id, label = call.path["review_id"], call.form.label
    reviewing.ask_challenge(call.ports, call.caller, review_id, label)
    return ChallengeWished(review_id, label)


def review_figures(call: Call[Staff, EmptyForm]) -> QualityReport:
    """Tell how many cases each reviewer answered, how fast, how often as others did, and how planted ones went."""
    return review_quality.quality(call.ports, call.caller)


def take_seat_back(call: Call[Staff, FindingForm]) -> SeatTakenBack:
    """Refuse somebody who has a seat for what an audit found; the seat goes to the region's next reserve."""
    name, form = call.path["application_id"], call.form
    return seats.take_back(call.ports, call.programme, call.caller, name, form.reason, note=form.note)
