"""The drawn card: what is on it, and that a photograph of it can be drawn again."""

from __future__ import annotations

import io
from datetime import date

import pytest
from PIL import Image, ImageChops, ImageStat

from gelombang.memory.registers import Citizen
from local.cards import CARD_PX, PORTRAIT_CORNER_PX, PORTRAIT_PX, photograph_card, render_card

SITI = Citizen(
    nik="3171015705950001",
    kk="3171011203100007",
    name="Siti Rahmawati",
    birth_date=date(1995, 5, 17),
    region="3171",
    sex="F",
)


def test_the_portrait_is_in_its_place_and_recognisably_itself():
    red = Image.new("RGB", (300, 400), (200, 30, 30))

    card = render_card(SITI, red)

    left, top = PORTRAIT_CORNER_PX
    mean = ImageStat.Stat(card.crop((left, top, left + PORTRAIT_PX[0], top + PORTRAIT_PX[1]))).mean
    assert card.size == CARD_PX
    assert mean[0] > 2 * max(mean[1:])


@pytest.mark.parametrize(
    "change",
    [
        {"nik": "3171015705950002"},
        {"name": "Rina Wati"},
        {"birth_date": date(1995, 5, 18)},
        {"region": "3273"},
    ],
)
def test_every_field_of_the_citizen_shows_on_the_card(change):
    fields = {name: getattr(SITI, name) for name in ("nik", "kk", "name", "birth_date", "region", "sex")}
    portrait = Image.new("RGB", (300, 400))

    one, other = render_card(SITI, portrait), render_card(Citizen(**{**fields, **change}), portrait)

    assert ImageChops.difference(one, other).getbbox() is not None


def test_the_same_seed_gives_the_same_photograph_and_another_seed_another():
    card = render_card(SITI, Image.new("RGB", (300, 400)))

    assert photograph_card(card, seed=7) == photograph_card(card, seed=7)
    assert photograph_card(card, seed=7) != photograph_card(card, seed=8)


def test_a_photographed_card_is_a_jpeg_without_metadata_and_small_enough_to_send():
    photograph = photograph_card(render_card(SITI, Image.new("RGB", (300, 400))), seed=1)

    picture = Image.open(io.BytesIO(photograph))
    assert picture.format == "JPEG"
    assert not picture.getexif()
    assert len(photograph) < 2_000_000
