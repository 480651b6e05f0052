"""Draws the corpus of uploads: every awkward kind of file people (and others) send, each named in manifest.json.

Nobody's photograph is in it: each picture is red in its upper left quarter, white in the others, so that it can be
told when it is turned, mirrored or wrongly coloured. What must not survive cleaning carries the mark `CANARY`.

`python tests/uploads/corpus.py FOLDER` writes the files.
"""

from __future__ import annotations

import io
import json
import struct
import sys
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pillow_heif
from PIL import Image, ImageCms, PngImagePlugin

MANIFEST = Path(__file__).with_name("manifest.json")
CANARY = b"CANARY-6.2088S-106.8456E"
RED, WHITE = (200, 30, 20), (250, 250, 250)
ORIENTATION, GPS, MAKER_NOTE = 0x0112, 0x8825, 0x927C
BUSY = Image.effect_noise((640, 480), 60)


def quarter(width: int = 640, height: int = 480, mode: str = "RGB") -> Image.Image:
    """Return a picture that is red in its upper left quarter; noise keeps files from being tiny."""
    picture = Image.new("RGB", (width, height), WHITE)
    picture.paste(RED, (0, 0, width // 2, height // 2))
    return picture.convert(mode)


def encoded(picture: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """Return the picture as a file."""
    if kind == "HEIF":
        pillow_heif.register_heif_opener()
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


@cache
def noisy(kind: str) -> bytes:
    """Return a file with enough data in it to be cut."""
    return encoded(BUSY.convert("RGB"), kind)


def exif(orientation: int = 1) -> bytes:
    """Return EXIF with a place, a maker's note and an orientation."""
    found = Image.Exif()
    found[ORIENTATION] = orientation
    found[0x010F] = CANARY.decode()
    found[MAKER_NOTE] = CANARY
    found.get_ifd(GPS).update(
        {1: "S", 2: (6.0, 12.0, 31.7), 3: "E", 4: (106.0, 50.0, 44.2), 29: "2026:11:21"}
    )
    return found.tobytes()


def turned(orientation: int) -> Image.Image:
    """Return the picture stored so that its orientation tag sets it upright."""
    back = {3: Image.Transpose.ROTATE_180, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90}
    return quarter().transpose(back[orientation])


def profile_with_red_and_blue_exchanged() -> bytes:
    """Return an RGB colour profile in which the first channel is blue: whoever ignores it shows blue for red."""
    content = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", content[128:132])[0]
    places = {bytes(content[at : at + 4]): at for at in range(132, 132 + 12 * count, 12)}
    red, blue = places[b"rXYZ"], places[b"bXYZ"]
    content[red : red + 4], content[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(content)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """Return one chunk with its check sum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_claiming(width: int, height: int) -> bytes:
    """Return a PNG of some bytes whose header claims a size."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + png_chunk(b"IDAT", zlib.compress(bytes(1000)))
        + png_chunk(b"IEND", b"")
    )


def with_text_chunks() -> bytes:
    """Return a PNG with text, a place and a colour profile in it."""
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", CANARY.decode())
    text.add_itxt("XML:com.adobe.xmp", f"<x:xmpmeta>{CANARY.decode()}</x:xmpmeta>")
    return encoded(quarter(), "PNG", pnginfo=text, exif=exif())


def heic(orientation: int = 1) -> bytes:
    """Return a HEIC with EXIF, as an iPhone's."""
    picture = quarter() if orientation == 1 else turned(orientation)
    return encoded(picture, "HEIF", exif=exif(orientation), quality=80)


def broken(content: bytes, at: int) -> bytes:
    """Return a file whose middle is something else."""
    return content[:at] + bytes(64) + content[at + 64 :]


ZIP = b"PK\x05\x06" + bytes(18)
MP4 = (
    struct.pack(">I", 24)
    + b"ftypisom"
    + bytes(4)
    + b"isommp42"
    + struct.pack(">I", 64)
    + b"mdat"
    + CANARY
    + bytes(40)
)
APP1 = b"\xff\xe1" + struct.pack(">H", 2 + 29 + len(CANARY)) + b"http://ns.adobe.com/xap/1.0/\0" + CANARY
APP13 = b"\xff\xed" + struct.pack(">H", 2 + 14 + len(CANARY)) + b"Photoshop 3.0\0" + CANARY
HTML = b"<!doctype html><script>alert('" + CANARY + b"')</script>"

MAKERS: dict[str, Callable[[], bytes]] = {
    "plain.jpg": lambda: encoded(quarter()),
    "progressive.jpg": lambda: encoded(quarter(), progressive=True),
    "place-and-maker.jpg": lambda: encoded(quarter(), exif=exif()),
    "upside-down.jpg": lambda: encoded(turned(3), exif=exif(3)),
    "mirrored-and-turned.jpg": lambda: encoded(turned(5), exif=exif(5)),
    "on-its-side.jpg": lambda: encoded(turned(6), exif=exif(6)),
    "four-colours.jpg": lambda: encoded(quarter(mode="CMYK"), quality=95),
    "grey.jpg": lambda: encoded(quarter(mode="L")),
    "other-colour-profile.jpg": lambda: encoded(
        Image.merge("RGB", quarter().split()[::-1]), icc_profile=profile_with_red_and_blue_exchanged()
    ),
    "broken-colour-profile.jpg": lambda: encoded(quarter(), icc_profile=CANARY * 20),
    "script-in-comment.jpg": lambda: encoded(quarter(), comment=HTML),
    "xmp-and-iptc.jpg": lambda: encoded(quarter())[:2] + APP1 + APP13 + encoded(quarter())[2:],
    "zip-behind.jpg": lambda: encoded(quarter()) + CANARY + ZIP,
    "film-behind.jpg": lambda: encoded(quarter()) + MP4,
    "two-pictures.jpg": lambda: encoded(quarter(), "MPO", save_all=True, append_images=[BUSY.convert("RGB")]),
    "without-end-marker.jpg": lambda: encoded(quarter())[:-2],
    "twelve-megapixels.jpg": lambda: encoded(quarter(4000, 3000)),
    "fifty-megapixels.jpg": lambda: encoded(quarter(8160, 6120)),
    "really-a-png.jpg": lambda: encoded(quarter(), "PNG"),
    "plain.png": lambda: encoded(quarter(), "PNG"),
    "transparent.png": lambda: _see_through().getvalue(),
    "sixteen-bits.png": lambda: encoded(
        quarter(mode="L").convert("I").point(lambda v: v * 256).convert("I;16"), "PNG"
    ),
    "palette.png": lambda: encoded(quarter(mode="P"), "PNG"),
    "text-and-place.png": with_text_chunks,
    "plain.webp": lambda: encoded(quarter(), "WEBP"),
    "place-and-profile.webp": lambda: encoded(quarter(), "WEBP", lossless=True, exif=exif(), xmp=CANARY),
    "iphone.heic": heic,
    "iphone-on-its-side.heic": lambda: heic(6),
    "nothing.jpg": lambda: b"",
    "text.jpg": lambda: CANARY * 10,
    "page.jpg": lambda: HTML,
    "drawing.svg": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
    "document.pdf": lambda: b"%PDF-1.7\n" + CANARY + b"\n%%EOF",
    "archive.zip": lambda: ZIP,
    "program.exe": lambda: b"MZ" + bytes(200),
    "film.mp4": lambda: MP4,
    "picture.gif": lambda: encoded(quarter(), "GIF"),
    "scan.tiff": lambda: encoded(quarter(), "TIFF"),
    "picture.bmp": lambda: encoded(quarter(), "BMP"),
    "picture.avif": lambda: struct.pack(">I", 28) + b"ftypavif" + bytes(4) + b"avifmif1miaf" + bytes(200),
    "moving.webp": lambda: encoded(quarter(), "WEBP", save_all=True, append_images=[BUSY.convert("RGB")]),
    "moving.png": lambda: encoded(quarter(), "PNG", save_all=True, append_images=[BUSY.convert("RGB")]),
    "cut-short.jpg": lambda: noisy("JPEG")[:-20_000],
    "cut-short.png": lambda: noisy("PNG")[:-20_000],
    "cut-short.webp": lambda: noisy("WEBP")[:-20_000],
    "cut-short.heic": lambda: noisy("HEIF")[:-20_000],
    "broken.jpg": lambda: broken(noisy("JPEG"), 20),
    "broken.heic": lambda: broken(noisy("HEIF"), 60),
    "broken.png": lambda: broken(noisy("PNG"), 20),
    "bomb.png": lambda: png_claiming(60_000, 60_000),
    "too-large.jpg": lambda: encoded(quarter(9000, 7000)),
    "icon.png": lambda: encoded(quarter(16, 16), "PNG"),
    "strip.png": lambda: encoded(quarter(4000, 100), "PNG"),
}


def corpus() -> dict[str, bytes]:
    """Return the files by name."""
    return {name: make() for name, make in MAKERS.items()}


def manifest() -> dict[str, str]:
    """Return what must become of each file: `accepted`, or the reason why it is refused."""
    return dict(json.loads(MANIFEST.read_text()))


def _see_through() -> io.BytesIO:
    picture = quarter(mode="RGBA")
    picture.putalpha(Image.new("L", picture.size, 255))
    picture.paste((0, 0, 0, 0), (320, 240, 640, 480))  # black where nobody sees it: it must come out white
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for file_name, file_content in corpus().items():
        (folder / file_name).write_bytes(file_content)
