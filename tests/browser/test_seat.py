"""A seat on the page: its last day is read, it is accepted with the code from the text message, and given back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gelombang.domain.application import State
from gelombang.domain.seat import Seat
from gelombang.journey import applications, seat_clock
from gelombang.journey.ports import Put
from gelombang.journey.programme import load_programme
from gelombang.journey.seat_rows import find_seat, seat_row

WAVE, ENTRY = "gelombang-1", "0" * 31 + "a"


@pytest.fixture
def seated(signed_in, site):
    """A page of somebody whom the draw gave a seat, and whom the clock has told."""
    memory, name = site.service.world, signed_in.text("#application")
    ports = memory.ports
    application = applications.load(ports, name)
    placed = replace(application, state=State.SELECTED, wave_id=WAVE, entry_id=ENTRY)
    seat = Seat(WAVE, ENTRY, name, "3171", ports.clock.now())
    applications.save(ports, placed, "selected_for_a_test", also=[Put(seat_row(seat))])
    seat_clock.tend_seats(ports, load_programme("prakerja"))
    signed_in.see("refresh()")
    signed_in.until_shown("#seat-step")
    return signed_in


def test_a_seat_is_accepted_with_the_code_that_came_for_it(seated, site, phone):
    assert "Terima paling lambat" in seated.text("#seat-told")

    site.advance(600, seated)  # the code to sign in with is over
    seated.tap("#seat-accept")
    seated.until_shown("#seat-form")
    assert seated.text("#seat-send") == "Terima kursi"
    seated.fill("#seat-code", site.code(phone))
    seated.tap("#seat-send")
    seated.until_says("#seat-told", "Anda sudah menerima kursi Anda")

    assert find_seat(site.service.world.ports, WAVE, ENTRY).accepted_at
    assert not seated.shows("#seat-accept")
    assert not seated.shows("#seat-form")
    assert seated.shows("#seat-give-back")
