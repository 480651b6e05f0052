"""Draws a card in the manner of a KTP from a synthetic identity, then "photographs" it on a table.

The layout is this project's own, not the official specimen; the card says so in small print, and
docs/ktp-card.md says what it has in common with a real one and what not.
"""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from gelombang.domain.nik import Sex

if TYPE_CHECKING:
    from gelombang.memory.registers import Citizen

CARD_PX = (1000, 631)  # ISO/IEC 7810 ID-1, 85.60 by 53.98 mm, at 11.7 pixels a millimetre
PORTRAIT_PX = (232, 300)
PORTRAIT_CORNER_PX = (728, 150)
TABLES = ((92, 74, 58), (70, 78, 84), (128, 120, 108), (54, 62, 52))  # RGB of what the card lies on
SMALL_PRINT = (
    "KARTU CONTOH. Tata letak buatan Gelombang, bukan spesimen resmi KTP-el.",
    "SAMPLE CARD. Gelombang's own layout, not an official specimen. Not a document.",
)


def render_card(citizen: Citizen, portrait: Image.Image) -> Image.Image:
    """Return a flat card, RGB, of `CARD_PX`: the citizen's fields and the portrait (RGB, any size)."""
    card = Image.new("RGB", CARD_PX, (176, 208, 224))
    draw = ImageDraw.Draw(card)
    _draw_ground(draw)
    draw.text((CARD_PX[0] / 2, 34), "KARTU CONTOH GELOMBANG", font=_font(34), fill=(20, 30, 60), anchor="mm")
    draw.text((44, 92), f"NIK : {citizen.nik}", font=_font(40), fill="black")
    for line, (label, value) in enumerate(_fields(citizen)):
        top = 162 + line * 58
        draw.text((44, top), label, font=_font(20), fill=(60, 70, 90))
        draw.text((44, top + 22), value, font=_font(28), fill="black")
    card.paste(_printed(portrait), PORTRAIT_CORNER_PX)
    for line, text in enumerate(SMALL_PRINT):
        draw.text((44, 582 + line * 20), text, font=_font(15), fill=(60, 70, 90))
    return card


def photograph_card(card: Image.Image, seed: int) -> bytes:
    """Return a JPEG, 1400 by 1000, of the card on a table: a little turned, soft and unevenly bright.

    The same seed gives the same photograph.
    """
    rng = random.Random(seed)  # noqa: S311 # decides how a picture looks, keeps no secret
    table = Image.new("RGB", (1400, 1000), rng.choice(TABLES))
    turned = card.convert("RGBA").rotate(rng.uniform(-3.5, 3.5), Image.Resampling.BICUBIC, expand=True)
    corner = ((table.width - turned.width) // 2, (table.height - turned.height) // 2)
    table.paste(turned, corner, turned)
    shadow = Image.linear_gradient("L").rotate(rng.choice((0, 90, 180, 270))).resize(table.size)
    shaded = Image.composite(table, ImageEnhance.Brightness(table).enhance(0.82), shadow)
    soft = shaded.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 0.9)))
    return jpeg(soft, quality=86)


def jpeg(image: Image.Image, quality: int) -> bytes:
    """Return the RGB image as JPEG without metadata; `quality` 1..95."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _fields(citizen: Citizen) -> tuple[tuple[str, str], ...]:
    return (
        ("Nama", citizen.name.upper()),
        ("Tanggal lahir", citizen.birth_date.strftime("%d-%m-%Y")),
        ("Jenis kelamin", "PEREMPUAN" if citizen.sex is Sex.FEMALE else "LAKI-LAKI"),
        ("Kabupaten/kota", citizen.region),
        ("Nomor KK", citizen.kk),
        ("Kewarganegaraan", "WNI"),
        ("Berlaku hingga", "SEUMUR HIDUP"),
    )


def _printed(portrait: Image.Image) -> Image.Image:
    """Return the portrait as a card shows it: small, low in contrast, faintly blue."""
    small = ImageOps.fit(portrait.convert("RGB"), PORTRAIT_PX, Image.Resampling.LANCZOS, centering=(0.5, 0.4))
    pale = ImageEnhance.Color(ImageEnhance.Contrast(small).enhance(0.86)).enhance(0.8)
    return Image.blend(pale, Image.new("RGB", PORTRAIT_PX, (150, 180, 205)), 0.07)


def _draw_ground(draw: ImageDraw.ImageDraw) -> None:
    """Fine waves behind the text, so that the card is not a flat colour."""
    for top in range(70, CARD_PX[1], 14):
        draw.arc((-200, top, CARD_PX[0] + 200, top + 120), 180, 360, fill=(160, 196, 216))


def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)
