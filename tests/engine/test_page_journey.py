"""The whole journey in a browser, on the local engine with real faces: nothing retyped, one photograph taken again."""

from __future__ import annotations

from itertools import count, pairwise

import pytest

from gelombang.domain.wave import WaveStep
from local.applicant import code_in
from local.client import connect
from local.office import take_step
from local.samples import write_samples
from local.service import open_wave, wave_definition
from tests.browser.page import OFFLINE, ONLINE

pytestmark = [pytest.mark.pack, pytest.mark.browser]
WAVE = "layar"
_numbers = count(1)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Somebody whom the registers know, and the folder of their photographs."""
    folder = tmp_path_factory.mktemp("photographs")
    person, _ = write_samples(folder, 4, None)  # whose selfie no pack finds a fault in
    return person, folder


@pytest.fixture
def page(browser, service):
    """A page on which somebody new has signed in."""
    stack, phone = service.stack, f"+62857{next(_numbers):08d}"
    opened = browser.open(stack.url)
    opened.fill("#phone", phone)
    opened.tap("#phone-form button")
    opened.until_shown("#code-step")
    opened.fill("#code", code_in([text for to, text in stack.texts() if to == phone][-1]))
    opened.tap("#code-form button")
    opened.until_shown("#status-step")
    return opened


def test_a_photograph_whose_line_breaks_goes_on_in_chunks_after_a_reload_and_nothing_is_sent_twice(
    page, sample
):
    _, folder = sample
    broken, chunks, offsets = [], [], []
    page.on("Network.responseReceived", lambda told: offsets.extend(offset_in(told["response"])))

    def is_cut(method, address):
        chunks.extend([address] * (method == "PATCH"))
        is_store = method == "POST" and "/v1/" not in address
        broken.extend([address] * is_store)
        return is_store or (method == "PATCH" and len(chunks) == 4)

    page.cut(is_cut)
    page.attach("#file-selfie", folder / "selfie.jpg")
    page.until("Boolean(begun.selfie && begun.selfie.location)", "chunks have begun")
    page.until_heard(lambda: len(chunks) >= 4)
    page.line(OFFLINE)
    page.until_says("#notice", "Sambungan terputus")
    page.line(ONLINE)
    page.reload()
    page.until_says("#photos", "Foto diterima.")

    assert len(broken) == 2  # twice in one piece, then in chunks
    assert all(before < after for before, after in pairwise(offsets))
    assert offsets[-1] == page.see("chosen.selfie.file.size")
    assert page.see("Object.keys(sessionStorage)") == ["token"]


def test_somebody_registers_takes_one_photograph_again_joins_and_sees_the_result(page, service, sample):
    person, folder = sample
    open_wave(service.stack, wave_definition(WAVE))
    for field in ("nik", "kk", "name"):
        page.fill(f"#{field}", person[field])
    page.choose("#birth_date", person["birth_date"])
    page.choose("#province", person["region"][:2])
    page.choose("#region", person["region"])
    page.attach("#file-ktp", folder / "ktp.jpg")
    page.attach("#file-selfie", folder / "selfie-spoiled.jpg")
    page.until(
        "document.querySelector('#photos').innerText.split('Foto diterima.').length === 3", "both are there"
    )
    for purpose in ("identity_check", "face_check"):
        page.tap(f"#consent-{purpose}")

    page.tap("#submit", times=2)
    page.until_says("#state", "Ada foto yang perlu diambil ulang")

    assert posts(page, "/v1/application/submit") == 1
    assert (page.shows("#file-selfie"), page.shows("#file-ktp"), page.shows("#draft")) == (True, False, False)
    assert person["name"] in page.text("#sent")
    assert "Foto KTP: Foto diterima dan memenuhi syarat." in page.text("#photos")
    page.tap("#language")
    page.until_says("#photos", "This photograph must be taken again:")
    page.tap("#language")
    page.until_says("#photos", "Foto ini perlu diulang:")

    page.attach("#file-selfie", folder / "selfie.jpg")
    page.until_says("#photos", "Foto diterima.")
    page.tap("#submit")
    page.until_says("#state", "Data Anda sudah lolos pemeriksaan")
    assert page.text("#checks").count("lolos") >= 5

    page.tap(f"#join-{WAVE}", times=2)
    page.until_says("#state", "Anda sudah ikut gelombang ini")
    assert posts(page, f"/{WAVE}/entries") == 1
    with connect(service.stack.url, service.stack.tokens["operator"]) as operator:
        for step in WaveStep:
            take_step(operator, WAVE, step)
    page.see("watch()")  # and not only after some seconds

    page.until_says("#state", "Selamat, Anda terpilih")
    page.until_says("#wave", "Peringkat undian di wilayah Anda: 1")
    assert page.faults == []


def offset_in(response):
    """Return the offset that the answer to a chunk tells, if it is one."""
    headers = {name.lower(): value for name, value in response["headers"].items()}
    return [int(headers["upload-offset"])] if response["status"] == 204 else []


def posts(page, path):
    return len([address for method, address in page.asked if method == "POST" and address.endswith(path)])
