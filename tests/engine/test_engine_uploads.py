"""A photograph goes straight to the store, which takes only what its form allows, and verification hears of it."""

from __future__ import annotations

import hashlib
import io
from base64 import b64encode

import httpx
import pytest
from PIL import Image

from tests.uploads import corpus

MOST_BYTES = 15 * 1024 * 1024


def _jpeg():
    """Return a photograph with a place in it."""
    place = Image.Exif()
    place[0x010F] = "CANARY"
    content = io.BytesIO()
    Image.effect_noise((320, 240), 60).convert("RGB").save(content, "JPEG", exif=place)
    return content.getvalue()


JPEG = _jpeg()


@pytest.fixture
def form(applicant):
    asked = {"content_type": "image/jpeg", "size_bytes": len(JPEG)}
    return applicant.post("/v1/application/photos/selfie", json=asked).raise_for_status().json()


def _send(form, content, **changed):
    return httpx.post(form["url"], data={**form["fields"], **changed}, files={"file": content}, timeout=30)


def _photo(applicant, slot="selfie"):
    status = applicant.get("/v1/application").raise_for_status().json()
    photos = status["photos"]
    found = photos if isinstance(photos, dict) else {photo["slot"]: photo for photo in photos}
    return found[slot]


def test_a_form_is_for_a_plain_client_of_one_machine(stack, form):
    assert form["url"].startswith(f"{stack.engine_url}/")


def test_a_photograph_that_arrives_is_recorded(applicant, form, until):
    answer = _send(form, JPEG)

    assert answer.status_code == 204
    assert until(lambda: _photo(applicant)["status"] == "ARRIVED")


def test_only_a_clean_copy_leaves_quarantine(applicant, form, until, aws, stack):
    _send(form, JPEG).raise_for_status()
    assert until(lambda: _photo(applicant)["status"] == "ARRIVED")

    s3, folder = aws("s3"), form["fields"]["key"]
    (kept,) = s3.list_objects_v2(Bucket=stack.environment["GELOMBANG_PHOTO_BUCKET"], Prefix=folder)[
        "Contents"
    ]
    copy = s3.get_object(Bucket=stack.environment["GELOMBANG_PHOTO_BUCKET"], Key=kept["Key"])["Body"].read()

    assert b"CANARY" in JPEG
    assert b"CANARY" not in copy
    with Image.open(io.BytesIO(copy)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (320, 240))


def test_a_file_that_only_says_it_is_a_photograph_is_refused_after_arrival(applicant, form, until):
    _send(form, b"%PDF-1.7\n" + bytes(2000)).raise_for_status()

    assert until(lambda: _photo(applicant)["status"] == "REFUSED")


@pytest.mark.parametrize("changed", [{"key": "another/selfie/key"}, {"Content-Type": "application/pdf"}])
def test_the_store_refuses_another_key_or_type(applicant, form, changed):
    answer = _send(form, JPEG, **changed)

    assert answer.status_code == 403
    assert _photo(applicant)["status"] == "AWAITED"


@pytest.mark.parametrize("size", [0, MOST_BYTES + 1])
def test_the_store_refuses_nothing_and_too_much(applicant, form, size):
    answer = _send(form, bytes(size))

    assert answer.status_code == 400
    assert _photo(applicant)["status"] == "AWAITED"


@pytest.mark.parametrize(
    "name", ["iphone-on-its-side.heic", "place-and-profile.webp", "cut-short.jpg", "bomb.png"]
)
def test_a_file_of_the_corpus_becomes_what_its_manifest_says(applicant, until, name):
    content = corpus.MAKERS[name]()
    asked = {"content_type": "image/heic", "size_bytes": len(content)}
    offered = applicant.post("/v1/application/photos/ktp", json=asked).raise_for_status().json()

    _send(offered, content).raise_for_status()

    assert until(lambda: _photo(applicant, "ktp")["status"] in ("ARRIVED", "REFUSED"))
    faults = [fault["code"] for fault in _photo(applicant, "ktp")["faults"]]
    assert (faults or ["accepted"]) == [corpus.manifest()[name]]


def test_a_photograph_sent_in_chunks_through_the_gateway_arrives(applicant, until):
    tus = {"Tus-Resumable": "1.0.0"}
    content = corpus.noisy("JPEG")
    digest = b64encode(hashlib.sha256(content).hexdigest().encode()).decode()
    created = applicant.post(
        "/v1/application/photos/selfie/uploads",
        headers={**tus, "Upload-Length": str(len(content)), "Upload-Metadata": f"sha256 {digest}"},
    )
    assert (created.status_code, applicant.options(created.headers["location"]).status_code) == (201, 204)
    offset = 0
    while offset < len(content):
        chunk = content[offset : offset + 50_000]
        sum_of_chunk = b64encode(hashlib.sha256(chunk).digest()).decode()
        headers = {**tus, "Upload-Offset": str(offset), "Upload-Checksum": f"sha256 {sum_of_chunk}"}
        headers["Content-Type"] = "application/offset+octet-stream"
        kept = applicant.patch(created.headers["location"], content=chunk, headers=headers)
        assert kept.status_code == 204, kept.text
        asked = applicant.head(created.headers["location"], headers=tus)
        assert kept.headers["upload-offset"] == asked.headers["upload-offset"]
        offset = int(asked.headers["upload-offset"])

    assert until(lambda: _photo(applicant)["status"] == "ARRIVED")
