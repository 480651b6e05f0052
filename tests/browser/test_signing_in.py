"""Signing in on a small phone: the code, the wait for another one, and what is left when a session ends."""

from __future__ import annotations

import pytest

from tests.browser.conftest import ask_for_code, sign_in

WAITS_S = (30, 60, 120, 300)
WRONG_CODE = (
    "Kode ini tidak cocok. Periksa enam angka di SMS terbaru, lalu ketik lagi. Masih dapat dicoba 4 kali."
)


def test_the_wait_for_another_code_counts_down_and_grows_with_each(open_page, site, phone):
    page = open_page()
    ask_for_code(page, phone)
    sent = []

    for wait_s in WAITS_S:
        page.until_says("#resend-wait", f"{wait_s} detik")
        assert not page.shows("#resend")
        site.advance(wait_s, page)
        page.until_says("#notice", "Kode baru sekarang dapat dikirim")
        sent.append(site.code(phone))
        page.tap("#resend")
        page.until_says("#notice", "Kode dikirim lewat SMS")

    assert len({*sent, site.code(phone)}) == len(WAITS_S) + 1


def test_after_a_wrong_code_the_wait_and_the_tries_left_are_shown_and_the_field_has_the_focus(
    open_page, site, phone
):
    page = open_page()
    ask_for_code(page, phone)
    site.advance(12, page)

    page.fill("#code", f"{(int(site.code(phone)) + 1) % 1_000_000:06d}")
    page.tap("#code-form button")

    page.until_says("#code-fault", WRONG_CODE)
    assert page.text("#resend-wait") == "Kode baru dapat dikirim dalam 18 detik."
    assert page.see("document.activeElement.id") == "code"


def test_whoever_reads_the_message_and_comes_back_to_a_page_loaded_anew_goes_on_with_the_code(
    open_page, site, phone
):
    page = open_page()
    ask_for_code(page, phone)

    page.reload()
    page.until_shown("#code-step")
    site.advance(20, page)
    page.until_says("#resend-wait", "dalam 10 detik")
    code = site.code(phone)
    page.fill("#code", f"{code[:3]} {code[3:]}")
    page.tap("#code-form button")

    page.until_shown("#status-step")
    assert page.see("sessionStorage.challenge") is None


def test_a_second_phone_is_told_how_long_to_wait_for_its_code_and_signs_in_then(
    open_page, site, phone, signed_in
):
    second = open_page()
    second.fill("#phone", phone)
    second.tap("#phone-form button")

    second.until_says("#phone-wait", "detik")
    assert "Terlalu banyak percobaan" in second.text("#problem")
    site.advance(30, second)
    second.until_says("#notice", "Kode baru sekarang dapat dikirim")
    sign_in(second, site, phone)

    assert second.text("#application") == signed_in.text("#application") != ""


def test_a_session_that_was_ended_elsewhere_leaves_nothing_on_the_screen_and_says_why(
    open_page, site, phone, signed_in
):
    signed_in.fill("#name", "Wulan Percobaan")
    signed_in.until_says("#notice", "Tersimpan")
    second = open_page()
    site.advance(30, second)
    sign_in(second, site, phone)

    second.see("ask('DELETE', '/v1/sessions')")
    signed_in.see("document.dispatchEvent(new Event('visibilitychange'))")  # the person looks at it again

    signed_in.until_says("#problem", "Sesi Anda tidak ada atau sudah berakhir. Masuk kembali")
    assert signed_in.shows("#phone-step")
    assert "Wulan" not in signed_in.see(
        "document.body.innerText + [...document.querySelectorAll('input')].map((one) => one.value)"
    )


def test_signing_out_on_a_borrowed_phone_leaves_nothing_in_it(signed_in):
    signed_in.fill("#name", "Wulan Percobaan")

    signed_in.tap("#leave")

    signed_in.until_says("#notice", "Anda sudah keluar")
    assert signed_in.see("Object.keys(sessionStorage).filter((key) => key !== 'language')") == []
    assert (
        signed_in.see("document.querySelector('#name').value + document.querySelector('#phone').value") == ""
    )
    assert signed_in.see("document.activeElement.id") == "phone"


@pytest.mark.parametrize(("taps", "to_english"), [(0, False), (1, True)])
def test_a_refused_number_is_explained_in_the_language_that_was_chosen(open_page, taps, to_english):
    page = open_page()
    page.tap("#language", times=taps) if taps else None

    page.fill("#phone", "021 555 0199")
    page.tap("#phone-form button")

    wanted = "mobile number" if to_english else "nomor HP Indonesia"
    page.until_says("#phone-fault", wanted)
    assert page.see("document.documentElement.lang") == ("en" if to_english else "id")
