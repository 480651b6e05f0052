"""What an applicant is told: where the application is, why, and what to do next, in both languages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from gelombang.domain.application import Application, Slot, open_slots
from gelombang.domain.checks import Layer, Outcome
from gelombang.domain.layers import CONTRACTS
from gelombang.domain.programme import LANGUAGES, Programme
from gelombang.domain.reasons import Reason
from gelombang.domain.seat import is_over
from gelombang.journey import applications
from gelombang.journey.challenge import ChallengeStatus, challenge_status
from gelombang.journey.notices import NoticeKept, notices_of
from gelombang.journey.ports import Ports
from gelombang.journey.seat_rows import held_seat


@dataclass(frozen=True, slots=True)
class Told:
    """A code with its sentence and next step by language (`id`, `en`)."""

    code: str
    sentence: dict[str, str]
    next_step: dict[str, str]


@dataclass(frozen=True, slots=True)
class PhotoTold:
    """One photograph: its status, and every fault at once when it was refused."""

    status: str
    faults: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class CheckTold:
    """One register layer: who was asked, when, what came of it, and who puts it right if that is wrong."""

    layer: str
    outcome: str
    source: str
    checked_at: datetime
    reason: Told | None
    agency: Told | None  # of a check that failed
    remarks: tuple[Told, ...]  # of one that passed: what differs and never blocks


@dataclass(frozen=True, slots=True)
class WaveTold:
    """The wave joined, the entry in it and, after the draw, the rank (0 before)."""

    wave_id: str
    entry_id: str
    rank: int


@dataclass(frozen=True, slots=True)
class SeatTold:
    """The seat that somebody has: what is to be done about it, and by the end of which day in Jakarta."""

    state: Told
    accept_by: date | None  # None until a message has said it
    accepted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Status:
    """Everything the status page shows."""

    application_id: str
    state: Told
    state_since: datetime
    restriction: (
        Told | None
    )  # while its owner has restricted processing: that nothing moves, and how to lift it
    reasons: tuple[Told, ...]
    open_slots: tuple[Slot, ...]
    photos: dict[Slot, PhotoTold]
    checks: tuple[CheckTold, ...]
    wave: WaveTold | None
    seat: SeatTold | None
    challenge: ChallengeStatus
    notices: tuple[NoticeKept, ...]  # for somebody without a phone: what a text message would have told


def status_of(ports: Ports, programme: Programme, application_id: str) -> Status:
    """Return the applicant's own status.

    Raises:
        NotFoundError: no such application.
    """
    application = applications.load(ports, application_id)
    return Status(
        application_id=application.application_id,
        state=told(programme, application.state),
        state_since=application.state_since,
        restriction=told(programme, "PROCESSING_RESTRICTED") if application.restricted_at else None,
        reasons=_all_told(programme, application.reasons),
        open_slots=open_slots(application),
        photos=photos_told(programme, application),
        checks=_checks_told(programme, application),
        wave=wave_told(application),
        seat=_seat_told(ports, programme, application),
        challenge=challenge_status(ports, application),
        notices=notices_of(ports, application),
    )


def told(programme: Programme, code: str) -> Told:
    """Return a code with its texts.

    Raises:
        KeyError: the programme has no text for it; a test keeps every code in the texts.
    """
    texts = {language: programme.text(code, language) for language in LANGUAGES}
    return Told(
        code,
        {language: text.sentence for language, text in texts.items()},
        {language: text.next_step for language, text in texts.items()},
    )


def photos_told(programme: Programme, application: Application) -> dict[Slot, PhotoTold]:
    """Return each photograph with its status, and every fault of a refused one."""
    return {
        slot: PhotoTold(photo.status, _all_told(programme, photo.faults))
        for slot, photo in application.photos.items()
    }


def wave_told(application: Application) -> WaveTold | None:
    """Return the wave joined last, None before the first."""
    if not application.wave_id:
        return None
    return WaveTold(application.wave_id, application.entry_id, application.rank)


def _seat_told(ports: Ports, programme: Programme, application: Application) -> SeatTold | None:
    seat = held_seat(ports, application)
    if seat is None:
        return None
    code = Reason.SEAT_ACCEPTED if seat.accepted_at else Reason.SEAT_OFFERED
    if seat.is_waiting and is_over(seat, ports.clock.now()):
        code = Reason.SEAT_DEADLINE_OVER
    return SeatTold(told(programme, code), seat.accept_by, seat.accepted_at)


def _all_told(programme: Programme, codes: tuple[str, ...]) -> tuple[Told, ...]:
    return tuple(told(programme, code) for code in codes)


def _checks_told(programme: Programme, application: Application) -> tuple[CheckTold, ...]:
    """The face is told through its photographs; why reviewers look at somebody is not told at all."""
    return tuple(
        CheckTold(
            check.layer,
            check.outcome,
            check.source,
            check.checked_at,
            told(programme, check.reason) if check.reason and check.outcome is not Outcome.PASSED else None,
            told(programme, CONTRACTS[check.layer].agency) if check.outcome is Outcome.FAILED else None,
            _all_told(programme, check.flags if check.outcome is Outcome.PASSED else ()),
        )
        for check in application.checks.values()
        if check.layer is not Layer.FACE
    )
