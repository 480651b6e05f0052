"""The routes of appeals for those who answer them, and what is published about them."""

from __future__ import annotations

from dataclasses import dataclass

from gelombang.api.callers import ANYONE, APPEALS_OFFICER, APPEALS_SUPERVISOR
from gelombang.api.forms import AppealDecisionForm, EmptyForm
from gelombang.api.routes import Call, Route, Routes
from gelombang.domain.appeal import AppealState
from gelombang.domain.errors import MoveNotAllowedError, NotReadyError
from gelombang.journey import appeal_decisions
from gelombang.journey.appeal_decisions import AppealHead, AppealView
from gelombang.journey.appeal_statistics import AppealStatistics, appeal_statistics
from gelombang.journey.staff import Staff

QUEUE = "/v1/appeals"
ONE = f"{QUEUE}/{{number}}"
REFUSING = (MoveNotAllowedError, NotReadyError)
STATISTICS_S = 300  # how long they may be kept


@dataclass(frozen=True, slots=True)
class AppealQueue:
    """Appeals that wait for an answer, the one with the nearest deadline first."""

    appeals: list[AppealHead]


@dataclass(frozen=True, slots=True)
class AppealAnswered:
    """Where an appeal is after an officer answered."""

    number: str
    state: AppealState


def serve_appeal_decisions(routes: Routes) -> None:
    """Let `routes` serve everything below."""
    queue = Route("GET", QUEUE, APPEALS_OFFICER, EmptyForm, AppealQueue, "Appeals waiting for an answer")
    late = Route(
        "GET",
        f"{QUEUE}/escalated",
        APPEALS_SUPERVISOR,
        EmptyForm,
        AppealQueue,
        "Appeals that are late or nearly so",
    )
    view = Route("GET", ONE, APPEALS_OFFICER, EmptyForm, AppealView, "One appeal with its evidence")
    decide = Route(
        "POST",
        f"{ONE}/decision",
        APPEALS_OFFICER,
        AppealDecisionForm,
        AppealAnswered,
        "Answer an appeal",
        200,
        REFUSING,
    )
    published = Route(
        "GET",
        f"{QUEUE}/statistics",
        ANYONE,
        EmptyForm,
        AppealStatistics,
        "Appeals by month, reason and outcome",
        cache_s=STATISTICS_S,
    )
    routes.serve(queue)(open_appeals)
    routes.serve(late)(escalated_appeals)
    routes.serve(view)(view_appeal)
    routes.serve(decide)(decide_appeal)
    routes.serve(published)(read_statistics)


def open_appeals(call: Call[Staff, EmptyForm]) -> AppealQueue:
    """List the open appeals by deadline."""
    return AppealQueue(appeal_decisions.open_appeals(call.ports, call.caller))


def escalated_appeals(call: Call[Staff, EmptyForm]) -> AppealQueue:
    """List those that are late or nearly so."""
    return AppealQueue(appeal_decisions.escalated_appeals(call.ports, call.caller))


def view_appeal(call: Call[Staff, EmptyForm]) -> AppealView:
    """Show one appeal to an officer."""
    return appeal_decisions.view_appeal(call.ports, call.caller, call.path["number"])


def decide_appeal(call: Call[Staff, AppealDecisionForm]) -> AppealAnswered:
    """Answer an appeal."""
    number, form = call.path["number"], call.form
    state = appeal_decisions.decide_appeal(
        call.ports, call.programme, call.caller, number, form.code, note=form.note
    )
    return AppealAnswered(number, state)


def read_statistics(call: Call[None, EmptyForm]) -> AppealStatistics:
    """Publish how appeals go."""
    return appeal_statistics(call.ports)
