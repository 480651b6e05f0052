"""The stand-alone verifier's page, opened from a folder as anybody would who saved its two files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gelombang.domain.draw_bundle import BUNDLE
from gelombang.domain.draw_signature import signature_file, statement_of
from tests.browser.page import found

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests/vectors/draw"
PUBLISHED = {each["name"]: each["commitment"] for each in json.loads((VECTORS / "vectors.json").read_text())}


@pytest.fixture
def page(browser):
    """The page, from file://."""
    opened = browser.open()
    opened.go((ROOT / "verifier/verify-draw.html").as_uri())
    return opened


@pytest.fixture
def vector(tmp_path):
    """A copy of a bundle, to be edited."""
    return Path(shutil.copytree(VECTORS / "households", tmp_path / "households"))


def test_a_bundle_is_accepted_and_after_one_character_is_edited_refused_with_its_place(page, vector):
    check(page, [vector / name for name in BUNDLE], PUBLISHED["households"])

    page.until_says("#said", "Diterima")
    assert page.text("#differences") == ""

    results = (vector / "results.csv").read_text().splitlines(keepends=True)
    line = next(i for i, row in enumerate(results) if "NOT_DRAWN" in row)
    results[line] = results[line].replace(",NOT_DRAWN,", ",NOT_DRAWM,")
    (vector / "results.csv").write_text("".join(results))
    check(page, [vector / "results.csv"], PUBLISHED["households"])

    page.until_says("#said", "Ditolak")
    said = page.text("#differences")
    assert f"results.csv, baris {line + 1}, outcome: tertulis NOT_DRAWM" in said
    assert "manifest.json, files.results.csv" in said
    page.tap("#language")
    page.until_says("#differences", f"results.csv, line {line + 1}, outcome: there stands NOT_DRAWM")
    assert page.see("document.documentElement.lang") == "en"


def test_one_receipt_and_one_result_are_enough_whatever_the_phone_called_them(page, vector, tmp_path):
    receipt = shutil.copy(min((vector / "receipts").iterdir()), tmp_path / "tanda-terima (1).json")
    result = shutil.copy(
        vector / "results" / min((vector / "receipts").iterdir()).name, tmp_path / "hasil.json"
    )

    check(page, [receipt, result], PUBLISHED["households"])

    page.until_says("#said", "Diterima")
    assert "Urutan ke-" in page.text("#person")
    assert "Hanya dokumen satu orang yang diperiksa" in page.text("#notes")
    document = Path(result).read_text()
    Path(result).write_text(document.replace('"rank":', '"rank":1', 1))
    check(page, [result], PUBLISHED["households"])
    page.until_says("#said", "Ditolak")
    assert "hasil.json, result_proof" in page.text("#differences")


def test_the_beacons_round_and_signature_are_shown_and_said_not_to_be_checked(page):
    check(page, [VECTORS / "beacon" / name for name in BUNDLE], PUBLISHED["beacon"])

    page.until_says("#said", "Diterima")
    assert "Tanda tangan BLS suar tidak diperiksa" in page.text("#notes")
    signature = json.loads((VECTORS / "beacon/draw.json").read_text())["beacon_signature"]
    assert signature in page.text("#facts")
    assert "/public/1000" in page.text("#facts")


def test_without_the_published_commitment_it_says_what_goes_unseen_and_claims_no_promise(page):
    files = [VECTORS / "none" / name for name in BUNDLE]
    check(page, files, "")

    page.until_says("#said", "Diterima, tetapi hanya cocok satu sama lain")
    assert "Tanpa SHA-256 komitmen" in page.text("#notes")
    assert "Bahwa undian inilah yang dijanjikan belum diperiksa" in page.text("#meaning")
    assert page.see("$('verdict').className") == "box"
    page.tap("#language")
    page.until_says("#said", "Accepted, but only consistent in itself")
    assert "That this draw is the one promised was not checked" in page.text("#meaning")
    check(page, files, PUBLISHED["none"])
    page.until_says("#meaning", "This draw is what was promised")
    assert page.text("#said") == "✓ Accepted"
    assert page.see("$('verdict').className") == "box good"


def test_every_file_that_was_chosen_is_named_and_what_is_not_checked_here_is_said_so(page, vector):
    beside = {
        name: vector / name
        for name in (
            "commitment.signature.json",
            "manifest.signature.json",
            "fairness.json",
            "wave.json",
            "notes.txt",
        )
    }
    for signed in ("commitment.json", "manifest.json"):
        name = signed.replace(".json", ".signature.json")
        beside[name].write_bytes(signature_file(statement_of("contoh-1", signed, b""), "k", "0" * 128))
    beside["fairness.json"].write_text('{"format":"gelombang-fairness-1"}')
    beside["wave.json"].write_text('{"definition":{"quota":{"3171":1}}}')  # a quota, as rules.json has one
    beside["notes.txt"].write_text("?")
    renamed = [
        shutil.copy(vector / name, vector / name.replace(".json", " (1).json"))
        for name in ("manifest.signature.json", "wave.json")
    ]

    check(page, [*(vector / name for name in BUNDLE), *beside.values()], PUBLISHED["households"])

    page.until_says("#said", "Diterima")
    signature = (
        "tanda tangan penyelenggara, dikenal tetapi tidak diperiksa di sini"
        " (gelombang verify-draw --keys memeriksanya)"
    )
    told = page.see("document.querySelector('#chosen').innerText").split("\n")
    assert told[: len(BUNDLE)] == list(BUNDLE)
    assert told[len(BUNDLE) :] == [
        f"commitment.signature.json: {signature}",
        f"manifest.signature.json: {signature}",
        "fairness.json: dikenal, bukan bagian undian, tidak diperiksa di sini",
        "wave.json: dikenal, bukan bagian undian, tidak diperiksa di sini",
        "tidak dikenal, tidak dipakai: notes.txt",
    ]
    page.tap("#language")
    page.until_says(
        "#chosen", "manifest.signature.json: the programme's signature, known but not checked here"
    )
    page.until_says("#chosen", "not known, not used: notes.txt")
    check(page, renamed, PUBLISHED["households"])
    page.until_says("#said", "Accepted")
    page.until_says("#chosen", "manifest.signature (1).json: the programme's signature")
    page.until_says("#chosen", "wave (1).json: known, no part of the draw")


