"""Reviewers in a browser, on the local engine: given a case, they see its pictures, and answer."""

from __future__ import annotations

import subprocess
import sys

import pytest

from local.client import connect
from local.samples import write_samples

pytestmark = [pytest.mark.pack, pytest.mark.browser]
SEEN = "[...document.querySelectorAll('#people img')].filter((one) => one.naturalWidth > 100).length === 2"


def test_reviewers_are_given_a_case_see_its_pictures_and_answer_one_after_the_other(
    browser, service, tmp_path
):
    stack = service.stack
    write_samples(tmp_path, 4, None)
    pictures = [str(tmp_path / "selfie.jpg"), str(tmp_path / "ktp.jpg")]
    ran("reviews", "plant", *pictures, "--right", "accept", "--state", str(stack.state_dir))
    shown = []

    for reviewer in ("reviewer", "reviewer-2"):
        page = browser.open(f"{stack.url}/review.html")
        page.fill("#token", stack.tokens[reviewer])
        page.tap("#enter button")
        page.until(SEEN, "both pictures are seen")
        shown.append(page.text("#people"))
        page.tap("[data-decision=accept]")
        page.until_says("#notice", "Tulis catatan terlebih dahulu.")
        page.fill("#note", "Orang yang sama.")
        page.tap("[data-decision=accept]")
        page.until_says("#notice", "Jawaban disimpan. Tidak ada kasus untuk Anda saat ini.")
        assert not page.shows("#people")
        assert page.faults == []

    assert "Orang A: diputuskan oleh Anda" in shown[0] == shown[1]
    with connect(stack.url, stack.tokens["auditor"]) as auditor:
        told = auditor.get("/v1/reviews/quality")["reviewers"]
    assert {(each["reviewer"], each["planted_right_count"]) for each in told} >= {
        ("local reviewer", 1),
        ("local reviewer-2", 1),
    }


def ran(*words):
    """Run a command of ours as an operator would."""
    command = [sys.executable, "-c", "from local.command import app; app()", *words]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
