"""The active challenge's way: issued to somebody in review, answered with frames, measured, shown to the reviewer.

Every challenge is a row of its application; the one with the highest number counts, so issuing one voids those
before it. Frames go where only its upload forms let them, under keys with its nonce, until it is answered.
Nobody must take one, and nothing here moves an application.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import TypeAdapter

from gelombang.domain.application import Application, Slot, State, require_unrestricted
from gelombang.domain.challenge import Challenge, Pose, choose_poses, frame_keys, judge_challenge
from gelombang.domain.errors import (
    MoveNotAllowedError,
    NotFoundError,
    NotReadyError,
    TooManyRequestsError,
)
from gelombang.domain.messages import ChallengeAsked, ChallengeEvidenceReady, PhotoArrived
from gelombang.domain.programme import Programme
from gelombang.domain.reasons import Reason
from gelombang.journey import applications
from gelombang.journey.applications import application_key, rereading
from gelombang.journey.evidence import challenge_evidence_of
from gelombang.journey.photos import SCAN_AGAIN_S, keep_frame
from gelombang.journey.ports import Due, Key, Ports, Put, Row, ScanResult, UploadForm

UNMEASURED = "challenges"  # worklist of those answered and not measured yet
VALID_FOR = timedelta(minutes=10)  # as long as an upload form
MOST_A_DAY = 5
FRAME_TYPE = "image/jpeg"
NONCE_BYTES = 16
CHOICE_BYTES = 16
CLEANED_WITHIN_S = 3  # of its arrival a frame is copied; a worker that comes sooner has to come again
_CHALLENGE = TypeAdapter(Challenge)


class ChallengeStatus(StrEnum):
    """What an applicant is told of the challenge."""

    NOT_NOW = "NOT_NOW"
    INVITED = "INVITED"  # may take one; need not
    RECEIVED = "RECEIVED"  # a reviewer sees it; another may be taken


@dataclass(frozen=True, slots=True)
class ChallengeIssued:
    """What a client needs to take a challenge: a pose and an upload form a frame, in order."""

    challenge_id: str
    poses: tuple[Pose, ...]
    uploads: tuple[UploadForm, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ChallengeShown:
    """An answered challenge as a reviewer sees it: what was asked, the frames, and what they show; no score."""

    number: int
    poses: tuple[Pose, ...]
    answered_at: datetime
    outcome: str  # "" until it is measured
    points: tuple[str, ...]
    frame_urls: tuple[str, ...]


@rereading
def issue_challenge(ports: Ports, application_id: str) -> ChallengeIssued:
    """Issue a challenge to somebody in review; one issued before can no longer be answered.

    Raises:
        MoveNotAllowedError: the application is not in review.
        TooManyRequestsError: `MOST_A_DAY` were issued within a day.
    """
    application = _in_review(ports, application_id, "take_challenge")
    now = ports.clock.now()
    before = challenges_of(ports, application_id)
    _limit(before, now)
    challenge = Challenge(
        challenge_id=ports.clock.random_bytes(NONCE_BYTES).hex(),
        application_id=application_id,
        number=len(before) + 1,
        poses=choose_poses(ports.clock.random_bytes(CHOICE_BYTES)),
        issued_at=now,
        expires_at=now + VALID_FOR,
    )
    uploads = tuple(ports.photos.offer_upload(key, FRAME_TYPE, now) for key in keys_of(challenge))
    facts = {"challenge_id": challenge.challenge_id, "number": challenge.number}
    applications.save(ports, application, "challenge_issued", facts, also=[Put(challenge_row(challenge))])
    return ChallengeIssued(challenge.challenge_id, challenge.poses, uploads, challenge.expires_at)


@rereading
def answer_challenge(ports: Ports, application_id: str, challenge_id: str) -> None:
    """Hand in the frames of the newest challenge, once; handing it in again changes nothing.

    Raises:
        NotFoundError: no such challenge, or a newer one was issued.
        MoveNotAllowedError: the application is not in review any more.
        NotReadyError: its time is over, or a frame has not arrived.
    """
    challenge = _newest(ports, application_id, challenge_id)
    if challenge.answered_at:
        return
    application = _in_review(ports, application_id, "answer_challenge")
    now = ports.clock.now()
    if now >= challenge.expires_at:
        raise NotReadyError((Reason.CHALLENGE_EXPIRED,))
    if not all(ports.photos.upload_size(key) for key in keys_of(challenge)):
        raise NotReadyError((Reason.CHALLENGE_FRAME_MISSING,))
    row = challenge_row(replace(challenge, answered_at=now), _version_of(ports, challenge))
    asked = challenge_request(application, challenge)
    facts = {"challenge_id": challenge_id}
    application = replace(application, reasons=())  # a reviewer's wish is granted
    applications.save(
        ports,
        application,
        "challenge_answered",
        facts,
        announce=[asked],
        also=[Put(row)],
        delay_s=CLEANED_WITHIN_S,
    )


def record_frame(ports: Ports, key: str) -> None:
    """Keep a clean copy of a frame that has arrived; once the challenge is answered no copy is replaced any more.

    Frames of a challenge that is void or over, or that a malware scanner warns of, are not kept.

    Raises:
        DependencyError: something could not be reached; nothing was decided.
    """
    application_id, _, challenge_id, _ = key.split("/", 3)
    with suppress(NotFoundError):  # nobody waits for it
        challenge = _newest(ports, application_id, challenge_id)
        if key not in keys_of(challenge) or (challenge.answered_at and _is_kept(ports, key)):
            return
        scan = ports.scans.result_of(key)
        if scan is ScanResult.PENDING:
            ports.queues.send(PhotoArrived(key), SCAN_AGAIN_S)
        elif scan is not ScanResult.INFECTED:
            keep_frame(ports, key)


@rereading
def take_challenge_evidence(ports: Ports, programme: Programme, message: ChallengeEvidenceReady) -> None:
    """Put on record what a measured challenge shows, once; whatever became of the application stays as it is.

    Raises:
        NotFoundError: no such challenge, or its evidence is not there.
        ConflictError, DependencyError: the message comes again.
    """
    application = applications.load(ports, message.application_id)
    if application.restricted_at:  # lifting it asks for the measuring again
        return
    challenge = challenge_of(ports, message.application_id, message.challenge_id)
    evidence = challenge_evidence_of(ports, message.challenge_id)
    if evidence is None:
        raise NotFoundError
    if challenge.outcome or challenge.answered_at is None:
        return
    limits = programme.operating_point(evidence.model_release).challenge
    verdict = judge_challenge(challenge.poses, evidence, limits)
    judged = replace(challenge, outcome=verdict.outcome, points=verdict.points)
    facts = {
        "challenge_id": challenge.challenge_id,
        "outcome": verdict.outcome,
        "points": list(verdict.points),
        "model_release": evidence.model_release,
    }
    applications.save(
        ports,
        application,
        "challenge_measured",
        facts,
        also=[Put(challenge_row(judged, _version_of(ports, challenge)))],
    )


def redrive(ports: Ports, listed: Row) -> bool:
    """Ask again for an answered challenge of which nothing was heard; for the reconciler.

    Raises:
        ConflictError: it was measured, or erased, meanwhile.
        DependencyError: something could not be reached.
    """
    challenge, now = _CHALLENGE.validate_python(listed.fields), ports.clock.now()
    later = Put(replace(listed, due=Due(UNMEASURED, now)))
    application = applications.load(ports, challenge.application_id)
    if application.restricted_at:  # lifting it asks for the measuring again
        ports.rows.commit([later])
        return False
    ready = ChallengeEvidenceReady(challenge.challenge_id, challenge.application_id)
    is_measured = challenge_evidence_of(ports, challenge.challenge_id) is not None
    message = ready if is_measured else challenge_request(application, challenge)
    facts = {"challenge_id": challenge.challenge_id}
    applications.save(ports, application, "challenge_redriven", facts, announce=[message], also=[later])
    return True


def challenge_request(application: Application, challenge: Challenge) -> ChallengeAsked:
    """Return the message that has an answered challenge measured."""
    selfie_key = application.photos[Slot.SELFIE].key
    return ChallengeAsked(challenge.challenge_id, application.application_id, selfie_key)


def unmeasured_challenges(ports: Ports, application_id: str) -> list[Challenge]:
    """Return the challenges that were answered and wait to be measured."""
    return [each for each in challenges_of(ports, application_id) if each.answered_at and not each.outcome]


def ask_for_challenge(ports: Ports, application: Application, asked_by: str) -> None:
    """Tell an applicant in review that a reviewer would like to see a challenge; it stays voluntary."""
    asking = replace(application, reasons=(Reason.REVIEWER_ASKS_CHALLENGE,))
    applications.save(ports, asking, "challenge_asked", {"reviewer": asked_by})


def challenge_status(ports: Ports, application: Application) -> ChallengeStatus:
    """Return what the applicant is told of the challenge."""
    if application.state is not State.IN_REVIEW or application.restricted_at:
        return ChallengeStatus.NOT_NOW
    answered = any(each.answered_at for each in challenges_of(ports, application.application_id))
    is_asked = Reason.REVIEWER_ASKS_CHALLENGE in application.reasons
    return ChallengeStatus.RECEIVED if answered and not is_asked else ChallengeStatus.INVITED


def challenges_shown(
    ports: Ports, application_id: str, link: Callable[[str], str]
) -> tuple[ChallengeShown, ...]:
    """Return every answered challenge, oldest first; `link` gives the address at which a frame is shown."""
    return tuple(
        ChallengeShown(
            each.number,
            each.poses,
            each.answered_at,
            each.outcome,
            each.points,
            tuple(link(key) for key in keys_of(each)),
        )
        for each in challenges_of(ports, application_id)
        if each.answered_at
    )


def challenges_of(ports: Ports, application_id: str) -> list[Challenge]:
    """Return every challenge of an application, oldest first."""
    rows = ports.rows.read_partition(application_key(application_id).partition, "CHALLENGE#")
    return [_CHALLENGE.validate_python(row.fields) for row in rows]


def challenge_of(ports: Ports, application_id: str, challenge_id: str) -> Challenge:
    """Return one challenge of an application.

    Raises:
        NotFoundError: it has none of this name.
    """
    for each in challenges_of(ports, application_id):
        if each.challenge_id == challenge_id:
            return each
    raise NotFoundError


def keys_of(challenge: Challenge) -> tuple[str, ...]:
    """Return the object keys of a challenge's frames, in order."""
    return frame_keys(challenge.application_id, challenge.challenge_id, len(challenge.poses))


