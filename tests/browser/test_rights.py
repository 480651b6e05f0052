"""A copy of everything, and erasure, asked for on the page."""

from __future__ import annotations

import json

from local.applicant import code_in


def test_a_copy_of_everything_that_is_kept_is_downloaded(signed_in, phone, tmp_path):
    signed_in.fill("#name", "Wulan Percobaan")
    signed_in.until("!sessionStorage.unsaved")
    downloaded = signed_in.download_to(tmp_path)

    signed_in.tap("#copy")

    signed_in.until_says("#notice", "Salinan data Anda sudah diunduh")
    name = f"{signed_in.text('#application')}.json"
    signed_in.until_heard(lambda: downloaded)
    copy = json.loads((tmp_path / name).read_text())
    assert (copy["phone"], copy["form"]["name"]) == (phone, "Wulan Percobaan")


def test_an_application_is_erased_only_with_a_code_to_its_own_phone(signed_in, site, phone):
    signed_in.see("document.querySelector('#erasure').open = true")
    signed_in.tap("#erasure-ask")
    signed_in.until_shown("#erasure-form")
    code = site.code(phone)

    signed_in.fill("#erasure-code", f"{(int(code) + 1) % 1_000_000:06d}")
    signed_in.tap("#erasure-form button")
    signed_in.until_says("#erasure-code-fault", "Kode ini tidak cocok")
    signed_in.fill("#erasure-code", code)
    signed_in.tap("#erasure-form button")

    signed_in.until_says("#notice", "Pendaftaran Anda dihapus paling lambat")
    assert signed_in.shows("#phone-step")
    assert not signed_in.shows("#status-step")
    assert signed_in.see("Object.keys(sessionStorage).filter((key) => key !== 'language')") == []


def test_processing_is_restricted_and_resumed(signed_in):
    signed_in.tap("#restriction")

    signed_in.until_says("#restriction", "Lanjutkan pemrosesan")
    signed_in.until("document.querySelector('#reasons').children.length === 1")
    signed_in.tap("#restriction")

    signed_in.until_says("#restriction", "Batasi pemrosesan data saya")
    assert signed_in.text("#reasons") == ""


def test_an_address_for_codes_is_kept_once_its_own_code_was_typed_and_forgotten_again(signed_in, site):
    signed_in.see("document.querySelector('#email-part').open = true")
    signed_in.until_says("#email-state", "Belum ada alamat e-mail")
    signed_in.fill("#email", "wulan@contoh.example")
    signed_in.tap("#email-form button")
    signed_in.until_shown("#email-code-form")

    signed_in.fill("#email-code", code_in(site.service.world.mails.sent[-1][-1]))
    signed_in.tap("#email-code-form button")

    signed_in.until_says("#email-state", "Alamat e-mail Anda tersimpan")
    signed_in.tap("#email-forget")
    signed_in.until_says("#email-state", "Belum ada alamat e-mail")
