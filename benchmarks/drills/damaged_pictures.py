"""Pictures made in code and damaged at random: every format that is read, some that are not, and mixtures.

The same seed and number make the same bytes, so that whatever a decoder does to us can be done again.
"""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image

WIDTH, HEIGHT = 160, 120
EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
PNG_START = b"\x89PNG\r\n\x1a\n"
JPEG_SIZES = (b"\xff\xc0", b"\xff\xc2")  # the segments that say how large the picture is

Damage = Callable[[random.Random, bytearray], None]


def sound_pictures() -> list[bytes]:
    """Return the pictures that are damaged: some KB each, no two of one kind."""
    pillow_heif.register_heif_opener()
    colours = _drawn()
    grey = colours.convert("L")
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a phone"
    second = [Image.new("RGB", (WIDTH, HEIGHT), "white")]
    jpeg = _encoded(colours, "JPEG", exif=exif)
    return [
        jpeg,
        _encoded(colours, "JPEG", progressive=True, quality=90),
        _encoded(colours, "JPEG", subsampling=0, restart_marker_blocks=4),
        _encoded(colours.convert("CMYK"), "JPEG"),
        _encoded(grey, "JPEG"),
        _encoded(colours.resize((1700, 1300)), "JPEG", quality=30),  # large enough to be decoded smaller
        _encoded(colours, "MPO", save_all=True, append_images=second),
        *(_encoded(colours.convert(mode), "PNG") for mode in ("RGB", "RGBA", "P", "LA", "L", "1")),
        _encoded(Image.fromarray(np.asarray(grey).astype(np.uint16) * 257), "PNG"),
        _encoded(colours, "PNG", save_all=True, append_images=second, exif=exif),
        _encoded(colours, "WEBP", quality=60),
        _encoded(colours.convert("RGBA"), "WEBP", lossless=True, exif=exif),
        _encoded(colours, "WEBP", save_all=True, append_images=second),
        _encoded(colours, "HEIF", quality=50, exif=exif.tobytes()),
        _encoded(colours.convert("RGBA"), "HEIF", quality=50),
        *(_encoded(colours, kind) for kind in ("GIF", "TIFF", "BMP", "PDF")),
        b"%PDF-1.7\n" + jpeg,
        jpeg + b"PK\x03\x04<html><script>0</script></html>",
        b"GIF89a" + jpeg,
    ]


def damaged_picture(sound: Sequence[bytes], seed: int, number: int) -> bytes:
    """Return the picture with this number: one of `sound`, damaged in one to four ways."""
    chance = random.Random(f"{seed}-{number}")  # noqa: S311 - damage, not secrets
    content = bytearray(sound[number % len(sound)])
    for _ in range(chance.choice((1, 1, 2, 4))):
        if not content:
            break
        if chance.random() < 0.05:  # noqa: PLR2004 - one in twenty is two files grown together
            _splice(chance, content, chance.choice(sound))
        else:
            chance.choice(DAMAGES)(chance, content)
    if content.startswith(PNG_START) and chance.random() < 0.8:  # noqa: PLR2004 - so that most get past the sums
        _mend_png_sums(content)
    return bytes(content)


def _drawn() -> Image.Image:
    coarse = np.random.default_rng(20261121).integers(0, 255, (9, 12, 3), np.uint8)
    return Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)


def _encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:  # noqa: ANN401 - Pillow's own
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def _flip_bits(chance: random.Random, content: bytearray) -> None:
    for _ in range(chance.choice((1, 3, 30))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _flip_bits_of_the_head(chance: random.Random, content: bytearray) -> None:
    for _ in range(chance.choice((1, 2, 5))):
        content[chance.randrange(min(200, len(content)))] = chance.randrange(256)


def _write_extreme(chance: random.Random, content: bytearray) -> None:
    """Write a number that lengths and sizes break at, in either order of bytes."""
    shape = chance.choice((">H", "<H", ">I", "<I"))
    size = struct.calcsize(shape)
    at = chance.randrange(len(content))
    content[at : at + size] = struct.pack(shape, chance.choice(EXTREMES) % (1 << 8 * size))


def _remove(chance: random.Random, content: bytearray) -> None:
    start = chance.randrange(len(content))
    del content[start : start + chance.choice((1, 2, 17, 400))]


def _truncate(chance: random.Random, content: bytearray) -> None:
    del content[chance.randrange(len(content)) :]


def _repeat(chance: random.Random, content: bytearray) -> None:
    start = chance.randrange(len(content))
    part = content[start : start + chance.choice((2, 12, 300))]
    content[start:start] = part * chance.choice((1, 2, 60))


def _insert_noise(chance: random.Random, content: bytearray) -> None:
    at = chance.randrange(len(content))
    content[at:at] = chance.randbytes(chance.choice((1, 8, 500)))


def _claim_size(chance: random.Random, content: bytearray) -> None:
    """Let the header claim another size, as a bomb does."""
    width, height = (chance.choice((1, 31, 33, 4999, 5000, 8000, 65_000)) for _ in range(2))
    if content.startswith(PNG_START):
        content[16:24] = struct.pack(">II", width, height)
    for marker in JPEG_SIZES:
        at = content.find(marker)
        if at >= 0:
            content[at + 5 : at + 9] = struct.pack(">HH", height, width)


def _splice(chance: random.Random, content: bytearray, other: bytes) -> None:
    content[chance.randrange(len(content)) :] = other[chance.randrange(len(other)) :]


def _mend_png_sums(content: bytearray) -> None:
    at = len(PNG_START)
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        end = at + 8 + length
        if end + 4 > len(content):
            return
        struct.pack_into(">I", content, end, zlib.crc32(content[at + 4 : end]))
        at = end + 4


DAMAGES: tuple[Damage, ...] = (
    _flip_bits,
    _flip_bits_of_the_head,
    _write_extreme,
    _remove,
    _truncate,
    _repeat,
    _insert_noise,
    _claim_size,
)
