"""Every route, called by every kind of caller, lets in exactly those that docs/authorization.md says."""

from __future__ import annotations

import re
import runpy
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from function_calls import ELSEWHERE as AWAY
from function_calls import SITI, Answer, Caller, assisted, given, in_review, sign_in, staff, submitted

from gelombang.api.forms import (
    AnswerForm,
    AppealAnswerForm,
    AppealDecisionForm,
    LabelForm,
    PhotoForm,
    ReceiptForm,
    SeatReceiptForm,
)
from gelombang.api.openapi import FUNCTIONS, routes_of
from gelombang.api.routes import Route
from gelombang.domain.application import Move
from gelombang.domain.checks import CheckResult, Layer, Outcome
from gelombang.journey import applications
from gelombang.journey.staff import OFFICER, REVIEWER, SCOPES_OF
from gelombang.memory.ports import MemoryWorld

DOCS = Path(__file__).parents[2] / "docs"
PAGES = runpy.run_path(str(DOCS / "generate.py"))
ROUTES = [route for function in FUNCTIONS for route in routes_of(function)]
ASSISTED, ELSEWHERE = "assisted applicant", "officer, other district"
OTHER, AT_HOME = "other applicant", "reviewer, own district"
CALLERS = PAGES["CALLERS"]
SITIS, OF_ANOTHER, APPELLANTS = "+6281200000008", "+6281200000007", "+6281200000006"
ANSWERS: dict[Any, dict[str, Any]] = {
    LabelForm: {"label": "A"},
    AnswerForm: {"label": "A", "decision": "accept", "note": "sama"},
    PhotoForm: {"content_type": "image/jpeg", "size_bytes": 1000},
    AppealAnswerForm: {"words": "Ini suratnya."},
    AppealDecisionForm: {"code": "REJECTED_NOT_SHOWN"},
}
TUS = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
CHUNK = "application/offset+octet-stream"


def a_caller(world: MemoryWorld, kind: str, receipt: str) -> Caller:
    """Return somebody of this kind; an assisted applicant is the one with this receipt code."""
    if kind == ELSEWHERE:
        return staff(world, "officer", district="3578")
    if kind == ASSISTED:
        return Caller(Caller(OF_OFFICER).post("/v1/assisted/sessions", {"receipt": receipt}).body["token"])
    if kind in TOKENS:
        return Caller(TOKENS[kind])
    if kind == AT_HOME:
        return staff(world, REVIEWER, SITI.region)
    if kind in SCOPES_OF:
        return staff(world, kind)
    applicant = sign_in(world, "+6281200000009")
    if kind == "ended session":
        world.clock.advance(hours=13)
    return applicant


@pytest.mark.parametrize("kind", CALLERS)
def test_every_route_lets_in_exactly_whom_the_matrix_names(world: MemoryWorld, kind: str) -> None:
    written = matrix()
    receipt, names = assisted(staff(world, "officer"))[1], somebody_elses(world)
    caller = a_caller(world, kind, receipt)
    found = {}
    for route in ROUTES:
        path = re.sub(r"{(\w+)}", lambda name: names.get(name[1], "none"), route.path)
        form = {"receipt": receipt} if issubclass(route.form, ReceiptForm) else ANSWERS.get(route.form, {})
        if route.form is SeatReceiptForm:
            form["answer"] = "accept"
        if "upload_id" in route.path:
            answer = caller.send(route.method, path, bytes(2048), CHUNK, TUS)
        else:
            answer = caller.send(route.method, path, None if route.method == "GET" else form)
        found[route.method, route.path] = what_came(answer, kind if path.count("none") == 0 else "")
        if kind in ("applicant", OTHER) and route.method == "DELETE":  # it signed itself out
            caller = replace_token(world)
        if kind == ASSISTED and ends_officers_sessions(route):
            caller = a_caller(world, kind, receipt)

    assert found == {key: row[kind] for key, row in written.items()}


