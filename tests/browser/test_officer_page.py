"""An officer helps somebody without a phone, in a browser: a code for the person, then the applicant's own page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gelombang.domain.errors import ConflictError
from gelombang.journey.ports import Put
from gelombang.journey.staff import Staff, staff_row

TOKEN = "an-officers-token"


@pytest.fixture
def desk(open_page, site):
    """The officer's page, with a token of theirs."""
    ports = site.service.world.ports
    row = staff_row(TOKEN, Staff("sari", "officer", "3171"), ports.clock.now() + timedelta(days=30))
    try:
        ports.rows.commit([Put(row)])
    except ConflictError:
        assert ports.rows.read(row.key)  # another test's officer is the same
    page = open_page()
    page.go(f"{site.url}/officer.html")
    page.until_shown("#desk")
    page.fill("#token", TOKEN)
    return page


def test_an_officer_begins_types_and_opens_it_again_with_the_code(desk, site):
    desk.tap("#begin button")
    desk.until_shown("#begun")
    receipt = desk.text("#code")
    desk.tap("#go")
    desk.until_shown("#form-step")
    desk.fill("#name", "Wulan Percobaan")
    desk.until("!sessionStorage.unsaved")

    desk.go(f"{site.url}/officer.html")
    desk.until_shown("#desk")
    desk.fill("#token", TOKEN)
    desk.fill("#receipt", receipt)
    desk.tap("#open button")

    desk.until_shown("#form-step")
    desk.until("document.querySelector('#name').value === 'Wulan Percobaan'")
    assert TOKEN not in desk.see("JSON.stringify(sessionStorage) + JSON.stringify(localStorage)")


def test_a_wrong_code_opens_nothing_and_says_so(desk):
    desk.fill("#receipt", "0000-0000-0000-0000-0000")
    desk.tap("#open button")

    desk.until_says("#problem", "Kode tanda terima ini tidak dikenal di sini.")
    assert not desk.shows("#begun")
