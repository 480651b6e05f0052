"""The form and the consents on a small phone: what is typed is kept, whatever the line does and whoever else types."""

from __future__ import annotations

import pytest

from tests.browser.conftest import sign_in
from tests.browser.page import OFFLINE, ONLINE

FIELDS = "[...document.querySelectorAll('#draft input, #draft select')].map((one) => [one.id, one.value])"
FAULTS = (
    "Object.fromEntries([...document.querySelectorAll('.fault')].map((one) => [one.id, one.innerText])"
    ".filter(([, text]) => text))"
)
NIK, KK = "3171994706065649", "3171991701212269"
SHOWN = {"name": "Wulan Percobaan", "birth_date": "2006-06-07", "province": "31", "region": "3171"}


def fill_form(page):
    page.fill("#nik", f"{NIK[:4]} {NIK[4:8]} {NIK[8:]}")  # as people write it down
    page.fill("#kk", KK)
    page.fill("#name", SHOWN["name"])
    page.choose("#birth_date", SHOWN["birth_date"])
    page.choose("#province", SHOWN["province"])
    page.choose("#region", SHOWN["region"])


def nothing_unsaved(page):
    page.until("!sessionStorage.unsaved", "all is saved")


def test_every_field_is_saved_as_it_is_typed_and_another_phone_goes_on_with_it(
    open_page, site, phone, signed_in
):
    fill_form(signed_in)
    nothing_unsaved(signed_in)
    site.advance(30)

    second = open_page()
    sign_in(second, site, phone)

    assert dict(second.see(FIELDS)) == SHOWN | {"nik": "", "kk": ""}
    assert second.see("document.querySelector('#nik').placeholder") == "Sudah tersimpan"
    assert NIK not in second.see("document.documentElement.outerHTML + JSON.stringify(sessionStorage)")


def test_a_field_is_saved_in_a_pause_though_it_was_not_left(signed_in):
    signed_in.see("document.querySelector('#name').focus()")

    signed_in.write("Wulan Percobaan")

    signed_in.until_says("#notice", "Tersimpan")
    assert signed_in.see("document.activeElement.id") == "name"


def test_what_was_typed_without_a_line_survives_a_reload_and_is_saved_once_there_is_one(signed_in):
    signed_in.line(OFFLINE)
    signed_in.fill("#name", "Wulan Percobaan")
    signed_in.fill("#kk", KK)
    signed_in.until_says("#notice", "Isian Anda tetap di ponsel ini")
    assert signed_in.see("document.querySelector('#name').value") == "Wulan Percobaan"

    signed_in.line(ONLINE)
    signed_in.reload()
    signed_in.until_shown("#form-step")
    nothing_unsaved(signed_in)
    signed_in.reload()

    signed_in.until_shown("#form-step")
    assert dict(signed_in.see(FIELDS))["name"] == "Wulan Percobaan"
    assert signed_in.see("form.saved") == ["kk", "name"]


def test_a_line_that_comes_back_saves_by_itself(signed_in):
    signed_in.line(OFFLINE)
    signed_in.fill("#name", "Wulan Percobaan")
    signed_in.until_says("#notice", "Isian Anda tetap di ponsel ini")

    signed_in.line(ONLINE)

    nothing_unsaved(signed_in)
    assert signed_in.see("form.values.name") == "Wulan Percobaan"


def test_a_wrong_field_is_explained_without_taking_the_focus_from_the_next_one(signed_in):
    signed_in.fill("#nik", "123")
    signed_in.see("document.querySelector('#name').focus()")

    signed_in.until_says("#nik-fault", "NIK harus terdiri dari 16 angka.")

    assert signed_in.see("document.activeElement.id") == "name"
    assert signed_in.see("document.querySelector('#nik').getAttribute('aria-invalid')") == "true"


def test_submitting_names_everything_that_is_missing_at_once(signed_in):
    signed_in.fill("#kk", "12")
    signed_in.until_says("#kk-fault", "16 angka")

    signed_in.tap("#submit")

    signed_in.until_says("#problem", "Foto selfie belum ada")
    told = signed_in.see(FAULTS)
    assert set(told) == {
        *(f"{field}-fault" for field in ("nik", "kk", "name", "birth_date", "region")),
        *(f"consents/{purpose}-fault" for purpose in ("identity_check", "face_check")),
    }
    assert "16 angka" in told["kk-fault"]  # and not that nothing was typed
    assert "Foto KTP belum ada" in signed_in.text("#problem")


def test_two_phones_never_overwrite_each_other_unseen(open_page, site, phone, signed_in):
    signed_in.fill("#name", "Wulan Percobaan")
    nothing_unsaved(signed_in)
    site.advance(30)
    second = open_page()
    sign_in(second, site, phone)

    second.fill("#name", "Wulan Lain")
    nothing_unsaved(second)
    signed_in.choose("#province", "31")
    signed_in.choose("#region", "3171")
    nothing_unsaved(signed_in)  # another field goes on
    second.choose("#province", "32")
    second.choose("#region", "3273")

    second.until_says("#region-fault", "Isian ini sudah diubah di perangkat lain")
    shown = second.see("['#province', '#region'].map((id) => document.querySelector(id).value)")
    assert shown == ["31", "3171"]
    assert signed_in.see("form.values") == {"name": "Wulan Lain", "region": "3171"}


@pytest.mark.parametrize("purpose", ["face_check", "notices"])
def test_a_consent_is_given_and_withdrawn_by_keyboard_with_a_receipt_for_each(signed_in, purpose):
    box = f"document.querySelector('#consent-{purpose}')"
    signed_in.see(f"{box}.focus()")

    for count, is_given in ((1, True), (2, False)):
        signed_in.press("Space")
        signed_in.until(
            f"consents && consents.receipts.length === {count} && {box}.checked === {str(is_given).lower()}"
        )
        assert signed_in.see("document.activeElement.id") == f"consent-{purpose}"

    receipts = signed_in.see("[...document.querySelectorAll('#receipts li')].map((one) => one.textContent)")
    assert [("dicabut" in one, "disetujui" in one) for one in receipts] in (
        [(True, False), (False, True)],
        [(False, True), (True, False)],
    )


def test_a_consent_that_could_not_be_noted_is_shown_as_it_was(signed_in):
    signed_in.line(OFFLINE)

    signed_in.tap("#consent-notices")

    signed_in.until_says("#problem", "Tidak ada sambungan")
    assert signed_in.see("document.querySelector('#consent-notices').checked") is False
