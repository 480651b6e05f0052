"""Every awkward file people upload: accepted or refused as the manifest says; stored copies are clean."""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gelombang.domain.application import PhotoStatus, Slot
from gelombang.domain.errors import DependencyError
from gelombang.domain.reasons import Reason
from gelombang.journey import applications, photos
from gelombang.journey.ports import CleanPicture
from gelombang.pictures.reading import Unreadable, read_picture
from gelombang.pictures.sandbox import SandboxedPictures, is_plain_jpeg
from tests.journey.walking import begin
from tests.uploads.corpus import CANARY, RED, WHITE, corpus, manifest

NO_COLOUR = {"grey.jpg", "sixteen-bits.png"}
SMALL = ("plain.jpg", "on-its-side.jpg", "text-and-place.png", "place-and-profile.webp", "iphone.heic")


@pytest.fixture(scope="module")
def files():
    return corpus()


@pytest.fixture(scope="module")
def kept(files):
    """Return what became of each file on the real way, with ports in memory: its photograph, and the copy kept."""
    walk = begin()
    ports, application_id = replace(walk.ports, pictures=SandboxedPictures()), walk.sign_in()
    found = {}
    for name, content in files.items():
        walk.world.clock.advance(hours=1)
        form = photos.offer_upload(ports, application_id, Slot.SELFIE, "image/jpeg", 1000)
        walk.world.photos.receive(form.fields["key"], content)
        photos.record_arrival(ports, form.fields["key"])
        photo = applications.load(ports, application_id).photos[Slot.SELFIE]
        found[name] = photo, walk.world.photos.kept.get(photo.key, b"")
    return found


def test_the_manifest_speaks_of_every_file_of_the_corpus(files):
    assert manifest().keys() == files.keys()
    assert len(files) >= 40
    assert set(manifest().values()) <= {"accepted", *Reason}


def test_each_file_is_accepted_or_refused_as_the_manifest_says(kept):
    became = {
        name: "accepted" if photo.status is PhotoStatus.ARRIVED else ",".join(photo.faults)
        for name, (photo, _) in kept.items()
    }

    assert became == manifest()


def test_a_kept_copy_has_no_segment_but_those_of_a_plain_baseline_jpeg(kept):
    accepted = {name: copy for name, (_, copy) in kept.items() if manifest()[name] == "accepted"}

    allowed = {"SOI", "APP0 JFIF", "DQT", "SOF0", "DHT", "SOS", "EOI"}
    assert {name for name, copy in accepted.items() if not allowed.issuperset(segments_of(copy))} == set()
    assert not any(CANARY in copy or b"Exif" in copy or b"ICC_PROFILE" in copy for copy in accepted.values())


def test_a_kept_copy_is_upright_and_of_the_right_colours(kept):
    for name, (_, copy) in kept.items():
        if manifest()[name] != "accepted":
            continue
        with Image.open(io.BytesIO(copy)) as picture:
            width, height = picture.size
            seen = [
                picture.getpixel((width * x // 8, height * y // 8))
                for x, y in ((1, 1), (7, 1), (1, 7), (7, 7))
            ]
        assert width > height, name
        if name in NO_COLOUR:
            assert [pixel[0] > 150 for pixel in seen] == [False, True, True, True], name
        else:
            assert near(seen[0], RED), (name, seen)
            assert all(near(pixel, WHITE) for pixel in seen[1:]), (name, seen)


def test_nothing_is_kept_of_a_refused_file(kept):
    assert [
        name for name, (photo, copy) in kept.items() if copy and photo.status is PhotoStatus.REFUSED
    ] == []


def test_a_copy_of_a_copy_is_as_clean(kept):
    _, copy = kept["place-and-maker.jpg"]

    again = SandboxedPictures().clean(copy)

    assert isinstance(again, CleanPicture)
    assert segments_of(again.content) == segments_of(copy)


def test_whoever_takes_the_child_over_can_store_nothing_but_a_plain_picture(files, kept):
    _, copy = kept["plain.jpg"]

    assert is_plain_jpeg(copy)
    assert not is_plain_jpeg(copy + b"PK")
    assert not is_plain_jpeg(copy[:-2])
    assert not is_plain_jpeg(b"<html>")
    assert not is_plain_jpeg(b"")
    for name in (
        "place-and-maker.jpg",
        "progressive.jpg",
        "script-in-comment.jpg",
        "zip-behind.jpg",
        "plain.png",
    ):
        assert not is_plain_jpeg(files[name]), name


@pytest.mark.parametrize("name", SMALL)
@given(
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4),
    end=st.floats(0, 1),
)
# Pillow warns of broken EXIF and reads on; the child prints that, and here it would be an error.
@pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")
def test_a_damaged_file_is_a_picture_or_a_reason_and_never_an_exception(files, name, changes, end):
    content = bytearray(files[name])
    for place, value in changes:
        content[int(place * (len(content) - 1))] = value

    found = read_picture(bytes(content[: int(end * len(content)) or len(content)]))

    assert isinstance(found, Unreadable | Image.Image)
    assert not isinstance(found, Unreadable) or found.reason in set(Reason)


def test_a_child_that_cannot_start_is_no_fault_of_the_upload(monkeypatch, files):
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")

    with pytest.raises(DependencyError):
        SandboxedPictures().clean(files["plain.jpg"])


def segments_of(content: bytes) -> list[str]:
    """Return the names of a JPEG's segments, in order; what is behind its end too. Source: ITU-T T.81, B.1."""
    names = {0xC0: "SOF0", 0xC4: "DHT", 0xDB: "DQT", 0xDA: "SOS"}
    assert content[:2] == b"\xff\xd8"
    found, at = ["SOI"], 2
    while content[at : at + 2] != b"\xff\xd9":
        assert content[at] == 0xFF
        kind, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if kind == 0xE0:
            found.append(f"APP0 {content[at + 4 : at + 9].rstrip(bytes(1)).decode('latin-1')}")
        else:
            found.append(names.get(kind, f"marker {kind:02x}"))
        at += 2 + length
        if kind == 0xDA:
            while content[at] != 0xFF or content[at + 1] == 0:
                at += 1
    return [*found, "EOI", *(["something behind"] if at + 2 < len(content) else [])]


def near(pixel, wanted) -> bool:
    return all(abs(one - other) <= 25 for one, other in zip(pixel, wanted, strict=True))
