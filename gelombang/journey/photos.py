"""A photograph's way in: a slot is offered, the client sends the picture to the store, the arrival is recorded."""

from __future__ import annotations

from dataclasses import replace

from gelombang.domain.application import Application, Photo, PhotoStatus, Slot, open_slots
from gelombang.domain.errors import FieldFault, InvalidFormError, MoveNotAllowedError, NotFoundError
from gelombang.journey import applications
from gelombang.journey.applications import rereading
from gelombang.journey.ports import Ports, UploadForm

MOST_BYTES = 15 * 1024 * 1024
ACCEPTED_TYPES = ("image/jpeg", "image/png", "image/webp")
HEAD_BYTES = 16


@rereading
def offer_upload(
    ports: Ports, application_id: str, slot: Slot, content_type: str, size_bytes: int
) -> UploadForm:
    """Return a form for sending one photograph; only open slots get one, and the newest form is the one that counts.

    Raises:
        InvalidFormError: the type or the size is not accepted.
        MoveNotAllowedError: this photograph is not asked for now.
    """
    faults = _offer_faults(content_type, size_bytes)
    if faults:
        raise InvalidFormError(faults)
    application = applications.load(ports, application_id)
    if slot not in open_slots(application):
        raise MoveNotAllowedError(application.state, f"upload_{slot}")
    key = f"{application_id}/{slot}/{ports.clock.random_bytes(12).hex()}"
    form = ports.photos.offer_upload(key, content_type, ports.clock.now())
    photo = replace(application.photos[slot], status=PhotoStatus.AWAITED, key=key)
    _save_photo(ports, application, slot, photo, "upload_offered")
    return form


@rereading
def record_arrival(ports: Ports, key: str) -> None:
    """Note that an object has arrived under a key that was offered; look at its first bytes, not at its name.

    An object nobody waits for (an older form's, or one already recorded) changes nothing.
    """
    application_id, slot_name, _ = key.split("/", 2)
    slot = Slot(slot_name)
    try:
        application = applications.load(ports, application_id)
    except NotFoundError:
        return
    photo = application.photos[slot]
    if photo.key != key or photo.status is not PhotoStatus.AWAITED:
        return
    if is_photograph(ports.photos.read(key, HEAD_BYTES)):
        arrived = replace(photo, status=PhotoStatus.ARRIVED, faults=())
    else:
        arrived = replace(photo, status=PhotoStatus.REFUSED, faults=("NOT_AN_IMAGE",))
    _save_photo(ports, application, slot, arrived, "photo_arrived")


def record_missed_arrivals(ports: Ports, application: Application) -> Application:
    """Return the application after recording photographs that are there though no event has said so yet."""
    for photo in application.photos.values():
        if photo.status is PhotoStatus.AWAITED and ports.photos.size_of(photo.key):
            record_arrival(ports, photo.key)
    return applications.load(ports, application.application_id)


def is_photograph(head: bytes) -> bool:
    """Say whether a file begins as a JPEG, PNG or WebP does.

    Source: the magic numbers of ITU-T T.81, the PNG specification and RFC 9649.
    """
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        return True
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _offer_faults(content_type: str, size_bytes: int) -> tuple[FieldFault, ...]:
    faults = []
    if content_type not in ACCEPTED_TYPES:
        faults.append(FieldFault("/content_type", "PHOTO_TYPE_NOT_ACCEPTED"))
    if not 0 < size_bytes <= MOST_BYTES:
        faults.append(FieldFault("/size_bytes", "PHOTO_TOO_LARGE"))
    return tuple(faults)


def _save_photo(ports: Ports, application: Application, slot: Slot, photo: Photo, event: str) -> None:
    photos = application.photos | {slot: photo}
    facts = {"slot": slot, "status": photo.status, "faults": list(photo.faults)}
    applications.save(ports, replace(application, photos=photos), event, facts)
