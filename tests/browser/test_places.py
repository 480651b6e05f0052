"""One of 514 kabupaten/kota is found on a small phone: the province first, then those that lie in it."""

from __future__ import annotations

import json

from gelombang.domain.apportionment import apportion
from gelombang.journey.programme import load_programme
from tests.browser.page import OFFLINE, ONLINE

PROGRAMME = load_programme("prakerja")
CHOICES = "[...document.querySelectorAll('#{} option')].map((one) => [one.value, one.textContent])"
CHOSEN = "['province', 'region'].map((id) => document.getElementById(id).value)"
SAVED = "!sessionStorage.unsaved && form.values.region === '{}'"
WIDTH = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


def choices(page, name):
    first, *others = page.see(CHOICES.format(name))
    return first, others


def in_province(code):
    return {region: name for region, name in PROGRAMME.regions.items() if region.startswith(code)}


def choose_and_save(page, region):
    page.choose("#province", region[:2])
    page.choose("#region", region)
    page.until(SAVED.format(region), "the region is saved")


def test_every_province_is_offered_in_order_and_no_region_before_one_is_chosen(signed_in):
    first, provinces = choices(signed_in, "province")

    assert first == ["", "Pilih …"]
    assert dict(provinces) == PROGRAMME.provinces
    assert [name for _, name in provinces] == sorted(PROGRAMME.provinces.values())
    assert choices(signed_in, "region") == (["", "Pilih provinsi dulu"], [])
    assert signed_in.text("label[for=province]") == "Provinsi sesuai KTP"


def test_a_province_offers_its_own_regions_kabupaten_before_kota_and_every_region_can_be_reached(signed_in):
    offered = {}
    for code in PROGRAMME.provinces:
        signed_in.choose("#province", code)
        first, regions = choices(signed_in, "region")

        assert first == ["", "Pilih …"]
        assert dict(regions) == in_province(code)
        assert [name for _, name in regions] == sorted(name for _, name in regions)
        offered |= dict(regions)

    assert offered == PROGRAMME.regions
    assert max(len(in_province(code)) for code in PROGRAMME.provinces) == 38
    assert signed_in.see("form.values") == {}  # looking into provinces saves nothing


def test_what_was_chosen_is_there_again_after_a_reload_in_either_language(signed_in):
    choose_and_save(signed_in, "9671")

    signed_in.reload()
    signed_in.until_shown("#form-step")
    assert signed_in.see(CHOSEN) == ["96", "9671"]
    signed_in.tap("#language")

    assert signed_in.see(CHOSEN) == ["96", "9671"]
    assert signed_in.text("label[for=province]") == "Province on your KTP"


def test_nothing_is_sent_while_another_province_is_shown_than_the_saved_regions(signed_in):
    choose_and_save(signed_in, "3171")

    signed_in.choose("#province", "32")
    assert signed_in.see(CHOSEN) == ["32", ""]
    signed_in.tap("#submit")

    signed_in.until_says("#region-fault", "Pilih kabupaten/kota di provinsi ini.")
    assert signed_in.see("document.activeElement.id") == "region"
    assert not [one for one in signed_in.asked if one[0] == "POST" and one[1].endswith("/submit")]
    choose_and_save(signed_in, "3273")
    assert signed_in.text("#region-fault") == ""
    signed_in.tap("#submit")
    signed_in.until_says(
        "#problem", "Foto KTP belum ada"
    )  # now it is sent, and the server says what is missing


def test_a_region_that_waits_for_a_line_is_dropped_with_its_province(signed_in):
    signed_in.line(OFFLINE)
    signed_in.choose("#province", "31")
    signed_in.choose("#region", "3171")
    signed_in.until_says("#notice", "Isian Anda tetap di ponsel ini")

    signed_in.choose("#province", "51")
    signed_in.line(ONLINE)
    signed_in.fill("#name", "Wulan Percobaan")

    signed_in.until("!sessionStorage.unsaved && form.values.name", "all that waited is saved")
    assert signed_in.see("form.values") == {"name": "Wulan Percobaan"}
    assert signed_in.see(CHOSEN) == ["51", ""]


def test_a_wave_with_seats_in_every_region_is_one_line_until_a_province_is_opened(open_page, site):
    page = open_page()
    page.resize(360, 640)
    page.go(site.url + "/waves.html")
    quota = apportion(200_000, PROGRAMME.population)
    wave = {
        "definition": {"wave_id": "semua", "name": "Semua", "quota": quota, "rule_set": "2023"}
        | dict.fromkeys(("opens_at", "closes_at"), "2026-11-22T08:00:00+07:00"),
        "state": "PUBLISHED",
        "closes_at": "2026-11-22T08:00:00+07:00",
        "extensions": [],
        "filled": quota,
        "moved_up": {},
        "free": {},
        "entry_count": 1,
    }
    page.see(
        f"call('GET', '/v1/programme').then((it) => {{ programme = it; waves = [{json.dumps(wave)}]; draw(); }})"
    )
    height = "document.querySelector('#waves').getBoundingClientRect().height"
    closed = page.see(height)

    page.tap("#waves details summary")
    page.tap("#waves details.province:nth-of-type(12) summary")

    west_java = sum(seats for region, seats in quota.items() if region.startswith("32"))
    page.until_says("#waves details.province[open] summary", "Jawa Barat")
    page.until_says("#waves details.province[open] summary", f"Kursi: {west_java}")
    rows = page.see(
        "[...document.querySelectorAll('#waves tbody tr')].filter((one) => one.closest('.province')?.open)"
        ".map((one) => [...one.children].map((cell) => cell.textContent))"
    )
    assert rows == [[name, *2 * [str(quota[code])]] for code, name in in_province("32").items()]
    assert page.see("document.querySelectorAll('#waves .province tbody tr').length") == 514
    assert page.see(height) > closed
    assert page.see(WIDTH)
