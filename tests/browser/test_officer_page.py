"""An officer helps somebody without a phone, in a browser: a code for the person, then the applicant's own page."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gelombang.domain.application import Photo, PhotoStatus, Slot
from gelombang.domain.errors import ConflictError
from gelombang.journey import applications, assistance, registration
from gelombang.journey.nik_claims import claim_nik
from gelombang.journey.ports import Put
from gelombang.journey.programme import load_programme
from gelombang.journey.staff import Staff, staff_row
from tests.journey.walking import Walk, citizen

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


def test_a_lost_code_is_replaced_with_the_cards_and_what_does_not_match_opens_nothing(desk, registered):
    person = citizen()
    desk.fill("#nik", person.nik)
    desk.fill("#kk", "12")
    desk.choose("#birth_date", person.birth_date.isoformat())
    desk.tap("#replace button")
    desk.until_says("#kk-fault", "Nomor KK harus terdiri dari 16 angka.")
    assert desk.see("document.activeElement.id") == "kk"

    replace_with(desk, person, kk=person.kk[::-1])
    desk.tap("#go")
    desk.until_says("#problem", "Kode tanda terima ini tidak dikenal di sini.")
    assert desk.shows("#desk")
    replace_with(desk, person, kk=person.kk)
    fresh = desk.text("#code")
    desk.tap("#go")

    desk.until_shown("#status-step")
    assert fresh != registered.receipt
    assert desk.text("#application") == registered.application_id
    desk.until_says("#told", "Kode tanda terima Anda diganti")
    assert person.nik not in desk.see("JSON.stringify(sessionStorage) + JSON.stringify(localStorage)")


@pytest.fixture
def registered(site):
    """Somebody without a phone whose application was handed in."""
    walk = Walk(site.service.world, None, load_programme("prakerja"))
    begun = assistance.start(walk.ports, Staff("sari", "officer", "3171"))
    walk.fill(begun.application_id, citizen())
    photos = {slot: Photo(PhotoStatus.ARRIVED, f"{begun.application_id}/{slot}/test") for slot in Slot}
    applications.save(walk.ports, replace(walk.application(begun.application_id), photos=photos), "arrived")
    registration.submit(walk.ports, begun.application_id)
    claim_nik(walk.ports, walk.application(begun.application_id))  # as its checks do
    return begun


def replace_with(desk, person, kk):
    """Type what is on the cards, and have a code shown."""
    desk.fill("#nik", person.nik)
    desk.fill("#kk", kk)
    desk.choose("#birth_date", person.birth_date.isoformat())
    desk.tap("#replace button")
    desk.until_shown("#begun")
