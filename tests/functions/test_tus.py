"""Uploads in chunks over HTTP: tus 1.0.0 with creation, expiration and checksum."""

from __future__ import annotations

import hashlib
from base64 import b64encode

import pytest
from function_calls import PHONE, Answer, Caller, fill_form, sign_in, upload

from gelombang.domain.application import PhotoStatus, Slot
from gelombang.journey import applications, photos
from gelombang.memory.ports import MemoryWorld

TUS = {"Tus-Resumable": "1.0.0"}
KIB = 1024
PHOTO = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 600  # 150 KiB
CREATE = "/v1/application/photos/selfie/uploads"
CHUNK_TYPE = "application/offset+octet-stream"


def b64(content: bytes | str) -> str:
    return b64encode(content if isinstance(content, bytes) else content.encode()).decode()


def create(applicant: Caller, content: bytes = PHOTO, **changed: str) -> Answer:
    said = f"filetype {b64('image/jpeg')},sha256 {b64(hashlib.sha256(content).hexdigest())}"
    headers = TUS | {"Upload-Length": str(len(content)), "Upload-Metadata": said}
    return applicant.send(
        "POST", CREATE, headers=headers | {k.replace("_", "-"): v for k, v in changed.items()}
    )


def patch(applicant: Caller, at: str, offset: int, chunk: bytes, **changed: str) -> Answer:
    headers = TUS | {"Upload-Offset": str(offset)} | {k.replace("_", "-"): v for k, v in changed.items()}
    return applicant.send("PATCH", at, chunk, CHUNK_TYPE, headers)


def offset_of(applicant: Caller, at: str) -> int:
    return int(applicant.send("HEAD", at, headers=TUS).headers["upload-offset"])


def send_all(applicant: Caller, at: str, content: bytes = PHOTO, size: int = 64 * KIB) -> None:
    while (offset := offset_of(applicant, at)) < len(content):
        assert patch(applicant, at, offset, content[offset : offset + size]).status == 204


def photo_of(world: MemoryWorld, applicant: Caller) -> photos.Photo:
    name = applicant.get("/v1/application").body["application_id"]
    return applications.load(world.ports, name).photos[Slot.SELFIE]


def test_anybody_is_told_what_of_tus_is_served(anybody: Caller) -> None:
    told = anybody.send("OPTIONS", CREATE)

    assert told.status == 204
    assert told.headers["tus-version"] == told.headers["tus-resumable"] == "1.0.0"
    assert told.headers["tus-extension"] == "creation,expiration,checksum"
    assert int(told.headers["tus-max-size"]) == 15 * KIB * KIB


def test_a_photograph_sent_in_chunks_arrives_whole_and_goes_on_like_any_other(
    world: MemoryWorld, applicant: Caller
) -> None:
    created = create(applicant)
    at = created.headers["location"]

    send_all(applicant, at)

    key = photo_of(world, applicant).key
    assert (created.status, created.headers["upload-offset"]) == (201, "0")
    assert world.photos.quarantine[key] == PHOTO
    photos.record_arrival(world.ports, key)
    assert photo_of(world, applicant).status is PhotoStatus.ARRIVED
    assert offset_of(applicant, at) == len(PHOTO)
    assert world.rows.read_partition(f"UPLOAD#{at.rsplit('/', 1)[1]}", "CHUNK#") == []


def test_another_device_of_the_applicant_goes_on_where_the_first_stopped(
    world: MemoryWorld, applicant: Caller
) -> None:
    at = create(applicant).headers["location"]
    patch(applicant, at, 0, PHOTO[: 64 * KIB])
    world.clock.advance(minutes=10)
    other = sign_in(world, PHONE)

    again = create(other)
    send_all(other, again.headers["location"])

    assert (again.headers["location"], again.headers["upload-offset"]) == (at, str(64 * KIB))
    assert world.photos.quarantine[photo_of(world, applicant).key] == PHOTO


