"""What the page asks of a phone and of its reader: weight, width, zoom, keyboard, names for a screen reader."""

from __future__ import annotations

import pytest

from tests.browser.conftest import sign_in
from tests.browser.page import SECOND_GENERATION

MOST_BYTES, MOST_REQUESTS = 40_000, 8  # of the first load, compressed as the edge sends it
TOO_WIDE = (
    "[...document.querySelectorAll('body *')].filter((one) => one.getClientRects().length &&"
    " one.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && "
    " !one.matches('pre, pre *, .skip'))"
    ".map((one) => one.outerHTML.slice(0, 80))"
)
CONTROLS = {"button", "textbox", "combobox", "checkbox", "link", "Date", "DisclosureTriangle"}


@pytest.fixture(scope="module")
def form(browser, site):
    """A page on which somebody fills in the form, everything that can be opened open."""
    page = browser.open(site.url)
    sign_in(page, site, "+6281399999999")
    page.see("document.querySelectorAll('details').forEach((one) => one.open = true)")
    return page


def test_the_first_load_is_light_and_works_on_a_line_of_the_second_generation(browser, site, capsys):
    page = browser.open()
    page.line(SECOND_GENERATION)

    page.go(site.url)
    page.until_shown("#phone-step")

    with capsys.disabled():
        size = f"{page.received_bytes} bytes in {len(page.asked)} requests"
        print(f"\nfirst load of the applicant's page: {size}")  # noqa: T201 - the figure is asked for
    assert 0 < page.received_bytes <= MOST_BYTES
    assert len(page.asked) <= MOST_REQUESTS


def test_nothing_asks_another_address_and_no_script_fails(form, site):
    assert {
        address for _, address in form.asked if not address.startswith((site.url, "data:", "blob:"))
    } == set()
    assert form.faults == []


@pytest.mark.parametrize("zoom", [1.0, 2.0], ids=["as it is", "at 200 %"])
def test_nothing_is_wider_than_a_screen_of_360_pixels(form, zoom):
    form.resize(360, 640, zoom)

    assert form.see("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert form.see(TOO_WIDE) == []


def test_letters_twice_as_large_still_fit(form):
    form.resize(360, 640)
    form.see("document.documentElement.style.fontSize = '200%'")

    is_wide = form.see("document.documentElement.scrollWidth > document.documentElement.clientWidth")

    form.see("document.documentElement.style.fontSize = ''")
    assert not is_wide


def test_a_screen_reader_finds_a_name_of_its_own_for_every_control(form):
    nodes = form.ask("Accessibility.getFullAXTree")["nodes"]

    controls = [
        (node["role"]["value"], node["name"]["value"])
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in CONTROLS
    ]

    assert [role for role, name in controls if not name.strip()] == []
    files = [name for _, name in controls if "Ambil atau pilih foto" in name]
    assert len(files) == len(set(files)) == 2
    live = form.see("['notice', 'problem'].map((id) => document.getElementById(id).getAttribute('role'))")
    assert live == ["status", "alert"]


def test_the_keyboard_alone_signs_in_and_reaches_every_field(open_page, site, phone):
    page = open_page()
    page.until_shown("#phone-step")
    reach(page, "phone")
    page.write(phone)
    page.press("Enter")
    page.until("document.activeElement.id === 'code'")
    page.write(site.code(phone))
    page.press("Enter")
    page.until("document.activeElement.id === 'state'")

    fields = (
        "nik",
        "province",
        "region",
        "file-ktp",
        "file-selfie",
        "consent-identity_check",
        "submit",
        "copy",
    )
    for name in fields:
        reach(page, name)


def reach(page, name):
    for _ in range(40):
        if page.see("document.activeElement.id") == name:
            return
        page.press("Tab")
    pytest.fail(f"the keyboard never reaches {name}")
