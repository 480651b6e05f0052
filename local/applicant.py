"""One applicant's way through the API, as a person with a phone would go it; used by the demo.

    code ─ session ─ form ─ photographs ─ submit ─ wait ─┬─ only the refused photo again ─ submit ─ wait ─ …
                                                         └─ verified, refused ─ (join a wave) ─ result

Nothing here knows what will be decided: it sends, waits with a deadline, and notes what it saw.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gelombang.domain.application import PhotoStatus, Slot, State
from gelombang.domain.consent import NEEDED
from local.client import (
    Caller,
    StatusSeen,
    ask_for_code,
    connect,
    read_status,
    start_session,
)
from local.scenario import Sight
from local.sending import send_photograph

if TYPE_CHECKING:
    from gelombang.memory.registers import Citizen

POLL_S = 0.5
ARRIVAL_S = 60.0  # an upload's event reaches the system within about a second; a busy machine takes longer
MOST_RETAKES = 3
SETTLED = frozenset({State.VERIFIED, State.NOT_ELIGIBLE})
TextsOf = Callable[[str], list[str]]  # the texts sent to a phone so far, oldest first


class TookTooLongError(Exception):
    """Something did not happen within its deadline; `what` says what was waited for."""

    def __init__(self, what: str, waited_s: float) -> None:
        super().__init__(f"{what}: nothing after {waited_s:.0f} s")
        self.what = what


@dataclass(frozen=True, slots=True)
class Photographs:
    """What somebody sends: files for each slot, in the order of sending; the last one is sent again."""

    selfies: tuple[bytes, ...]
    cards: tuple[bytes, ...]

    def nth(self, slot: Slot, number: int) -> bytes:
        """Return the picture for a slot at the given try, counted from 0."""
        pictures = self.selfies if slot is Slot.SELFIE else self.cards
        return pictures[min(number, len(pictures) - 1)]


@dataclass(slots=True)
class Walk:
    """What one applicant has seen so far; written by one thread, read by the display."""

    name: str
    application_id: str = ""
    token: str = field(default="", repr=False)  # of the session; never shown
    entry_id: str = ""
    state: State | None = None
    stage: str = "waiting"
    sights: set[Sight] = field(default_factory=set)
    retakes: list[frozenset[str]] = field(default_factory=list)  # the faults given at once, per retake
    reasons: frozenset[str] = frozenset()
    reason_sentences: tuple[str, ...] = ()
    stage_s: dict[str, float] = field(default_factory=dict)
    fault: str = ""  # why the walk ended before its end; "" when it did not

    @contextmanager
    def during(self, stage: str) -> Iterator[None]:
        """Time a stage; a stage gone through twice counts with its sum."""
        self.stage, started = stage, time.monotonic()
        try:
            yield
        finally:
            self.stage_s[stage] = self.stage_s.get(stage, 0.0) + time.monotonic() - started


def wait_for(what: str, is_there: Callable[[], bool], deadline_s: float, poll_s: float = POLL_S) -> None:
    """Ask again and again until something is there.

    Raises:
        TookTooLongError: it was not there after `deadline_s` seconds.
    """
    ends = time.monotonic() + deadline_s
    while not is_there():
        if time.monotonic() > ends:
            raise TookTooLongError(what, deadline_s)
        time.sleep(poll_s)


def sign_in(url: str, walk: Walk, phone: str, texts_of: TextsOf) -> None:
    """Have a code sent, read it from the phone, and start a session.

    Raises:
        TookTooLongError: no text message came.
        ApiProblemError: the phone or the code was refused.
    """
    with walk.during("phone code"), connect(url) as anybody:
        before = len(texts_of(phone))
        challenge_id = ask_for_code(anybody, phone)
        wait_for("the text message with the code", lambda: len(texts_of(phone)) > before, ARRIVAL_S)
        session = start_session(anybody, challenge_id, code_in(texts_of(phone)[-1]))
    walk.token, walk.application_id, walk.state = session["token"], session["application_id"], State.DRAFT


def code_in(text: str) -> str:
    """Return the six-digit code in a text message.

    Raises:
        ValueError: there is none.
    """
    found = re.search(r"\b[0-9]{6}\b", text)
    if found is None:
        raise ValueError("no six-digit code in the text message")
    return found[0]


def apply(
    applicant: Caller,
    walk: Walk,
    citizen: Citizen,
    photographs: Photographs,
    *,
    deadline_s: float,
    before_submitting: Callable[[], object],
) -> None:
    """Fill in the form, send the photographs, submit, and go on until verified or refused.

    `before_submitting` is called once, when everything is there.

    Raises:
        TookTooLongError: nothing was decided within `deadline_s` seconds of a submission.
        ApiProblemError, UploadRefusedError: the API or the store refused something it should not.
    """
    with walk.during("form"):
        applicant.patch("/v1/application/form", _form_of(citizen))
        version = applicant.get("/v1/programme")["consent"]["version"]
        for purpose in NEEDED:
            agreed = {"purpose": purpose, "is_given": True, "version": version}
            applicant.post("/v1/application/consents", agreed)
    sent = dict.fromkeys(Slot, 0)
    _send_all(applicant, walk, photographs, sent, tuple(Slot))
    walk.stage = "about to submit"
    before_submitting()
    for _ in range(MOST_RETAKES + 1):
        with walk.during("checks and face"):
            applicant.post("/v1/application/submit")
            status = _wait_until_decided(applicant, walk, deadline_s)
        if status.state is not State.NEEDS_PHOTO:
            return
        _note_retake(walk, status)
        _send_all(applicant, walk, photographs, sent, status.open_slots)


def join_wave(applicant: Caller, walk: Walk, wave_id: str) -> None:
    """Join an open wave, twice, as a person who taps again would: it must be one entry with one receipt.

    Raises:
        ApiProblemError: the wave is not open, or the applicant is not verified.
    """
    with walk.during("join"):
        receipts = [applicant.post(f"/v1/waves/{wave_id}/entries") for _ in range(2)]
    if receipts[0]["entry_id"] != receipts[1]["entry_id"]:
        walk.fault = "joining again made another entry"
    walk.entry_id = receipts[0]["entry_id"]
    note_status(walk, read_status(applicant))


def read_result(applicant: Caller, walk: Walk, wave_id: str) -> None:
    """Read what became of the application in a published wave, with the proof of its entry."""
    with walk.during("result"):
        mine = applicant.get(f"/v1/waves/{wave_id}/entries/mine")
        note_status(walk, read_status(applicant))
    if mine["entry_id"] != walk.entry_id:
        walk.fault = "the result is about another entry"


def _form_of(citizen: Citizen) -> dict[str, object]:
    return {
        "nik": citizen.nik,
        "kk": citizen.kk,
        "name": citizen.name,
        "birth_date": citizen.birth_date.isoformat(),
        "region": citizen.region,
    }


def _send_all(
    applicant: Caller, walk: Walk, photographs: Photographs, sent: dict[Slot, int], slots: tuple[Slot, ...]
) -> None:
    """Send these photographs; one refused on arrival (not a photograph at all) is sent again, alone."""
    with walk.during("photographs"):
        while slots:
            for slot in slots:
                send_photograph(applicant, slot, photographs.nth(slot, sent[slot]))
                sent[slot] += 1
            status = _wait_until_arrived(applicant)
            slots = tuple(slot for slot in slots if status.photos[slot].status is PhotoStatus.REFUSED)
            if slots:
                _note_retake(walk, status)
            if max(sent.values()) > MOST_RETAKES:
                return


def _wait_until_arrived(applicant: Caller) -> StatusSeen:
    seen: list[StatusSeen] = []

    def has_arrived() -> bool:
        seen[:] = [read_status(applicant)]
        return all(photo.status is not PhotoStatus.AWAITED for photo in seen[0].photos.values())

    wait_for("the photographs' arrival", has_arrived, ARRIVAL_S)
    return seen[0]


def _wait_until_decided(applicant: Caller, walk: Walk, deadline_s: float) -> StatusSeen:
    seen: list[StatusSeen] = []

    def is_decided() -> bool:
        status = read_status(applicant)
        seen[:] = [status]
        note_status(walk, status)
        if status.awaited_layers:
            walk.sights.add(Sight.REGISTER_AWAITED)
        return status.state in SETTLED or status.state is State.NEEDS_PHOTO

    wait_for("a decision", is_decided, deadline_s)
    return seen[0]


def note_status(walk: Walk, status: StatusSeen) -> None:
    """Remember where the application is and why."""
    walk.state, walk.reasons, walk.reason_sentences = status.state, status.reasons, status.reason_sentences


def _note_retake(walk: Walk, status: StatusSeen) -> None:
    faults = {slot: photo.faults for slot, photo in status.photos.items() if photo.faults}
    walk.retakes.append(frozenset(fault for each in faults.values() for fault in each))
    if set(faults) == {Slot.SELFIE}:
        walk.sights.add(Sight.ONLY_SELFIE_AGAIN)
    if set(faults) == {Slot.KTP}:
        walk.sights.add(Sight.ONLY_CARD_AGAIN)