def test_a_chunk_sent_again_is_told_where_the_upload_stands(applicant: Caller) -> None:
    at = create(applicant).headers["location"]
    patch(applicant, at, 0, PHOTO[: 32 * KIB])

    again = patch(applicant, at, 0, PHOTO[: 32 * KIB])

    assert (again.status, again.slug) == (409, "upload-offset")
    assert again.headers["upload-offset"] == str(32 * KIB)
    assert again.headers["tus-resumable"] == "1.0.0"


def test_the_last_chunk_sent_again_after_a_crash_is_no_second_photograph(
    world: MemoryWorld, applicant: Caller
) -> None:
    at = create(applicant).headers["location"]
    patch(applicant, at, 0, PHOTO[: 64 * KIB])
    patch(applicant, at, 64 * KIB, PHOTO[64 * KIB : 128 * KIB])
    key = photo_of(world, applicant).key
    world.photos.receive(key, PHOTO)  # the whole was put there, and the process died before it said so
    photos.record_arrival(world.ports, key)

    last = patch(applicant, at, 128 * KIB, PHOTO[128 * KIB :])

    assert last.status == 204
    assert len(world.photos.kept) == 1
    assert photo_of(world, applicant).status is PhotoStatus.ARRIVED


def test_a_chunk_that_was_changed_on_the_way_is_not_kept(applicant: Caller) -> None:
    at = create(applicant).headers["location"]
    chunk = PHOTO[: 32 * KIB]
    right, wrong = (f"sha1 {b64(hashlib.sha1(part).digest())}" for part in (chunk, chunk[1:]))  # noqa: S324 - tus asks for it

    refused = patch(applicant, at, 0, chunk, Upload_Checksum=wrong)
    unknown = patch(applicant, at, 0, chunk, Upload_Checksum="crc32 AAAA")
    kept = patch(applicant, at, 0, chunk, Upload_Checksum=right)

    assert (refused.status, refused.slug) == (460, "upload-checksum")
    assert unknown.slug == "invalid-form"
    assert (kept.status, kept.headers["upload-offset"]) == (204, str(32 * KIB))


def test_a_whole_that_is_not_what_was_announced_begins_again(world: MemoryWorld, applicant: Caller) -> None:
    at = create(applicant).headers["location"]
    other = PHOTO[:-1] + b"?"
    patch(applicant, at, 0, other[: 64 * KIB])
    patch(applicant, at, 64 * KIB, other[64 * KIB : 128 * KIB])

    refused = patch(applicant, at, 128 * KIB, other[128 * KIB :])

    assert refused.slug == "upload-checksum"
    assert offset_of(applicant, at) == 0
    assert world.photos.quarantine == {}
    send_all(applicant, at)
    assert list(world.photos.quarantine.values()) == [PHOTO]


def test_nobody_else_sees_or_touches_an_upload(world: MemoryWorld, applicant: Caller) -> None:
    at = create(applicant).headers["location"]
    stranger = sign_in(world, "+6281200000099")

    assert stranger.send("HEAD", at, headers=TUS).status == 404
    assert patch(stranger, at, 0, PHOTO[: 32 * KIB]).slug == "not-found"
    assert patch(Caller(), at, 0, PHOTO[: 32 * KIB]).slug == "not-signed-in"


def test_an_upload_left_alone_for_a_day_is_over_and_leaves_nothing(
    world: MemoryWorld, applicant: Caller
) -> None:
    created = create(applicant)
    at = created.headers["location"]
    patch(applicant, at, 0, PHOTO[: 64 * KIB])
    world.clock.advance(hours=25)
    applicant = sign_in(world, PHONE)

    ended = patch(applicant, at, 64 * KIB, PHOTO[64 * KIB : 128 * KIB])
    world.rows.expire(world.clock.now())

    assert created.headers["upload-expires"].endswith("GMT")
    assert (ended.status, ended.slug) == (410, "upload-ended")
    assert world.rows.read_partition(f"UPLOAD#{at.rsplit('/', 1)[1]}") == []
    assert create(applicant).headers["location"] != at


