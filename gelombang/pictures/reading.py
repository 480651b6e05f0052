"""Reads what somebody uploaded as an upright sRGB picture, or says what is wrong with the file; never raises.

The type is taken from the content, never from a name or a declared type, and only four decoders are offered to it.
What is too large or moves is refused by its header alone, before any pixel is decoded.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import cache
from io import BytesIO

import pi_heif
from PIL import Image, ImageCms

FORMATS = ("JPEG", "PNG", "WEBP", "HEIF")
# Of the file, by format. Phones take up to 50 MP, as JPEG or HEIC; nobody's camera makes the others, whose decoders
# hold several whole copies.
MOST_PIXELS = {"JPEG": 51_000_000, "HEIF": 51_000_000, "PNG": 25_000_000, "WEBP": 16_000_000}
MOST_KEPT_PIXELS = 25_000_000  # of the copy: what the face worker takes; a larger picture is halved
LEAST_SIDE_PX = 32  # below this nobody could find a face, let alone compare it
MOST_ASPECT = 8.0  # a longer strip is no photograph of a card or a person
SNIFFED_BYTES = 64

# Everything Pillow 13 raises for bytes that are not a whole picture; tests/worker/test_decode.py damages pictures
# in some thousand ways to find out whether there is another.
UNREADABLE_ERRORS = (
    OSError,  # unidentified, truncated, broken data stream
    SyntaxError,  # broken PNG chunk, no TIFF header in EXIF
    ValueError,  # text chunk too large, impossible size
    EOFError,  # the file ends inside a header
    struct.error,  # a header shorter than its fields
    zlib.error,  # PNG data that does not inflate
    IndexError,  # an empty marker segment
    KeyError,  # a tag of unknown type
    TypeError,  # a tag with another type than its specification's
    OverflowError,  # a length beyond 63 bits
    RuntimeError,  # libheif's own words
)
BOMB_ERRORS = (Image.DecompressionBombError, Image.DecompressionBombWarning)

ORIENTATION_TAG = 0x0112
UPRIGHT = {  # EXIF 2.32, table 6: what undoes each orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why there is no picture: a code of `gelombang.domain.reasons`."""

    reason: str


def read_picture(content: bytes) -> Image.Image | Unreadable:
    """Return the picture in `content`: RGB in sRGB, upright, at most `MOST_KEPT_PIXELS`, nothing else of the file."""
    learn_heif()
    kind = _kind_of(content[:SNIFFED_BYTES])
    if kind not in FORMATS:
        return Unreadable("PHOTO_TYPE_NOT_ACCEPTED" if kind else "NOT_AN_IMAGE")
    try:
        with Image.open(BytesIO(content), formats=[kind]) as image:
            return _refusal(image) or _upright_srgb(image)
    except BOMB_ERRORS:  # Pillow's own limit on what a header may claim
        return Unreadable("TOO_MANY_PIXELS")
    except UNREADABLE_ERRORS:
        return Unreadable("TRUNCATED" if _is_cut_short(content, kind) else "UNREADABLE")


@cache
def learn_heif() -> None:
    """Teach Pillow HEIC, what iPhones take; one thread, so that one picture cannot take more than one core."""
    pi_heif.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)


def _kind_of(head: bytes) -> str:
    """Return the format a file begins as, whether we take it or not; "" when it is no picture we know.

    Source: ITU-T T.81, the PNG specification, RFC 9649, ISO/IEC 23008-12 (brands), GIF89a, TIFF 6.0, BMP.
    """
    begins = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF8": "GIF", b"BM": "BMP"}
    begins |= {b"II*\x00": "TIFF", b"MM\x00*": "TIFF", b"\xff\x0a": "JXL"}
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        end = min(int.from_bytes(head[:4], "big"), len(head))
        brands = {head[8:12], *(head[at : at + 4] for at in range(16, end, 4))}
        if brands & {b"heic", b"heix", b"heim", b"heis"}:
            return "HEIF"
        return "another HEIF" if brands & {b"avif", b"avis", b"mif1", b"msf1", b"hevc"} else ""
    return next((kind for beginning, kind in begins.items() if head.startswith(beginning)), "")


def _refusal(image: Image.Image) -> Unreadable | None:
    """Judge by the header alone."""
    width, height = image.size
    if width * height > MOST_PIXELS[_format_of(image)]:
        return Unreadable("TOO_MANY_PIXELS")
    # A phone's JPEG or HEIC may carry a second picture (a preview, a gain map, a burst): the first, or what the
    # file calls its primary one, is the photograph. In a PNG or WebP a second one moves.
    if image.format in ("PNG", "WEBP") and getattr(image, "n_frames", 1) > 1:
        return Unreadable("ANIMATED")
    if min(width, height) < LEAST_SIDE_PX:
        return Unreadable("TOO_FEW_PIXELS")
    return Unreadable("TOO_NARROW") if max(width, height) > MOST_ASPECT * min(width, height) else None


def _format_of(image: Image.Image) -> str:
    """Return one of `FORMATS`: a JPEG with a second picture calls itself MPO."""
    return image.format if image.format in MOST_PIXELS else "JPEG"


def _upright_srgb(image: Image.Image) -> Image.Image:
    orientation = orientation_of(image)
    if image.width * image.height > MOST_KEPT_PIXELS:
        image.draft(None, (image.width // 2, image.height // 2))  # only JPEG has it; a no-op for the others
    seen = _to_srgb(image)
    if seen.width * seen.height > MOST_KEPT_PIXELS:
        seen = seen.reduce(2)
    return seen.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else seen


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation 1..8; 1 where EXIF is absent or damaged: the picture is still good."""
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except UNREADABLE_ERRORS:
        return 1


def _to_srgb(image: Image.Image) -> Image.Image:
    """Return the picture in RGB as a person would see it: 16 bits scaled to 8, transparency over white."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda level: level * (1 / 256)).convert("L").convert("RGB")
    if "A" in image.mode or "transparency" in image.info:
        over = image.convert("RGBA")
        seen = Image.new("RGB", image.size, "white")
        seen.paste(over, mask=over.getchannel("A"))
        return _by_profile(seen, profile)
    return _by_profile(image, profile)


def _by_profile(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture in sRGB by its colour profile; one without a usable profile is sRGB already."""
    image.load()
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            theirs = ImageCms.ImageCmsProfile(BytesIO(profile))
            ours = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, theirs, ours, outputMode="RGB")
        except (ImageCms.PyCMSError, *UNREADABLE_ERRORS):
            converted = None  # a profile of another kind of picture, or a broken one
        if converted is not None:
            return converted
    return image.convert("RGB")


def _is_cut_short(content: bytes, kind: str) -> bool:
    """Say whether a file that cannot be read lacks its end: then the same photograph, sent again, may do."""
    if kind == "JPEG":
        return b"\xff\xd9" not in content[-64:]
    if kind == "PNG":
        return b"IEND" not in content[-64:]
    if kind == "WEBP":
        return len(content) < int.from_bytes(content[4:8], "little") + 8
    return _last_box_ends_at(content) > len(content)


def _last_box_ends_at(content: bytes) -> int:
    """Return where the last box of an ISO media file says it ends. Source: ISO/IEC 14496-12, 4.2."""
    at = 0
    while at + 8 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(content[at + 8 : at + 16], "big")
        if size < 8:  # 0: to the end of the file; else damaged  # noqa: PLR2004 - a box's own header
            return len(content)
        at += size
    return at
