"""Decode: the bytes somebody uploaded → an upright BGR picture, or a rejection; never an exception.

bytes → (height, width, 3) uint8 BGR. No model; a 12 MP JPEG is decoded at half its size, which takes half of
the time. The format is taken from the content, never from a name or a declared type, and only three decoders
are offered to it: a PDF, a GIF or a TIFF called .jpg is not a picture here.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image

from gelombang.domain.face_evidence import PhotoOutcome
from workers.gpu_face.faces import Picture, Rejected, Subject

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PIXELS = 25_000_000  # of the file; a phone's 24 MP passes, a decompression bomb does not
MIN_SIDE_PX = 32  # below this no pack can find, let alone compare, a face
MAX_ASPECT = 8.0  # longer strips would shrink to nothing in front of a detector
REDUCED_SIDE_PX = 1280  # a JPEG is decoded at 1/2, 1/4 or 1/8 while its shorter side keeps at least this

# Everything Pillow 13 raises for bytes that are not a whole picture; tests/worker/test_decode.py damages
# pictures in some thousand ways to find out whether there is another.
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
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,  # raised where warnings are errors
)

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


def decode_picture(content: bytes, subject: Subject) -> Picture | Rejected:
    """Return the picture in `content`, or why there is none: UNREADABLE, or NO_FACE when too small for one."""
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            return _refusal(image) or _read(image, subject)
    except UNREADABLE_ERRORS:
        return Rejected(PhotoOutcome.UNREADABLE)


def _refusal(image: Image.Image) -> Rejected | None:
    """Judge by the header alone, before any pixel is decoded."""
    width, height = image.size
    # A phone's JPEG may carry a second picture (MPO: a preview or a gain map); the first is the photograph.
    animated = image.format in ("PNG", "WEBP") and getattr(image, "n_frames", 1) > 1
    if animated or width * height > MAX_PIXELS:
        return Rejected(PhotoOutcome.UNREADABLE, width, height)
    if min(width, height) < MIN_SIDE_PX or max(width, height) > MAX_ASPECT * min(width, height):
        return Rejected(PhotoOutcome.NO_FACE, width, height)
    return None


def _read(image: Image.Image, subject: Subject) -> Picture:
    orientation = _orientation(image)
    file_width = image.width
    image.draft(None, (REDUCED_SIDE_PX, REDUCED_SIDE_PX))  # only JPEG has it; a no-op for the others
    reduction = round(file_width / image.width)
    rgb = _to_rgb(image)
    if orientation in UPRIGHT:
        rgb = rgb.transpose(UPRIGHT[orientation])
    return Picture(np.ascontiguousarray(np.asarray(rgb)[:, :, ::-1]), subject, reduction)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation 1..8; 1 where EXIF is absent or damaged: the picture is still good."""
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except UNREADABLE_ERRORS:
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return the picture in RGB as a person would see it: 16 bits scaled to 8, transparency over white."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)).convert("RGB")
    if "A" in image.mode or "transparency" in image.info:
        seen = Image.new("RGBA", image.size, "white")
        seen.alpha_composite(image.convert("RGBA"))
        return seen.convert("RGB")
    return image.convert("RGB")