def test_a_slot_has_one_upload_and_another_removes_its_chunks(world: MemoryWorld, applicant: Caller) -> None:
    first = create(applicant).headers["location"]
    patch(applicant, first, 0, PHOTO[: 64 * KIB])

    second = create(applicant, PHOTO + b"another").headers["location"]

    assert patch(applicant, first, 64 * KIB, PHOTO[64 * KIB : 128 * KIB]).slug == "upload-ended"
    assert world.rows.read_partition(f"UPLOAD#{first.rsplit('/', 1)[1]}", "CHUNK#") == []
    assert offset_of(applicant, second) == 0


def test_nobody_keeps_chunks_without_bound(applicant: Caller) -> None:
    answers = []
    for number in range(6):
        answers.append(create(applicant, PHOTO + bytes([number])))
        if answers[-1].status == 201:
            patch(applicant, answers[-1].headers["location"], 0, PHOTO[: 64 * KIB])

    assert [answer.status for answer in answers] == [201] * 5 + [429]
    assert answers[-1].body["retry_after_s"] > 0


@pytest.mark.parametrize(
    ("length", "slug"),
    [("", "invalid-form"), ("-1", "invalid-form"), ("0", "invalid-form"), ("99999999", "upload-too-large")],
)
def test_a_length_that_cannot_be_is_refused(applicant: Caller, length: str, slug: str) -> None:
    assert create(applicant, Upload_Length=length).slug == slug


def test_chunks_that_are_too_large_too_small_or_too_much_are_refused(applicant: Caller) -> None:
    at = create(applicant).headers["location"]

    assert patch(applicant, at, 0, PHOTO[: 64 * KIB + 1]).slug == "upload-too-large"
    assert patch(applicant, at, 0, PHOTO[:100]).body["errors"][0]["reason"] == "CHUNK_TOO_SMALL"
    small = create(applicant, b"\xff\xd8\xff" + bytes(5000)).headers["location"]
    assert patch(applicant, small, 0, bytes(6000)).slug == "upload-too-large"


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Tus_Resumable": "0.2.2"}, 412),
        ({"Tus_Resumable": ""}, 412),
        ({"Content_Type": "application/octet-stream"}, 415),
        ({"Upload_Offset": "x"}, 422),
        ({"Upload_Checksum": "sha1 ???"}, 422),
    ],
)
def test_what_is_not_tus_is_refused(applicant: Caller, changed: dict[str, str], status: int) -> None:
    at = create(applicant).headers["location"]

    refused = patch(applicant, at, 0, PHOTO[: 32 * KIB], **changed)

    assert refused.status == status
    assert refused.headers["content-type"] == "application/problem+json"


def test_where_no_patch_passes_post_does(applicant: Caller) -> None:
    at = create(applicant).headers["location"]
    headers = TUS | {"Upload-Offset": "0"}

    plain = applicant.send("POST", at, PHOTO[: 32 * KIB], CHUNK_TYPE, headers)
    sent = applicant.send(
        "POST", at, PHOTO[: 32 * KIB], CHUNK_TYPE, headers | {"X-HTTP-Method-Override": "PATCH"}
    )

    assert plain.status == 405
    assert (sent.status, sent.headers["upload-offset"]) == (204, str(32 * KIB))


def test_a_photograph_that_is_not_asked_for_gets_no_upload(world: MemoryWorld, applicant: Caller) -> None:
    fill_form(applicant)
    for slot in ("ktp", "selfie"):
        upload(world, applicant, slot)
    assert applicant.post("/v1/application/submit").status == 202

    assert create(applicant).slug == "move-not-allowed"
    assert applicant.send("POST", CREATE.replace("selfie", "passport"), headers=TUS).slug == "not-found"
