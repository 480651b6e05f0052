"""The page on which a phone that kept a receipt reads the result: two published files, and no call of the service."""

from __future__ import annotations

import json

import pytest

from gelombang.api.wave_replies import show_wave
from gelombang.domain.wave import definition_from_json
from gelombang.drawing.steps import run_step
from gelombang.journey import selection
from gelombang.journey.programme import load_programme
from gelombang.memory.ports import memory_world
from gelombang.memory.registers import MemoryRegisters
from tests.journey.waves import OPERATOR, STEPS, add_applicant

WAVE, PEOPLE = "hasil-1", 7
WORDS = {
    "SELECTED": ("Anda terpilih.", "You were selected."),
    "RESERVE": ("Anda ada di daftar cadangan.", "You are on the reserve list."),
    "NOT_DRAWN": ("Anda belum terpilih.", "You were not drawn."),
    "REGION_FULL": ("tidak menyediakan kursi", "offers your region no seat"),
}


@pytest.fixture
def wave(site):
    """A wave of a world of its own, whose published files lie behind the page; `publish` takes it to its end."""
    world = memory_world(MemoryRegisters(()))
    ports, now = world.ports, world.clock.now()
    hours = {"opens_at": now.isoformat(), "closes_at": now.replace(hour=23).isoformat()}
    plan = {"wave_id": WAVE, "name": "Hasil satu", "quota": {"3171": 1, "3578": 0}, "rule_set": "2023"}
    selection.open_wave(ports, definition_from_json({**plan, **hours, "reserve_percent": 100}), OPERATOR)
    receipts = [
        selection.join(ports, add_applicant(ports, number, "3171" if number else "3578"), WAVE)
        for number in range(PEOPLE)
    ]
    selection.ask_step(ports, WAVE, "close", OPERATOR)

    def show():
        show_wave(ports, WAVE)
        site.service.world.documents.files |= world.documents.files

    def publish():
        for step in STEPS:
            run_step(ports, load_programme("prakerja"), WAVE, step)
        show()

    site.service.world.documents.files.clear()
    show()
    yield receipts, publish
    site.service.world.documents.files.clear()


@pytest.fixture
def page(browser, site, tmp_path):
    page = browser.open()
    page.go(site.url + "/result.html")

    def choose(content):
        path = tmp_path / "tanda-terima.json"
        path.write_text(content)
        page.attach("#receipt", path)

    page.choose_receipt = choose
    return page


def test_every_outcome_is_said_in_both_languages_and_nothing_but_published_files_is_asked_for(
    page, wave, site
):
    receipts, publish = wave
    publish()
    files = site.service.world.documents.files
    seen = set()
    for receipt in receipts:
        key = f"published/waves/{WAVE}/results/{receipt.entry_id}.json"
        result = json.loads(files[key])["result"]
        if result["outcome"] in seen:
            continue
        seen.add(result["outcome"])
        indonesian, english = WORDS[result["outcome"]]
        page.asked.clear()

        page.choose_receipt(receipt.kept)

        page.until_says("#result", receipt.entry_id)
        assert indonesian in page.text("#result")
        assert f"wilayah Anda: {result['rank']}" in page.text("#result")
        assert (f"Nomor cadangan: {result['reserve']}" in page.text("#result")) is bool(result["reserve"])
        assert page.see("document.querySelector('#result a[download]').getAttribute('href')") == f"/{key}"
        page.tap("#language")
        page.until_says("#result", english)
        page.tap("#language")
        asked = {address.removeprefix(site.url) for _, address in page.asked}
        assert asked <= {f"/published/waves/{WAVE}/wave.json", f"/{key}"}
        salt = json.loads(receipt.kept)["salt"]
        assert salt not in page.see(
            "JSON.stringify(sessionStorage) + JSON.stringify(localStorage) + location"
        )

    assert seen == {*WORDS}
    assert page.faults == []


def test_what_is_not_there_yet_or_never_is_said_in_words(page, wave):
    receipts, publish = wave
    page.choose_receipt(receipts[0].kept)
    page.until_says("#problem", "belum diumumkan")

    publish()
    stranger = json.loads(receipts[0].kept)
    stranger["entry"]["entry_id"] = "0" * 32
    page.choose_receipt(json.dumps(stranger))
    page.until_says("#problem", "tidak ada di hasil undian")
    page.choose_receipt(json.dumps(stranger | {"wave_id": "lain-9"}))
    page.until_says("#problem", "tidak ada di alamat ini")
    assert not page.shows("#result")


def test_a_result_document_is_said_to_be_one_and_not_the_receipt(page, wave, site):
    receipts, publish = wave
    publish()
    key = f"published/waves/{WAVE}/results/{receipts[0].entry_id}.json"
    page.asked.clear()

    page.choose_receipt(site.service.world.documents.files[key].decode())

    page.until_says("#problem", "dokumen hasil, bukan tanda terima")
    assert not page.shows("#result")
    assert page.asked == []
    page.tap("#language")
    page.choose_receipt(site.service.world.documents.files[key].decode())
    page.until_says("#problem", "the result document, not the receipt")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"wave_id":"../../v1","entry":{"entry_id":"' + "0" * 32 + '"}}']
)
def test_another_file_is_no_receipt_and_asks_for_nothing(page, content):
    page.asked.clear()

    page.choose_receipt(content)

    page.until_says("#problem", "bukan tanda terima")
    assert page.asked == []