def test_a_browser_without_hash_functions_is_told_so(browser):
    page = browser.open()
    script = "Object.defineProperty(Crypto.prototype, 'subtle', {get: () => undefined})"
    page.ask("Page.addScriptToEvaluateOnNewDocument", {"source": script})

    page.go((ROOT / "verifier/verify-draw.html").as_uri())

    page.until_says("#problem", "crypto.subtle")
    assert page.see(f"{found('#check')}.disabled")


def test_a_page_without_its_script_beside_it_says_so(browser, tmp_path):
    shutil.copy(ROOT / "verifier/verify-draw.html", tmp_path)
    page = browser.open()

    page.go((tmp_path / "verify-draw.html").as_uri())

    page.until_says("#problem", "verify-draw.js harus terletak di sebelah halaman ini")


def test_it_asks_nothing_of_any_address_and_fits_a_small_screen(page):
    check(page, [VECTORS / "redraw" / name for name in BUNDLE], PUBLISHED["redraw"])

    page.until_says("#said", "Diterima")
    assert {address.split(":")[0] for _, address in page.asked} <= {"file", "data", "blob"}
    assert page.faults == []
    for letters in ("100%", "200%"):
        page.see(f"document.documentElement.style.fontSize = '{letters}'")
        assert page.see("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    names = [
        node["name"]["value"]
        for node in page.ask("Accessibility.getFullAXTree")["nodes"]
        if not node["ignored"] and node["role"]["value"] in {"button", "textbox"}
    ]
    assert len(names) >= 4
    assert all(name.strip() for name in names)


def test_it_is_linked_from_a_published_wave_and_from_ones_own_result_and_works_from_there(browser, site):
    page = browser.open()
    page.go(site.url)
    own = {"result": {"rank": 1}, "document_url": "", "entry_id": "0"}
    link = f"resultBlock({json.dumps(own)}).querySelector('[href=\"verify-draw.html\"]').innerText"
    assert page.see(link) == "Periksa undian ini di ponsel Anda"
    page.go(site.url + "/waves.html")
    wave = {
        "definition": {"wave_id": "satu", "name": "Satu", "quota": {"3171": 1}, "rule_set": "2023"}
        | dict.fromkeys(("opens_at", "closes_at"), "2026-11-22T08:00:00+07:00"),
        "state": "PUBLISHED",
        "closes_at": "2026-11-22T08:00:00+07:00",
        "extensions": [],
        "filled": {"3171": 1},
        "moved_up": {},
        "free": {},
    }
    listed = [{"name": "draw.json", "url": "", "sha256": ""}]
    page.see(
        "call('GET', '/v1/programme').then((it) => { programme = it;"
        f" waves = [{json.dumps(wave)}]; bundles.satu = {json.dumps(listed)}; draw(); }})"
    )
    page.faults.clear()  # there are no waves behind this address
    page.asked.clear()

    page.until_says("#waves", "Periksa undian ini di ponsel Anda")
    page.tap("#waves a[href='verify-draw.html']")
    page.until_shown("#form")
    check(page, [VECTORS / "households" / name for name in BUNDLE], PUBLISHED["households"])

    page.until_says("#said", "Diterima")
    assert page.faults == []
    assert {address for _, address in page.asked if not address.startswith("data:")} == {
        site.url + "/verify-draw.html",
        site.url + "/verify-draw.js",
    }


def test_files_that_were_chosen_before_the_script_came_are_taken(page):
    page.see(
        "(() => { const early = new DataTransfer(); early.items.add(new File(['{}'], 'rules.json'));"
        " $('files').files = early.files; start(); })()"
    )

    page.until_says("#chosen", "rules.json")
    assert page.see("$('files').files.length") == 0


def check(page, paths, commitment):
    """Choose files, paste the published commitment and press the button."""
    node = page.ask("Runtime.evaluate", {"expression": found("#files")})["result"]["objectId"]
    page.ask("DOM.setFileInputFiles", {"files": [str(path) for path in paths], "objectId": node})
    for path in paths:
        page.until_says("#chosen", Path(path).name)
    page.fill("#commitment", commitment)
    page.until(f"!{found('#check')}.disabled")
    page.tap("#check")
