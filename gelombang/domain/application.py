"""The application of one person, its states, and the only moves between them.

    DRAFT ──submit──▶ CHECKING ──verify──▶ VERIFIED ──join──▶ JOINED ──select───▶ SELECTED
                        │  ▲                  ▲                │  │                  ▲
      ask_for_photo ┌───┤  └─resubmit─┐       │                │  └──reserve─▶ RESERVE ──promote
                    ▼   │             │       │                └──miss──▶ NOT_DRAWN ──join──▶ JOINED
              NEEDS_PHOTO ────────────┘       │
                    ▲   │                     │
      ask_for_photo │   ├──doubt──▶ IN_REVIEW ┤ verify
                    └───┼─────────────┘       │ refuse
                        ├──refuse──▶ NOT_ELIGIBLE
                        └──ask_for_correction──▶ DRAFT (a typing error; everything typed and sent is kept)

From CHECKING, NEEDS_PHOTO and IN_REVIEW, withdraw_consent leads back to DRAFT: nothing is checked any more.

A new version of a list can refuse from CHECKING, NEEDS_PHOTO, IN_REVIEW and VERIFIED, exclude from JOINED before the
freeze and from NOT_DRAWN, and restore from NOT_ELIGIBLE to CHECKING whom it alone had kept out.

Where a search through everybody finds a verified person's face under other applications, question leads from VERIFIED,
and from JOINED before the freeze, to IN_REVIEW: people decide, and whoever they accept joins again.

Until a wave is joined, reviewers can also refuse from DRAFT, NEEDS_PHOTO and VERIFIED: when two applications claim
one NIK, accepting one refuses the other.

An appeal that is upheld restores: from NOT_ELIGIBLE back to CHECKING, where only what is left open is asked.

From everywhere a person can ask to be erased: ERASED keeps an id and an audit that name nobody, and is final.

From everywhere a person can restrict processing (`restricted_at`): the application stays where it is until they lift
it, but for `MOVES_WHILE_RESTRICTED`.

A seat that is given back, or not accepted in time, is free for the next reserve: return_seat leads from SELECTED to
SEAT_RETURNED, from where the next wave can be joined. So is one that is taken back after an audit: take_seat_back leads
to NOT_ELIGIBLE.

A person has one application; it outlives the wave. NOT_ELIGIBLE is final unless an appeal is upheld, SELECTED unless
the seat is lost; RESERVE, NOT_DRAWN and SEAT_RETURNED are final for their wave. The diagram in docs/states.md is
generated from `MOVES`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from gelombang.domain.checks import CheckResult
from gelombang.domain.errors import MoveNotAllowedError, RestrictedError

ApplicationId = NewType("ApplicationId", str)
CLOCKS_APART = timedelta(
    seconds=1
)  # at most, of two machines: a retry that comes on time is not taken for early


class State(StrEnum):
    """Where an application is."""

    DRAFT = "DRAFT"
    CHECKING = "CHECKING"
    NEEDS_PHOTO = "NEEDS_PHOTO"
    IN_REVIEW = "IN_REVIEW"
    NOT_ELIGIBLE = "NOT_ELIGIBLE"
    VERIFIED = "VERIFIED"
    JOINED = "JOINED"
    SELECTED = "SELECTED"
    RESERVE = "RESERVE"
    NOT_DRAWN = "NOT_DRAWN"
    SEAT_RETURNED = "SEAT_RETURNED"
    ERASED = "ERASED"


class Move(StrEnum):
    """What can happen to an application."""

    SUBMIT = "submit"
    ASK_FOR_CORRECTION = "ask_for_correction"
    RESUBMIT = "resubmit"
    ASK_FOR_PHOTO = "ask_for_photo"
    WITHDRAW_CONSENT = "withdraw_consent"
    DOUBT = "doubt"
    QUESTION = "question"
    REFUSE = "refuse"
    VERIFY = "verify"
    RESTORE = "restore"
    RECHECK = "recheck"
    JOIN = "join"
    SELECT = "select"
    PUT_ON_RESERVE = "put_on_reserve"
    PROMOTE = "promote"
    RETURN_SEAT = "return_seat"
    TAKE_SEAT_BACK = "take_seat_back"
    MISS = "miss"
    EXCLUDE = "exclude"
    ERASE = "erase"


MOVES: dict[tuple[State, Move], State] = {
    (State.DRAFT, Move.SUBMIT): State.CHECKING,
    (State.NEEDS_PHOTO, Move.RESUBMIT): State.CHECKING,
    (State.CHECKING, Move.ASK_FOR_CORRECTION): State.DRAFT,
    (State.CHECKING, Move.WITHDRAW_CONSENT): State.DRAFT,
    (State.NEEDS_PHOTO, Move.WITHDRAW_CONSENT): State.DRAFT,
    (State.IN_REVIEW, Move.WITHDRAW_CONSENT): State.DRAFT,
    (State.CHECKING, Move.ASK_FOR_PHOTO): State.NEEDS_PHOTO,
    (State.CHECKING, Move.DOUBT): State.IN_REVIEW,
    (State.VERIFIED, Move.QUESTION): State.IN_REVIEW,
    (State.JOINED, Move.QUESTION): State.IN_REVIEW,
    (State.CHECKING, Move.REFUSE): State.NOT_ELIGIBLE,
    (State.CHECKING, Move.VERIFY): State.VERIFIED,
    (State.DRAFT, Move.REFUSE): State.NOT_ELIGIBLE,
    (State.NEEDS_PHOTO, Move.REFUSE): State.NOT_ELIGIBLE,
    (State.VERIFIED, Move.REFUSE): State.NOT_ELIGIBLE,
    (State.IN_REVIEW, Move.ASK_FOR_PHOTO): State.NEEDS_PHOTO,
    (State.IN_REVIEW, Move.REFUSE): State.NOT_ELIGIBLE,
    (State.IN_REVIEW, Move.VERIFY): State.VERIFIED,
    (State.NOT_ELIGIBLE, Move.RESTORE): State.CHECKING,
    (State.VERIFIED, Move.RECHECK): State.CHECKING,
    (State.NOT_DRAWN, Move.RECHECK): State.CHECKING,
    (State.RESERVE, Move.RECHECK): State.CHECKING,
    (State.SEAT_RETURNED, Move.RECHECK): State.CHECKING,
    (State.VERIFIED, Move.JOIN): State.JOINED,
    (State.NOT_DRAWN, Move.JOIN): State.JOINED,
    (State.RESERVE, Move.JOIN): State.JOINED,
    (State.JOINED, Move.SELECT): State.SELECTED,
    (State.JOINED, Move.PUT_ON_RESERVE): State.RESERVE,
    (State.JOINED, Move.MISS): State.NOT_DRAWN,
    (State.RESERVE, Move.PROMOTE): State.SELECTED,
    (State.SELECTED, Move.RETURN_SEAT): State.SEAT_RETURNED,
    (State.SELECTED, Move.TAKE_SEAT_BACK): State.NOT_ELIGIBLE,
    (State.SEAT_RETURNED, Move.JOIN): State.JOINED,
    (State.JOINED, Move.EXCLUDE): State.NOT_ELIGIBLE,
    (State.NOT_DRAWN, Move.EXCLUDE): State.NOT_ELIGIBLE,
    (State.SEAT_RETURNED, Move.EXCLUDE): State.NOT_ELIGIBLE,
    **{(state, Move.ERASE): State.ERASED for state in State if state is not State.ERASED},
}

# What may still happen to an application whose owner has restricted processing (docs/decisions/0020): their own wish
# to be erased, to agree no longer or to give a seat back, the outcome of a draw whose list was frozen before, and the
# end of a seat's days: others wait for it.
MOVES_WHILE_RESTRICTED = frozenset(
    {Move.ERASE, Move.WITHDRAW_CONSENT, Move.SELECT, Move.PUT_ON_RESERVE, Move.MISS, Move.RETURN_SEAT}
)

# What nobody but the machine does. Where one of these leads on, the machine itself must go on, and whoever stays there
# too long is found by the reconciler: a state that gets such a move is on its worklist by that.
MADE_BY_THE_MACHINE = frozenset({Move.DOUBT, Move.ASK_FOR_CORRECTION})
WORKING_STATES = frozenset(at for at, how in MOVES if how in MADE_BY_THE_MACHINE)
# Waiting for the person, a reviewer or the draw: nothing is stuck when they take their time.
WAITING_STATES = frozenset({State.DRAFT, State.NEEDS_PHOTO, State.IN_REVIEW, State.VERIFIED, State.JOINED})
FINAL_STATES = frozenset(State) - WORKING_STATES - WAITING_STATES


# Where somebody may stay for good, so that what is kept of them must go one day; elsewhere something is under way.
TIMED_STATES = frozenset(
    {
        State.DRAFT,
        State.NEEDS_PHOTO,
        State.VERIFIED,
        State.NOT_ELIGIBLE,
        State.SELECTED,
        State.RESERVE,
        State.NOT_DRAWN,
        State.SEAT_RETURNED,
    }
)
UNFINISHED_STATES = frozenset(
    {State.DRAFT, State.NEEDS_PHOTO}
)  # the person's turn: timed from the last change


def next_state(state: State, move: Move) -> State:
    """Return where `move` leads from `state`.

    Raises:
        MoveNotAllowedError: the machine has no such move.
    """
    try:
        return MOVES[state, move]
    except KeyError:
        raise MoveNotAllowedError(state, move) from None


class Slot(StrEnum):
    """The photographs an application needs."""

    KTP = "ktp"
    SELFIE = "selfie"


class PhotoStatus(StrEnum):
    """Where one photograph is."""

    EMPTY = "EMPTY"
    AWAITED = "AWAITED"  # an upload slot was given; nothing has arrived, or nobody has looked at it yet
    ARRIVED = "ARRIVED"
    REFUSED = "REFUSED"  # `faults` say why; this slot alone is open again
    ACCEPTED = "ACCEPTED"


@dataclass(frozen=True, slots=True)
class Photo:
    """One photograph of an application, and its faults once refused.

    `key` names the upload in quarantine while it is awaited, and the clean copy since it arrived.
    """

    status: PhotoStatus = PhotoStatus.EMPTY
    key: str = ""
    faults: tuple[str, ...] = ()
    tried_at: tuple[datetime, ...] = ()  # the times of the last hour's tries


@dataclass(frozen=True, slots=True)
class Form:
    """What the applicant typed, complete and checked."""

    sealed: dict[str, str]  # every field, each sealed as in the draft
    nik_tag: str  # see gelombang.journey.tags: equal NIKs have equal tags, once brought to one generation
    kk_tag: str
    region: str  # kabupaten/kota of registered domicile, four digits


@dataclass(frozen=True, slots=True)
class Retry:
    """When registers that did not answer about a submission are asked again: one message is on its way for then."""

    submission: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Application:
    """One person's application with everything decided about it so far."""

    application_id: ApplicationId
    phone_tag: str  # "" where an officer began it and no phone was added since
    sealed_phone: str
    state: State
    created_at: datetime
    state_since: datetime
    version: int = 0  # of the stored row; 0 before it is stored
    draft: dict[str, str] = field(default_factory=dict)  # sealed fields saved while typing
    # While a form is corrected: its sealed fields as they were when an appeal was upheld, whose answer is about them.
    answered_as: dict[str, str] = field(default_factory=dict)
    consents: dict[str, str] = field(default_factory=dict)  # purpose to the version agreed to
    form: Form | None = None
    photos: dict[Slot, Photo] = field(default_factory=lambda: {slot: Photo() for slot in Slot})
    checks: dict[str, CheckResult] = field(default_factory=dict)
    submission: int = 0  # how many times it was submitted; names its face check
    correction_count: int = 0  # how many times its form was reopened for a typing error
    has_nik: bool = False  # whether it is in the row of its NIK: it holds that, or is named there
    face_check_id: str = ""  # the one face check whose answer counts
    retry: Retry | None = None  # of the registers that did not answer last
    reasons: tuple[str, ...] = ()  # codes for the applicant, of the present state
    review_case_id: str = ""
    wave_id: str = ""
    entry_id: str = ""
    rank: int = 0  # in the draw of `wave_id`; 0 before it
    audit_length: int = 0
    audit_head: str = ""  # hash of the last audit entry, hex
    sealed_email: str = ""  # for codes when text messages do not come; "" where none was confirmed
    touched_at: datetime | None = None  # when it was last saved, but for what retention removed
    removal_step: int = 0  # how many of the state's retention classes are done with
    restricted_at: datetime | None = None  # since when its owner wants nothing done with it but keeping it
    assisted_in: str = ""  # kabupaten/kota of the officer who began it; "" where the person did, with a phone
    receipt_tag: str = ""  # hash of the receipt code that the person then got, or got for it when it was lost
    receipt_replaced_at: datetime | None = None  # when it was last replaced
    appeals: tuple[str, ...] = ()  # numbers of all its appeals, oldest first
    open_appeal: str = ""  # the one that is not answered: what is kept of its owner stays until it is
    appeal_closed_at: datetime | None = None  # when the last one was answered
    # The time of a refusal, or a question after joining, that was taken back, until a draw is joined; of a seat taken
    # back after an audit, the time of joining its wave: should an appeal undo that, the draw was missed.
    restored_from: datetime | None = None
    rechecked_from: datetime | None = (
        None  # when they asked to join and were checked again first, until they join
    )


def may_ask_again(application: Application, now: datetime) -> bool:
    """Say whether it is time to ask registers again that did not answer: whatever comes before is no reason to."""
    retry = application.retry
    return retry is None or retry.submission != application.submission or now >= retry.at - CLOCKS_APART


def open_slots(application: Application) -> tuple[Slot, ...]:
    """Return the photographs the applicant may send now: all in a draft, exactly the refused ones later."""
    if application.restricted_at:
        return ()
    if application.state is State.DRAFT:
        return tuple(Slot)
    if application.state is State.NEEDS_PHOTO:
        reopened = (PhotoStatus.REFUSED, PhotoStatus.AWAITED, PhotoStatus.ARRIVED)
        return tuple(slot for slot in Slot if application.photos[slot].status in reopened)
    return ()


def require_unrestricted(application: Application, step: str) -> None:
    """Let nobody do `step` with an application whose owner has restricted processing.

    Raises:
        RestrictedError: they have.
    """
    if application.restricted_at:
        raise RestrictedError(application.state, step)


def sealed_fields(application: Application) -> dict[str, str]:
    """Return what the applicant typed, each field sealed: saved so far, or submitted."""
    return application.form.sealed if application.form else application.draft
