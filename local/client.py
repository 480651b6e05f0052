"""The HTTP API as one caller sees it: anybody, an applicant, a reviewer, an operator or an auditor.

Knows the routes of docs/architecture.md and nothing of what is behind them; the demo, the command line and
the journey test all speak through here.
"""

from __future__ import annotations

import ssl
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import httpx

from gelombang.domain.application import PhotoStatus, Slot, State
from gelombang.domain.checks import Outcome

if TYPE_CHECKING:
    from types import TracebackType

Json = dict[str, Any]  # a JSON object as the API gives it; its fields are in docs/api/openapi.json
TRIES = 3
SEND_AGAIN = ("changed-meanwhile", "still-running")  # the problems after which any request may be sent again
_BY_STATUS = {410: "upload-ended", 500: "unexpected", 502: "unexpected", 503: "dependency-unavailable"}
NOT_READY = "not-ready"  # each of its points says what to do; the problem itself, that there are some
TLS = ssl.create_default_context()  # reading the authorities takes 30 ms: once, not for every connection
TIMEOUT_S = 60.0  # a cold Lambda process on a busy two-core machine answers within seconds, not at once


class ApiProblemError(Exception):
    """The API answered with problem+json (RFC 9457); the fields are those of the body."""

    def __init__(self, problem: Json) -> None:
        self.problem = problem
        self.type = str(problem.get("type", "about:blank"))
        self.status = int(problem.get("status", 0))
        self.title = str(problem.get("title", ""))
        self.detail = str(problem.get("detail_en") or problem.get("detail", ""))
        self.errors: list[Json] = problem.get("errors", [])
        self.next_step = "" if self._is_in_points else str(problem.get("next_step_en", ""))
        self.retry_after_s = int(problem.get("retry_after_s", 0))
        super().__init__(self.sentence())

    @property
    def slug(self) -> str:
        """The last part of the problem's type."""
        return self.type.rsplit("/", 1)[-1]

    def sentence(self) -> str:
        """Return what is wrong, with every fault named, as one plain line."""
        faults = "; ".join(
            f"{each.get('pointer', '')} {each.get('detail_en', '')}".strip() for each in self.errors
        )
        return faults if self._is_in_points else f"{self.detail or self.title} {faults}".strip()

    @property
    def _is_in_points(self) -> bool:
        return self.slug == NOT_READY and bool(self.errors)


class UploadRefusedError(Exception):
    """The photograph store did not take an upload; `status` is its HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the photograph store answered {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class PhotoSeen:
    """One photograph as its owner sees it."""

    status: PhotoStatus
    faults: frozenset[str]


@dataclass(frozen=True, slots=True)
class StatusSeen:
    """What an applicant is told, as far as a program needs it; `document` is all of it."""

    state: State
    reasons: frozenset[str]
    reason_sentences: tuple[str, ...]  # in English
    open_slots: tuple[Slot, ...]
    photos: dict[Slot, PhotoSeen]
    awaited_layers: frozenset[str]  # layers whose register has not answered
    document: Json


@dataclass(frozen=True, slots=True)
class Caller:
    """A connection to the API, with a bearer token where the caller has one."""

    http: httpx.Client

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.http.close()

    def get(self, path: str) -> Json:
        """Return the JSON at `path`.

        Raises:
            ApiProblemError: the API refused.
            httpx.TransportError: the API could not be reached.
        """
        return self._send("GET", path, None)

    def post(self, path: str, body: Json | None = None) -> Json:
        """Post a JSON object and return the answer; raises as `get` does."""
        return self._send("POST", path, body or {})

    def patch(self, path: str, body: Json) -> Json:
        """Patch with a JSON object and return the answer; raises as `get` does."""
        return self._send("PATCH", path, body)

    def _send(self, method: str, path: str, body: Json | None) -> Json:
        """Send a request, again if the API says that waiting helps; a POST under one key, so that it is one request."""
        headers = {"Idempotency-Key": f'"{uuid.uuid4()}"'} if method == "POST" else {}
        for _ in range(TRIES - 1):
            try:
                return _json_of(self.http.request(method, path, json=body, headers=headers))
            except ApiProblemError as problem:
                if problem.slug not in SEND_AGAIN:
                    raise
                time.sleep(problem.retry_after_s)
        return _json_of(self.http.request(method, path, json=body, headers=headers))


def connect(url: str, token: str = "") -> Caller:
    """Return a caller of the API at `url`, with this bearer token if there is one."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Caller(httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_S, verify=TLS))


def ask_for_code(anybody: Caller, phone: str) -> str:
    """Have a code sent to `phone` (E.164) and return the challenge it answers."""
    return str(anybody.post("/v1/codes", {"phone": phone, "action": "log_in"})["challenge_id"])


def start_session(anybody: Caller, challenge_id: str, code: str) -> Json:
    """Confirm a phone code and return the session: token, application_id, expires_at."""
    return anybody.post("/v1/sessions", {"challenge_id": challenge_id, "code": code})


def read_status(applicant: Caller) -> StatusSeen:
    """Return the applicant's own status; raises as `Caller.get` does."""
    told = applicant.get("/v1/application")
    return StatusSeen(
        state=State(told["state"]["code"]),
        reasons=frozenset(reason["code"] for reason in told["reasons"]),
        reason_sentences=tuple(reason["sentence"]["en"] for reason in told["reasons"]),
        open_slots=tuple(Slot(slot) for slot in told["open_slots"]),
        photos={Slot(slot): _photo_seen(photo) for slot, photo in told["photos"].items()},
        awaited_layers=frozenset(
            check["layer"] for check in told["checks"] if check["outcome"] == Outcome.PENDING
        ),
        document=told,
    )


def _photo_seen(photo: Json) -> PhotoSeen:
    return PhotoSeen(PhotoStatus(photo["status"]), frozenset(fault["code"] for fault in photo["faults"]))


def raise_problem(answer: httpx.Response) -> None:
    """Raise what the API refused, if it did.

    Raises:
        ApiProblemError: the answer is no success.
    """
    if answer.is_success:
        return
    try:
        body = answer.json()
    except ValueError:
        body = None
    problem = body if isinstance(body, dict) else {}
    said = {"status": answer.status_code, "title": answer.reason_phrase}
    if answer.status_code in _BY_STATUS:  # an answer to HEAD has no body
        said["type"] = _BY_STATUS[answer.status_code]
    raise ApiProblemError({**said, **problem})


def _json_of(answer: httpx.Response) -> Json:
    raise_problem(answer)
    return dict(answer.json())
