"""The page on which a receipt code alone tells where an application is."""

from __future__ import annotations

import pytest

from gelombang.journey import assistance
from gelombang.journey.staff import Staff

BUDI = Staff("budi", "officer", "3171")


@pytest.fixture
def receipt(site):
    """The code of somebody whom an officer registers."""
    return assistance.start(site.service.world.ports, BUDI).receipt


@pytest.fixture
def slip(open_page):
    """The page, reached from the applicant's page as somebody without a phone would."""
    page = open_page()
    page.until_shown("#phone-step")
    page.tap("#phone-step a")
    page.until_shown("#receipt-form")
    return page


def test_the_code_tells_where_the_application_is_and_stays_nowhere(slip, receipt):
    slip.fill("#receipt", receipt.lower().replace("-", " "))
    slip.tap("#receipt-form button")

    slip.until_says("#state", "Formulir Anda terbuka dan menunggu dikirim.")
    assert "datangi petugas" in slip.text("#facts")
    assert slip.see("document.querySelector('#receipt').value") == ""
    assert receipt not in slip.see("JSON.stringify(sessionStorage) + JSON.stringify(localStorage) + location")
    slip.tap("#language")
    slip.until_says("#state", "waits to be sent")
    slip.tap("#done")
    slip.until("document.querySelector('#told').hidden", "an empty screen", within_s=5.0)


def test_a_wrong_code_is_said_to_be_unknown(slip):
    slip.fill("#receipt", "0000-0000-0000-0000-0000")
    slip.tap("#receipt-form button")

    slip.until_says("#problem", "Kode tanda terima ini tidak dikenal di sini.")
    assert not slip.shows("#told")