def test_the_matrix_in_the_docs_is_the_one_of_the_routes() -> None:
    assert (DOCS / "authorization.md").read_text(encoding="utf-8") == PAGES["authorization_page"]()


def test_staff_of_no_known_role_may_do_nothing(world: MemoryWorld) -> None:
    stranger = staff(world, "gardener")

    statuses = {
        stranger.send(route.method, re.sub(r"{\w+}", "none", route.path), None).status for route in OF_STAFF
    }

    assert statuses == {403}


OF_STAFF: list[Route[Any, Any]] = [route for route in ROUTES if route.callers.scope]


def somebody_elses(world: MemoryWorld) -> dict[str, str]:
    """Return what is others': Siti's challenge, her case as a reviewer has it, an upload, a session, an appeal."""
    siti, another = sign_in(world, SITIS), sign_in(world, OF_ANOTHER)
    in_review(world, siti)
    size = {"Upload-Length": "9000", "Upload-Metadata": "sha256 " + b64encode(b"0" * 64).decode()}
    begun = another.send(
        "POST", "/v1/application/photos/ktp/uploads", headers={"Tus-Resumable": "1.0.0"} | size
    )
    assert begun.status == 201
    return {
        "challenge_id": siti.post("/v1/application/challenges").body["challenge_id"],
        "review_id": given(staff(world, REVIEWER)),
        "upload_id": begun.headers["location"].rpartition("/")[2],
        "session_id": siti.get("/v1/sessions").body["sessions"][0]["session_id"],
        "number": appealing(world),
    }


def appealing(world: MemoryWorld) -> str:
    """Return the number of an appeal of somebody whom the education register calls a pupil."""
    applicant, now = sign_in(world, APPELLANTS), world.clock.now()
    waiting = applications.load(world.ports, submitted(world, applicant))
    check = CheckResult(Layer.EDUCATION, Outcome.FAILED, "kemdikbud", "1", now, "STILL_AT_SCHOOL")
    refused = applications.move(
        waiting, Move.REFUSE, now, reasons=(check.reason,), checks={check.layer: check}
    )
    applications.save(world.ports, refused, "refused_for_a_test")
    filed = applicant.post("/v1/application/appeals", {"reason": check.reason, "words": "Saya lulus."})
    assert filed.status == 201
    return str(filed.body["number"])


def what_came(answer: Answer, kind: str) -> str:
    """Return an answer in the matrix's words."""
    if kind in (OTHER, AT_HOME) and answer.status == 404:
        return "unknown"
    if answer.body == {"review": None}:
        return "none"
    reasons = [fault["reason"] for fault in answer.body.get("errors", ())]
    return "unknown" if "RECEIPT_UNKNOWN" in reasons else STATUSES.get(answer.status, "yes")


def ends_officers_sessions(route: Route[Any, Any]) -> bool:
    """Say whether a route that was answered may have ended the session of an officer."""
    return route.path in ("/v1/assisted/sessions", "/v1/application/erasure/receipt")


STATUSES = {401: "sign in", 403: "no"}
OF_OFFICER = f"token-of-officer-{SITI.region}"
OF_REVIEWER = f"token-of-reviewer-{AWAY}"
TOKENS = {"nobody": "", "unknown token": "a-guess", OFFICER: OF_OFFICER, REVIEWER: OF_REVIEWER}


def replace_token(world: MemoryWorld) -> Caller:
    world.clock.advance(minutes=6)
    return sign_in(world, "+6281200000009")


def matrix() -> dict[tuple[str, str], dict[str, str]]:
    """Return the table of docs/authorization.md by method and path."""
    lines = (DOCS / "authorization.md").read_text(encoding="utf-8").splitlines()
    rows = [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines if line[:1] == "|"
    ]
    head, _, *body = rows
    kinds = head[2:-1]
    return {(row[0], row[1]): dict(zip(kinds, row[2:-1], strict=True)) for row in body}
