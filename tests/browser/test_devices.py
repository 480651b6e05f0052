"""Where somebody is signed in, and the number they sign in with: seen, ended and changed on the page."""

from __future__ import annotations

import pytest

from gelombang.journey import assistance
from gelombang.journey.staff import Staff
from tests.browser.conftest import sign_in
from tests.browser.test_signing_in import WRONG_CODE

WAITS_S = (30, 60)


@pytest.fixture
def second(open_page, site, phone, signed_in):  # noqa: ARG001 - the first phone signs in first
    """Another phone of the same person, signed in after the first."""
    page = open_page()
    site.advance(30, page)
    sign_in(page, site, phone)
    return page


def test_every_device_is_listed_with_this_one_marked_and_another_is_signed_out(signed_in, second):
    see_devices(signed_in)
    signed_in.until("document.querySelectorAll('#devices li').length === 2")
    assert "Perangkat ini" in signed_in.text("#devices li:first-child")
    assert "terakhir dipakai" in signed_in.text("#devices li:last-child")
    assert not signed_in.shows("#devices li:first-child button")

    signed_in.tap("#devices li:last-child button")

    signed_in.until_says("#notice", "Perangkat itu sudah keluar")
    signed_in.until("document.querySelectorAll('#devices li').length === 1")
    assert signed_in.see("document.activeElement.id") == "devices"
    assert not signed_in.shows("#leave-others")
    look_again(second)
    second.until_says("#problem", "Sesi Anda tidak ada atau sudah berakhir")
    signed_in.tap("#language")
    signed_in.until_says("#devices", "This device: signed in")


def test_all_other_devices_are_signed_out_at_once_those_too_that_came_later(
    open_page, site, phone, signed_in, second
):
    see_devices(signed_in)
    signed_in.until_shown("#leave-others")
    third = open_page()
    site.advance(60, third)
    sign_in(third, site, phone)

    signed_in.tap("#leave-others")

    signed_in.until_says("#notice", "Semua perangkat lain sudah keluar")
    for page in (second, third):
        look_again(page)
        page.until_shown("#phone-step")
    look_again(signed_in)
    assert signed_in.shows("#status-step")


def test_signing_out_everywhere_ends_this_device_too_and_leaves_nothing_in_it(signed_in, second):
    see_devices(signed_in)
    signed_in.tap("#leave-all")

    signed_in.until_says("#notice", "keluar dari semua perangkat")
    assert signed_in.see("Object.keys(sessionStorage).filter((key) => key !== 'language')") == []
    assert signed_in.see("document.querySelectorAll('#devices li, details[open]').length") == 0
    look_again(second)
    second.until_shown("#phone-step")


def test_an_officers_session_shows_no_way_to_end_another(open_page, site):
    begun = assistance.start(site.service.world.ports, Staff("budi", "officer", "3171"))
    page = open_page()
    page.see(f"memory.write('token', '{begun.token}')")
    page.reload()
    page.until_shown("#status-step")

    see_devices(page)

    page.until_says("#devices", "Petugas yang membantu Anda")
    assert not page.shows("#leave-others")
    assert not page.shows("#leave-all")


def test_the_number_is_changed_with_a_code_to_the_new_one_and_other_devices_are_signed_out(
    signed_in, second, open_page, site, phone
):
    new = f"+62857{phone[-8:]}"
    ask_to_change(signed_in, new)
    for wait_s in WAITS_S:
        signed_in.until_says("#new-phone-wait", f"{wait_s} detik")
        assert not signed_in.shows("#new-phone-resend")
        site.advance(wait_s, signed_in)
        signed_in.until_says("#notice", "Kode baru sekarang dapat dikirim")
        signed_in.tap("#new-phone-resend")
        signed_in.until_says("#notice", "Kode dikirim lewat SMS")

    signed_in.fill("#new-phone-code", site.code(new))
    signed_in.tap("#new-phone-code-form button")

    signed_in.until_says("#notice", "Nomor ponsel Anda sudah diganti")
    assert signed_in.shows("#status-step")
    assert not signed_in.shows("#new-phone-code-form")
    assert signed_in.see("document.activeElement.parentElement.id") == "phone-part"
    look_again(second)
    second.until_shown("#phone-step")
    told = [text for to, text in site.service.world.texts.sent if to == phone][-1]
    assert "telah diganti" in told
    after = open_page()
    site.advance(600, after)
    sign_in(after, site, new)
    assert after.text("#application") == signed_in.text("#application")


def test_a_wrong_code_says_how_many_tries_are_left_and_changes_nothing(signed_in, site, phone):
    new = f"+62857{phone[-8:]}"
    ask_to_change(signed_in, new)

    signed_in.fill("#new-phone-code", f"{(int(site.code(new)) + 1) % 1_000_000:06d}")
    signed_in.tap("#new-phone-code-form button")

    signed_in.until_says("#new-phone-code-fault", WRONG_CODE)
    assert signed_in.see("document.activeElement.id") == "new-phone-code"
    look_again(signed_in)
    assert signed_in.shows("#status-step")


def test_a_number_that_is_none_or_is_somebody_elses_is_refused_beside_its_field(
    open_page, site, phone, signed_in
):
    taken = f"+62858{phone[-8:]}"
    sign_in(open_page(), site, taken)
    see(signed_in, "phone-part")
    signed_in.fill("#new-phone", "021 555 0199")
    signed_in.tap("#new-phone-form button")
    signed_in.until_says("#new-phone-fault", "nomor HP Indonesia")
    site.advance(600, signed_in)

    ask_to_change(signed_in, taken)
    signed_in.fill("#new-phone-code", site.code(taken))
    signed_in.tap("#new-phone-code-form button")

    signed_in.until_says("#new-phone-fault", "Nomor HP ini sudah dipakai untuk pendaftaran lain.")
    assert signed_in.see("document.activeElement.id") == "new-phone"


def test_the_keyboard_alone_opens_both_and_asks_for_a_code(signed_in, site, phone):
    new = f"+62857{phone[-8:]}"
    reach(signed_in, "document.activeElement.parentElement.id === 'devices-part'")
    signed_in.press("Enter")
    signed_in.until_says("#devices", "Perangkat ini")
    reach(signed_in, "document.activeElement.parentElement.id === 'phone-part'")
    signed_in.press("Enter")
    reach(signed_in, "document.activeElement.id === 'new-phone'")

    signed_in.write(new)
    signed_in.press("Enter")
    signed_in.until("document.activeElement.id === 'new-phone-code'")
    signed_in.write(site.code(new))
    signed_in.press("Enter")

    signed_in.until_says("#notice", "Nomor ponsel Anda sudah diganti")


def see(page, part):
    page.see(f"document.querySelector('#{part}').open = true")


def see_devices(page):
    see(page, "devices-part")
    page.until_says("#devices", "masuk")


def ask_to_change(page, new):
    see(page, "phone-part")
    page.fill("#new-phone", new)
    page.tap("#new-phone-form button")
    page.until_shown("#new-phone-code-form")


def look_again(page):
    """Let the person look at the page again after they had done something else."""
    page.see("watch()")


def reach(page, is_there):
    for _ in range(60):
        if page.see(is_there):
            return
        page.press("Tab")
    pytest.fail(f"the keyboard never gets there: {is_there}")
