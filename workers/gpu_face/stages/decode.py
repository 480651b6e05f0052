"""Decode: the bytes somebody uploaded → an upright BGR picture, or a rejection; never an exception.

bytes → (height, width, 3) uint8 BGR. No model; a 12 MP JPEG is decoded at half its size, which takes half of
the time. The format is taken from the content, never from a name or a declared type, and only four decoders
are offered to it: a PDF, a GIF or a TIFF called .jpg is not a picture here.

The worker calls this in child processes (`workers.gpu_face.sandbox`): a decoder that crashes, hangs or swells on
bytes made for that must take nobody along.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from gelombang.domain.face_evidence import PhotoOutcome
from gelombang.pictures.reading import (
    BOMB_ERRORS,
    FORMATS,
    LEAST_SIDE_PX,
    MOST_ASPECT,
    UNREADABLE_ERRORS,
    UPRIGHT,
    learn_heif,
    orientation_of,
)
from workers.gpu_face.faces import Picture, Rejected, Subject

MAX_PIXELS = 25_000_000  # of the file; a phone's 24 MP passes, a decompression bomb does not
# WebP's decoder holds four whole copies: a picture of 15 MP is more than a fresh child may have (sandbox).
MAX_PIXELS_OF = {"WEBP": 12_500_000}
REDUCED_SIDE_PX = 1280  # what a shorter side keeps unless less is asked for
STRIP_ROWS = 64
AT_ONCE_BYTES = 1 << 24  # of a file, to its decoder: larger than any upload


def decode_picture(
    content: bytes, subject: Subject, least_side_px: int = REDUCED_SIDE_PX
) -> Picture | Rejected:
    """Return the picture in `content`, or why there is none: UNREADABLE, or NO_FACE when too small for one.

    A JPEG is decoded at 1/2, 1/4 or 1/8 while its shorter side keeps `least_side_px`.
    """
    learn_heif()
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            return _refusal(image) or _read(image, subject, least_side_px)
    except (*UNREADABLE_ERRORS, *BOMB_ERRORS):
        return Rejected(PhotoOutcome.UNREADABLE)


def _refusal(image: Image.Image) -> Rejected | None:
    """Judge by the header alone, before any pixel is decoded."""
    width, height = image.size
    # A phone's JPEG or HEIC may carry a second picture (a preview, a gain map, a burst): the first, or what the
    # file calls its primary one, is the photograph.
    animated = image.format in ("PNG", "WEBP") and getattr(image, "n_frames", 1) > 1
    if animated or width * height > MAX_PIXELS_OF.get(image.format or "", MAX_PIXELS):
        return Rejected(PhotoOutcome.UNREADABLE, width, height)
    if min(width, height) < LEAST_SIDE_PX or max(width, height) > MOST_ASPECT * min(width, height):
        return Rejected(PhotoOutcome.NO_FACE, width, height)
    return None


def _read(image: Image.Image, subject: Subject, least_side_px: int) -> Picture:
    orientation = orientation_of(image)
    file_width = image.width
    image.draft(None, (least_side_px, least_side_px))  # only JPEG has it; a no-op for the others
    if isinstance(image, ImageFile.ImageFile):
        image.decodermaxblock = AT_ONCE_BYTES  # by 64 KiB, as Pillow reads, a JPEG takes a tenth longer
    reduction = round(file_width / image.width)
    rgb = _to_rgb(image)
    if orientation in UPRIGHT:
        rgb = rgb.transpose(UPRIGHT[orientation])
    return Picture(_to_bgr(rgb), subject, reduction)


def _to_bgr(rgb: Image.Image) -> NDArray[np.uint8]:
    """Return the pixels, (height, width, 3) uint8 BGR.

    Pillow turns them about as it hands them out: 0.2 ms for 640 x 480, where numpy's `[:, :, ::-1]` takes 2. Strip by
    strip, because it copies what it hands out twice: 150 MB of a picture of 25 MP.
    """
    width, height = rgb.size
    bgr = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, STRIP_ROWS):
        strip = rgb.crop((0, top, width, min(top + STRIP_ROWS, height)))
        bgr[top : top + strip.height] = np.frombuffer(strip.tobytes("raw", "BGR"), np.uint8).reshape(
            strip.height, width, 3
        )
    return bgr


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return the picture in RGB as a person would see it: 16 bits scaled to 8, transparency over white."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)).convert("RGB")
    if "A" in image.mode or "transparency" in image.info:
        over = image if image.mode in ("RGBA", "LA") else image.convert("RGBA")  # no third copy of 25 MP
        seen = Image.new("RGB", image.size, "white")
        seen.paste(over, mask=over.getchannel("A"))
        return seen
    return image if image.mode == "RGB" else image.convert("RGB")