def _is_kept(ports: Ports, key: str) -> bool:
    try:
        ports.photos.read(key)
    except NotFoundError:
        return False
    return True


def _in_review(ports: Ports, application_id: str, step: str) -> Application:
    application = applications.load(ports, application_id)
    if application.state is not State.IN_REVIEW:
        raise MoveNotAllowedError(application.state, step)
    require_unrestricted(application, step)
    return application


def _newest(ports: Ports, application_id: str, challenge_id: str) -> Challenge:
    every = challenges_of(ports, application_id)
    if not every or every[-1].challenge_id != challenge_id:
        raise NotFoundError
    return every[-1]


def _limit(before: list[Challenge], now: datetime) -> None:
    """Let nobody try sequences until one fits what they prepared."""
    if len(before) < MOST_A_DAY:
        return
    free_at = before[-MOST_A_DAY].issued_at + timedelta(days=1)
    if free_at > now:
        raise TooManyRequestsError(int((free_at - now).total_seconds()) + 1)


def challenge_row(challenge: Challenge, version: int = 0) -> Row:
    """Return the challenge's row, on a worklist from when it is answered until it is measured.

    Its key ends in the name of its evidence, so that whoever erases an application finds that too.
    """
    answered_at = None if challenge.outcome else challenge.answered_at
    due = Due(UNMEASURED, answered_at) if answered_at else None
    return Row(_key_of(challenge), _CHALLENGE.dump_python(challenge, mode="json"), version, due)


def _key_of(challenge: Challenge) -> Key:
    sort = f"CHALLENGE#{challenge.number:03d}#{challenge.challenge_id}"
    return Key(application_key(challenge.application_id).partition, sort)


def _version_of(ports: Ports, challenge: Challenge) -> int:
    row = ports.rows.read(_key_of(challenge))
    return row.version if row else 0
