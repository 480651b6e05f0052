"""The page of all waves says until when a wave was given longer, and why."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.browser


def test_each_extension_stands_with_its_hour_and_its_reason_in_the_readers_language(open_page, site):
    page = open_page()
    page.go(site.url + "/waves.html")
    away = {"away_from": "2026-11-26T04:00:00+07:00", "away_until": "2026-11-26T04:40:00+07:00"}
    wave = {
        "definition": {"wave_id": "satu", "name": "Satu", "quota": {"3171": 1}, "rule_set": "2023"}
        | dict.fromkeys(("opens_at", "closes_at"), "2026-11-26T09:00:00+07:00"),
        "state": "OPEN",
        "closes_at": "2026-11-27T16:00:00+07:00",
        "extensions": [
            {"until": "2026-11-26T09:40:00+07:00", "reason": "", "by": "", **away},
            {"until": "2026-11-27T16:00:00+07:00", "reason": "Banjir di tiga kabupaten.", "by": "op"}
            | dict.fromkeys(away),
        ],
        "moved_up": {},
        "free": {},
    }
    page.see(
        f"call('GET', '/v1/programme').then((it) => {{ programme = it; waves = [{json.dumps(wave)}]; draw(); }})"
    )

    page.until_says("#waves", "Diperpanjang sampai")
    told = page.see("document.querySelector('#waves').innerText")
    for words in (
        "Layanan tidak dapat dipakai dari 26 Nov 2026, 04.00 WIB sampai 26 Nov 2026, 04.40 WIB",
        "waktu yang hilang diganti",
        "Banjir di tiga kabupaten.",
    ):
        assert words in told
    assert told.count("Diperpanjang sampai") == 2


def test_a_closed_wave_says_that_its_entries_are_counted_once_they_are_frozen(open_page, site):
    page = open_page()
    page.go(site.url + "/waves.html")
    plan = {"wave_id": "satu", "name": "Satu", "quota": {"3171": 1}, "rule_set": "2023"}
    wave = {
        "definition": plan | dict.fromkeys(("opens_at", "closes_at"), "2026-11-26T09:00:00+07:00"),
        "state": "CLOSED",
        "closes_at": "2026-11-26T09:00:00+07:00",
        "extensions": [],
        "moved_up": {},
        "free": {},
        "root": "",
        "entry_count": 0,
    }
    show = "call('GET', '/v1/programme').then((it) => {{ programme = it; waves = [{}]; draw(); }})"

    page.see(show.format(json.dumps(wave)))
    page.until_says("#waves", "tampil setelah daftar peserta dikunci")
    assert "tampil setelah gelombang ditutup" not in page.text("#waves")
    page.tap("#language")
    page.until_says("#waves", "shown once the entries are frozen")
    page.see(show.format(json.dumps(wave | {"state": "FROZEN", "root": "ab", "entry_count": 41})))
    page.until_says("#waves", "41")
    assert "shown once" not in page.text("#waves")


def test_whoever_may_join_is_told_that_the_closing_is_a_later_one(open_page, site):
    page = open_page()
    page.go(site.url)
    wave = {"definition": {"wave_id": "satu", "name": "Satu"}, "closes_at": "2026-11-27T16:00:00+07:00"}
    shown = "joinCard({}).innerText"

    longer, planned = (
        page.see(shown.format(json.dumps(wave | {"extensions": extensions}))) for extensions in ([{}], [])
    )

    assert "Ditutup 27 Nov 2026, 16.00 WIB" in longer
    assert "Waktu tutup ini diperpanjang; alasannya ada di halaman semua gelombang." in longer
    assert "diperpanjang" not in planned
