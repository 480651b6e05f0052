"""A photograph's way in: a slot is offered, the client sends the picture, a clean copy of it is made and kept.

    offer_upload ─▶ quarantine ─▶ record_arrival: scan, clean ─┬─▶ ARRIVED: from here on there is only the clean copy
                                                               └─▶ REFUSED: why, told at once; the slot is open again

Whoever submits need not wait for it: an application in checking waits for its photographs, and goes on with them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gelombang.domain.application import (
    Application,
    Photo,
    PhotoStatus,
    Slot,
    State,
    open_slots,
    require_unrestricted,
)
from gelombang.domain.errors import (
    FieldFault,
    InvalidFormError,
    MoveNotAllowedError,
    NotFoundError,
    TooManyRequestsError,
)
from gelombang.domain.messages import ChecksDue, PhotoArrived
from gelombang.domain.reasons import Reason
from gelombang.journey import applications
from gelombang.journey.applications import rereading
from gelombang.journey.ports import MOST_UPLOAD_BYTES, Ports, RefusedPicture, ScanResult, UploadForm

ACCEPTED_TYPES = ("image/jpeg", "image/png", "image/webp", "image/heic", "image/heif")
MOST_TRIES = 5  # of one photograph in an hour
TRIES_WITHIN = timedelta(hours=1)
SCAN_AGAIN_S = 10


@dataclass(frozen=True, slots=True)
class Examined:
    """What became of an upload: the key of its clean copy, or the fault for which there is none."""

    clean_key: str
    faults: tuple[str, ...]
    scan: ScanResult


@rereading
def offer_upload(
    ports: Ports, application_id: str, slot: Slot, content_type: str, size_bytes: int
) -> UploadForm:
    """Return a form for sending one photograph; only open slots get one, and the newest form is the one that counts.

    Raises:
        InvalidFormError: the type or the size is not accepted.
        MoveNotAllowedError: this photograph is not asked for now.
        TooManyRequestsError: `MOST_TRIES` photographs were sent for this slot within the hour.
    """
    key = offer_key(ports, application_id, slot, content_type, size_bytes)
    return ports.photos.offer_upload(key, content_type, ports.clock.now())


def offer_key(
    ports: Ports,
    application_id: str,
    slot: Slot,
    content_type: str,
    size_bytes: int,
    *,
    is_used: bool = False,
) -> str:
    """Return the key under which one photograph is awaited from now on; raises as `offer_upload` does.

    `is_used` says that something was sent already under the key that this one replaces.
    """
    faults = offer_faults(content_type, size_bytes)
    if faults:
        raise InvalidFormError(faults)
    application = applications.load(ports, application_id)
    require_unrestricted(application, f"upload_{slot}")
    if slot not in open_slots(application):
        raise MoveNotAllowedError(application.state, f"upload_{slot}")
    photo = application.photos[slot]
    key = f"{application_id}/{slot}/{ports.clock.random_bytes(12).hex()}"
    awaited = replace(
        photo, status=PhotoStatus.AWAITED, key=key, tried_at=_tries(ports, photo, is_used=is_used)
    )
    _save_photo(ports, application, slot, awaited, "upload_offered")
    return key


def record_arrival(ports: Ports, key: str) -> None:
    """Look at what has arrived under a key that was offered; keep a clean copy, or say why there is none.

    What was on its way when its owner restricted processing is made a clean copy all the same: that is how it is kept,
    and quarantine forgets. An object nobody waits for (an older form's, or one already recorded) changes nothing. It
    may be called twice or at the same time: the copy's key is its content's, and only one of them is put into the
    application.

    Raises:
        DependencyError: something could not be reached; nothing was decided.
    """
    awaiting = _awaiting(ports, key)
    if awaiting is None:
        return
    try:
        examined = examine(ports, key)
    except NotFoundError:
        if awaiting[0].state is not State.CHECKING:
            return  # nothing has arrived yet
        examined = Examined(
            "", (Reason.TRUNCATED,), ScanResult.NOT_SCANNED
        )  # its days in quarantine are over
    if examined.scan is ScanResult.PENDING:
        ports.queues.send(PhotoArrived(key), SCAN_AGAIN_S)
        return
    _record(ports, key, examined)


def examine(ports: Ports, key: str) -> Examined:
    """Scan an upload in quarantine and keep a clean copy of it, or say why there is none.

    Raises:
        NotFoundError: nothing has arrived under this key.
        DependencyError: something could not be reached; nothing was decided.
    """
    scan = ports.scans.result_of(key)
    if scan is ScanResult.PENDING:
        return Examined("", (), scan)
    if scan is ScanResult.INFECTED:
        return Examined("", (Reason.MALWARE,), scan)
    picture = ports.pictures.clean(ports.photos.read_upload(key))
    if isinstance(picture, RefusedPicture):
        return Examined("", (picture.reason,), scan)
    clean_key = f"{key}-{hashlib.sha256(picture.content).hexdigest()[:32]}.jpg"
    ports.photos.keep(clean_key, picture.content)
    return Examined(clean_key, (), scan)


def offer_faults(content_type: str, size_bytes: int) -> tuple[FieldFault, ...]:
    """Return why a picture of this type and size is not taken."""
    faults = []
    if content_type not in ACCEPTED_TYPES:
        faults.append(FieldFault("/content_type", "PHOTO_TYPE_NOT_ACCEPTED"))
    if not 0 < size_bytes <= MOST_UPLOAD_BYTES:
        faults.append(FieldFault("/size_bytes", "PHOTO_TOO_LARGE"))
    return tuple(faults)


def keep_frame(ports: Ports, key: str) -> None:
    """Keep a clean copy of one frame of a challenge under the frame's own key; an empty one where it is no picture.

    Raises:
        NotFoundError: nothing has arrived under this key.
        DependencyError: something could not be reached.
    """
    picture = ports.pictures.clean(ports.photos.read_upload(key))
    ports.photos.keep(key, b"" if isinstance(picture, RefusedPicture) else picture.content)


def unseen_uploads(ports: Ports, application: Application) -> dict[Slot, PhotoArrived]:
    """Return the photographs that are there though nobody has looked at them yet, each with the hint to do so."""
    awaited = _awaited(application)
    return {slot: PhotoArrived(key) for slot, key in awaited.items() if ports.photos.upload_size(key)}


def arrivals_due(ports: Ports, application: Application) -> list[PhotoArrived]:
    """Return the hints that an application waits for.

    What is handed in has every upload there, and no other can begin in checking: one that is not there has outlived its
    days in quarantine, or never came to somebody whose refusal was taken back, and `record_arrival` asks for another.
    Elsewhere it may be on its way.
    """
    if application.state is State.CHECKING:
        return [PhotoArrived(key) for key in _awaited(application).values()]
    return [*unseen_uploads(ports, application).values()]


def _awaited(application: Application) -> dict[Slot, str]:
    """Return the key under which each photograph is awaited that is."""
    photos = application.photos.items()
    return {slot: photo.key for slot, photo in photos if photo.status is PhotoStatus.AWAITED}


def _awaiting(ports: Ports, key: str) -> tuple[Application, Slot] | None:
    """Return whose upload this is, if it is still awaited."""
    application_id, slot_name, _ = key.split("/", 2)
    slot = Slot(slot_name)
    try:
        application = applications.load(ports, application_id)
    except NotFoundError:
        return None
    photo = application.photos[slot]
    is_awaited = photo.key == key and photo.status is PhotoStatus.AWAITED
    return (application, slot) if is_awaited else None


@rereading
def _record(ports: Ports, key: str, examined: Examined) -> None:
    awaiting = _awaiting(ports, key)
    if awaiting is None:
        return
    application, slot = awaiting
    photo = application.photos[slot]
    if examined.faults:
        photo = replace(photo, status=PhotoStatus.REFUSED, faults=examined.faults)
    else:
        photo = replace(photo, status=PhotoStatus.ARRIVED, key=examined.clean_key, faults=())
    _save_photo(ports, application, slot, photo, "photo_arrived", scan=examined.scan)


def _tries(ports: Ports, photo: Photo, *, is_used: bool) -> tuple[datetime, ...]:
    """Return the times of this hour's tries with the one that begins now.

    A form that was never used is no try: who is on a bad line may ask for as many as it takes.
    """
    now = ports.clock.now()
    recent = tuple(at for at in photo.tried_at if at > now - TRIES_WITHIN)
    if photo.status is PhotoStatus.AWAITED and not is_used and ports.photos.upload_size(photo.key) is None:
        return recent
    if len(recent) >= MOST_TRIES:
        wait = recent[0] + TRIES_WITHIN - now
        raise TooManyRequestsError(max(1, round(wait.total_seconds())))
    return (*recent, now)


def _save_photo(
    ports: Ports, application: Application, slot: Slot, photo: Photo, event: str, **facts: str
) -> None:
    photos = application.photos | {slot: photo}
    told = {"slot": slot, "status": photo.status, "faults": list(photo.faults), **facts}
    # An application in checking waits for its photographs.
    due = [ChecksDue(application.application_id, application.submission)]
    announce = due if application.state is State.CHECKING else []
    applications.save(ports, replace(application, photos=photos), event, told, announce=announce)
