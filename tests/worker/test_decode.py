"""Decoding: every kind of picture people send, and everything that is none."""

from __future__ import annotations

import io
import random
import struct
import zlib
from typing import Any

import numpy as np
import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gelombang.domain.face_evidence import PhotoOutcome
from workers.gpu_face.faces import Picture, Rejected, Subject
from workers.gpu_face.stages.decode import MAX_PIXELS, decode_picture

LEFT_RED_RGB, RIGHT_BLUE_RGB = (200, 30, 20), (20, 30, 200)


def two_halves(width: int = 96, height: int = 64) -> Image.Image:
    """Return a picture whose left half is red and whose right half is blue."""
    picture = Image.new("RGB", (width, height), LEFT_RED_RGB)
    picture.paste(RIGHT_BLUE_RGB, (width // 2, 0, width, height))
    return picture


def encoded(picture: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    pillow_heif.register_heif_opener()
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def decoded(content: bytes) -> Picture:
    picture = decode_picture(content, Subject.SELFIE)
    assert isinstance(picture, Picture)
    return picture


def outcome_of(content: bytes) -> PhotoOutcome:
    rejected = decode_picture(content, Subject.SELFIE)
    assert isinstance(rejected, Rejected)
    return rejected.outcome


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_each_accepted_format_becomes_bgr(kind: str) -> None:
    picture = decoded(encoded(two_halves(), kind))

    assert picture.pixels.shape == (64, 96, 3)
    assert picture.pixels.dtype == np.uint8
    assert np.allclose(picture.pixels[32, 10], LEFT_RED_RGB[::-1], atol=12)
    assert np.allclose(picture.pixels[32, 85], RIGHT_BLUE_RGB[::-1], atol=12)


@pytest.mark.parametrize(
    ("orientation", "red_at"),
    [
        (1, (5, 10)),
        (2, (5, 85)),
        (3, (60, 85)),
        (4, (60, 10)),
        (5, (10, 5)),
        (6, (10, 60)),
        (7, (85, 60)),
        (8, (85, 5)),
    ],
)
def test_a_turned_photograph_is_set_upright(orientation: int, red_at: tuple[int, int]) -> None:
    corner = two_halves()
    corner.paste(RIGHT_BLUE_RGB, (0, 32, 96, 64))  # red is left in the top left quarter only
    exif = Image.Exif()
    exif[0x0112] = orientation

    picture = decoded(encoded(corner, exif=exif, quality=95))

    assert np.allclose(picture.pixels[red_at], LEFT_RED_RGB[::-1], atol=12)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16"])
def test_other_colour_modes_become_bgr(mode: str) -> None:
    grey = two_halves().convert("L")
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    else:
        picture = two_halves().convert(mode)

    pixels = decoded(encoded(picture, "PNG")).pixels

    assert pixels.shape == (64, 96, 3)
    if mode in ("L", "LA", "I;16"):
        assert abs(int(pixels[5, 5, 0]) - grey.getpixel((5, 5))) <= 1


def test_a_cmyk_jpeg_becomes_bgr() -> None:
    pixels = decoded(encoded(two_halves().convert("CMYK"), quality=95)).pixels

    assert np.allclose(pixels[32, 10], LEFT_RED_RGB[::-1], atol=12)


def test_what_is_transparent_is_seen_over_white_as_a_reviewer_sees_it() -> None:
    hidden = two_halves().convert("RGBA")
    hidden.putalpha(0)

    pixels = decoded(encoded(hidden, "PNG")).pixels

    assert (pixels == 255).all()


def test_a_very_large_jpeg_is_decoded_smaller_and_says_so() -> None:
    large = decoded(encoded(two_halves(4000, 3000)))
    small = decoded(encoded(two_halves(1600, 1200)))

    assert (large.pixels.shape, large.reduction) == ((1500, 2000, 3), 2)
    assert (small.pixels.shape, small.reduction) == ((1200, 1600, 3), 1)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_spoil_the_picture() -> None:
    content = encoded(two_halves(), exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff")

    assert decoded(content).pixels.shape == (64, 96, 3)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"%PDF-1.7\n1 0 obj\n",
        b"<html><body>not a photograph</body></html>",
        encoded(two_halves(), "GIF"),
        encoded(two_halves(), "TIFF"),
        encoded(two_halves(), "BMP"),
        encoded(two_halves(), "PDF"),
    ],
    ids=["nothing", "PDF header", "HTML", "GIF", "TIFF", "BMP", "PDF"],
)
def test_what_is_no_accepted_picture_is_unreadable(content: bytes) -> None:
    assert outcome_of(content) is PhotoOutcome.UNREADABLE


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_a_truncated_picture_is_unreadable(kind: str) -> None:
    content = encoded(Image.effect_noise((96, 64), 80).convert("RGB"), kind)

    for length in range(0, len(content) // 2, 7):
        assert outcome_of(content[:length]) is PhotoOutcome.UNREADABLE


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_is_unreadable(kind: str) -> None:
    content = encoded(two_halves(), kind, save_all=True, append_images=[Image.new("RGB", (96, 64), "white")])

    assert outcome_of(content) is PhotoOutcome.UNREADABLE


def test_a_phones_jpeg_with_a_second_picture_inside_is_the_first_picture() -> None:
    content = encoded(two_halves(), "MPO", save_all=True, append_images=[Image.new("RGB", (48, 32), "white")])

    assert np.allclose(decoded(content).pixels[32, 10], LEFT_RED_RGB[::-1], atol=12)


def test_an_iphones_turned_photograph_is_set_upright_once() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6

    picture = decoded(encoded(two_halves(), "HEIF", exif=exif.tobytes(), quality=90))

    assert picture.pixels.shape == (96, 64, 3)
    assert np.allclose(picture.pixels[10, 32], LEFT_RED_RGB[::-1], atol=20)


def test_of_several_pictures_in_one_heic_the_primary_one_counts() -> None:
    several = pillow_heif.HeifFile()
    several.add_from_pillow(Image.new("RGB", (96, 64), "white"))
    several.add_from_pillow(two_halves())
    content = io.BytesIO()
    several.save(content, primary_index=1)

    assert np.allclose(decoded(content.getvalue()).pixels[32, 10], LEFT_RED_RGB[::-1], atol=20)


def test_a_picture_over_the_pixel_limit_is_unreadable_before_it_is_decoded() -> None:
    bomb = _png_header(20_000, MAX_PIXELS // 20_000 + 1)
    vast = _png_header(200_000, 200_000)

    rejected = decode_picture(bomb, Subject.SELFIE)

    assert rejected == Rejected(PhotoOutcome.UNREADABLE, 20_000, 1_251)
    assert outcome_of(vast) is PhotoOutcome.UNREADABLE


@pytest.mark.parametrize("size", [(20, 20), (1000, 40), (8000, 31)])
def test_a_picture_too_small_or_too_long_holds_no_face(size: tuple[int, int]) -> None:
    rejected = decode_picture(encoded(Image.new("RGB", size)), Subject.SELFIE)

    assert rejected == Rejected(PhotoOutcome.NO_FACE, *size)


@pytest.mark.filterwarnings(
    "ignore"
)  # of Pillow's, about the damage; in production they are not errors either
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "MPO", "HEIF"])
def test_however_a_picture_is_damaged_nothing_is_raised(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a phone"
    options = {"save_all": True, "append_images": [two_halves()]} if kind == "MPO" else {}
    sound = encoded(two_halves(), kind, exif=exif, **options)
    chance = random.Random(20261121)  # noqa: S311 - damage, not secrets

    for _ in range(400):
        content = bytearray(sound)
        for _ in range(chance.choice((1, 3, 20))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        start = chance.randrange(len(content))
        if chance.random() < 0.3:
            del content[start : start + chance.randrange(1, 40)]
        assert isinstance(decode_picture(bytes(content), Subject.KTP), Picture | Rejected)


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\x10\0\0\0WEBPVP8 "]),
)
def test_no_bytes_whatever_raise(content: bytes, start: bytes) -> None:
    assert isinstance(decode_picture(start + content, Subject.SELFIE), Rejected)


def _png_header(width: int, height: int) -> bytes:
    """Return a PNG that claims a size and holds almost nothing."""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0" * 64)),
    ]
    chunks = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
