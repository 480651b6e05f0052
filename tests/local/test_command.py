"""The command line without a running service: drawn bundles, help, and plain errors."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from gelombang.domain.draw import Entry, hold_draw
from gelombang.domain.draw_bundle import (
    COMMITMENT,
    DRAW,
    ENTRIES,
    MANIFEST,
    RESULTS,
    RULES,
    commitment_file,
    draw_file,
    entries_file,
    manifest_file,
    results_file,
    rules_file,
    sha256,
)
from gelombang.domain.wave import WaveDefinition, WaveId
from local.command import app

WAVE = WaveDefinition(
    wave_id=WaveId("kecil"),
    name="Kecil",
    opens_at=datetime(2026, 1, 1, tzinfo=UTC),
    closes_at=datetime(2026, 1, 2, tzinfo=UTC),
    quota={"3171": 2},
    rule_set="2023",
)


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def bundle(tmp_path):
    """Return the folder of a true draw of five entries for two seats."""
    entries = [Entry(f"{n:032x}", "3171", f"{n + 100:032x}", 0, priority=False) for n in range(5)]
    commitment = commitment_file(WAVE, entries, b"s" * 32)
    drawn = draw_file(commitment, b"s" * 32, b"")
    results = hold_draw(WAVE, entries, bytes.fromhex(json.loads(drawn)["seed"]))
    files = {
        RULES: rules_file(WAVE),
        ENTRIES: entries_file(entries),
        COMMITMENT: commitment,
        DRAW: drawn,
        RESULTS: results_file(results),
    }
    for name, content in {**files, MANIFEST: manifest_file(WAVE, files)}.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_a_true_draw_is_accepted_and_so_is_its_commitment(bundle):
    promised = sha256((bundle / COMMITMENT).read_bytes())

    result = run("verify-draw", bundle, "--commitment", promised)

    assert result.exit_code == 0
    assert "the one promised" in result.stdout


def test_one_flipped_byte_is_refused_and_the_file_is_named(bundle):
    content = bytearray((bundle / RESULTS).read_bytes())
    content[40] ^= 1
    (bundle / RESULTS).write_bytes(content)

    result = run("verify-draw", bundle, "--json")

    answer = json.loads(result.stdout)
    assert result.exit_code == 1
    assert not answer["accepted"]
    assert any(RESULTS in sentence for sentence in answer["differs"])


def test_another_commitment_than_the_promised_one_is_refused(bundle):
    result = run("verify-draw", bundle, "--commitment", "0" * 64)

    assert result.exit_code == 1
    assert "DIFFERS" in result.stdout


@pytest.mark.parametrize(
    "words", [("explain", "app_1"), ("texts",), ("wave", "show", "demo"), ("wave", "close", "demo")]
)
def test_without_a_running_service_a_plain_sentence_says_how_to_start_one(tmp_path, words):
    result = run(*words, "--state", tmp_path)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "make up" in result.stderr
    assert "Traceback" not in result.stderr


def test_every_command_has_a_help_text_and_every_answer_can_be_json():
    commands = ["up", "demo", "verify-draw", "explain", "texts", "pack", "sample-photos"]
    waves = [
        ("wave", step)
        for step in ("open", "quota", "show", "close", "freeze", "commit", "draw", "publish", "bundle")
    ]

    for words in [*[(name,) for name in commands], *waves]:
        result = run(*words, "--help")
        assert result.exit_code == 0
        assert "--json" in result.stdout


def test_sample_photos_are_three_pictures_and_a_citizen_they_fit(tmp_path):
    result = run("sample-photos", tmp_path / "out", "--json")

    answer = json.loads(result.stdout)
    assert result.exit_code == 0, result.stderr
    assert set(answer["person"]) == {"nik", "kk", "name", "birth_date", "region"}
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == [
        "ktp.jpg",
        "selfie-spoiled.jpg",
        "selfie.jpg",
    ]
