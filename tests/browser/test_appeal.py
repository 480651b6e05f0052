"""An appeal on the page: filed with words and a picture, its number and day read, a question answered, the end told."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from benchmarks.drills.people import citizen_at, make_ready
from gelombang.domain.appeal import AppealCode
from gelombang.domain.application import Move
from gelombang.domain.checks import CheckResult, Layer, Outcome
from gelombang.domain.errors import ConflictError
from gelombang.journey import appeal_decisions, applications, registration
from gelombang.journey.ports import Put
from gelombang.journey.programme import load_programme
from gelombang.journey.staff import Staff, staff_row
from tests.uploads.corpus import encoded, quarter

DEWI = Staff("dewi", "appeals_officer")
SCHOOL = "STILL_AT_SCHOOL"


@pytest.fixture
def refused(signed_in, site):
    """A page of somebody whom the education register calls a pupil."""
    memory, name = site.service.world, signed_in.text("#application")
    ports = memory.ports
    person = replace(citizen_at(1), nik=f"317199050190{abs(hash(name)) % 10_000:04d}")
    make_ready(memory, name, person)
    submitted = registration.submit(ports, name)
    now = ports.clock.now()
    check = CheckResult(Layer.EDUCATION, Outcome.FAILED, "kemdikbud", "1", now, SCHOOL)
    moved = applications.move(submitted, Move.REFUSE, now, reasons=(SCHOOL,), checks={Layer.EDUCATION: check})
    applications.save(ports, moved, "refused_for_a_test")
    signed_in.see("refresh()")
    signed_in.until_shown("#appeal-form")
    return signed_in


def number_on(page) -> str:
    return page.text("#appeals code")


def answer(site, page, code: AppealCode) -> None:
    """Let an officer answer, and the page look again."""
    programme = load_programme("prakerja")
    appeal_decisions.decide_appeal(site.service.world.ports, programme, DEWI, number_on(page), code)
    page.see("refresh()")


def test_an_appeal_is_filed_shown_with_its_number_and_day_and_answered(refused, site, tmp_path):
    refused.fill("#words", "Saya lulus tahun 2024.")
    refused.tap("#appeal-form button")
    refused.until_shown("#appeals article")
    filed = refused.text("#appeals")
    refused.until("document.querySelector('#appeal-form').hidden", "no second appeal")
    picture = tmp_path / "ijazah.jpg"
    picture.write_bytes(encoded(quarter()))
    refused.attach("#evidence-file", picture)
    refused.until_says("#appeals", "sedang diterima")
    site.service.look_at_arrivals()
    refused.see("refresh()")
    refused.until_says("#appeals", "diterima")
    answer(site, refused, AppealCode.ASK_LETTER)
    refused.until_shown("#answer-form")
    refused.fill("#answer-words", "Ini suratnya.")
    refused.tap("#answer-form button")
    refused.until_says("#notice", "Jawaban Anda kami terima")
    answer(site, refused, AppealCode.NOT_SHOWN)

    refused.until_says("#appeals", "Banding Anda ditolak")
    assert number_on(refused).startswith("B-")
    assert "paling lambat" in filed
    assert "2026" in filed
    assert "Mintalah surat keterangan" in refused.text("#appeals")
    refused.tap("#language")
    refused.until_says("#appeals", "Your appeal is rejected")
    assert refused.faults == []


def test_an_appeal_without_words_says_so_beside_the_field(refused):
    refused.tap("#appeal-form button")

    refused.until_says("#words-fault", "belum diisi")
    assert not refused.shows("#appeals article")


def test_nothing_of_an_appeal_stays_on_the_screen_after_signing_out(refused):
    refused.fill("#words", "Saya lulus tahun 2024.")
    refused.tap("#appeal-form button")
    refused.until_shown("#appeals article")

    refused.tap("#leave")

    refused.until_shown("#phone-step")
    assert not refused.shows("#appeal-step")


def test_an_officer_opens_an_appeal_by_its_number_sees_it_and_answers(refused, open_page, site):
    refused.fill("#words", "Saya lulus tahun 2024.")
    refused.tap("#appeal-form button")
    refused.until_shown("#appeals article")
    number, ports = number_on(refused), site.service.world.ports
    with suppress(ConflictError):  # another test's officer is the same
        ports.rows.commit([Put(staff_row("an-appeals-officers-token", DEWI))])
    office = open_page()
    office.go(f"{site.url}/appeals-office.html")

    office.fill("#token", "an-appeals-officers-token")
    office.fill("#number", number.lower().replace("-", " "))
    office.tap("#enter button")
    office.until_says("#facts", "Saya lulus tahun 2024.")
    seen = office.text("#facts")
    office.choose("#code", "REJECTED_NOT_SHOWN")
    office.tap("#answer button")
    office.until_says("#notice", "Jawaban disimpan")
    refused.see("refresh()")

    assert "kemdikbud" in seen
    refused.until_says("#appeals", "Banding Anda ditolak")
    assert office.faults == []
