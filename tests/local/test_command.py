"""The command line without a running service: drawn bundles, help, and plain errors."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
import typer
from typer.testing import CliRunner

from gelombang.domain.draw import canonical
from gelombang.domain.draw_bundle import COMMITMENT, RESULTS, sha256
from gelombang.domain.draw_signature import SIGNATURES, signature_file, statement_of
from gelombang.domain.errors import NotSignedInError
from gelombang.domain.signature import keys_document, message_to_sign
from gelombang.memory.signer import MemorySigner
from local import command
from local.answering import STATE, plainly
from local.client import Caller
from local.command import app

VECTOR = Path(__file__).parents[1] / "vectors" / "draw" / "none"


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def bundle(tmp_path):
    """Return the folder of a true draw."""
    return Path(shutil.copytree(VECTOR, tmp_path / "bundle"))


def test_a_true_draw_is_accepted_and_so_is_its_commitment(bundle):
    promised = sha256((bundle / COMMITMENT).read_bytes())

    result = run("verify-draw", bundle, "--commitment", promised)

    assert result.exit_code == 0
    assert "the one promised" in result.stdout


def test_one_flipped_byte_is_refused_and_the_file_is_named(bundle):
    content = bytearray((bundle / RESULTS).read_bytes())
    content[60] ^= 1
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


def test_with_a_list_of_keys_the_programmes_signatures_are_checked_too(bundle):
    signer = MemorySigner()
    keys = bundle.with_name("keys.json")
    keys.write_bytes(canonical(keys_document("prakerja", [(signer.public_key(), datetime.now(UTC))])))

    unsigned = run("verify-draw", bundle, "--keys", keys)
    for name, signature in SIGNATURES.items():
        statement = statement_of("contoh-1", name, (bundle / name).read_bytes())
        message = message_to_sign(statement["spec"], canonical(statement))
        signed = signature_file(statement, signer.public_key().key_id, signer.sign(message).hex())
        (bundle / signature).write_bytes(signed)
    accepted = run("verify-draw", bundle, "--keys", keys)
    keys.write_text("{}")
    no_list = run("verify-draw", bundle, "--keys", keys)

    assert unsigned.exit_code == 1
    assert all(f"DIFFERS  {signature}: is missing" in unsigned.stdout for signature in SIGNATURES.values())
    assert accepted.exit_code == 0, accepted.stdout
    assert "signed by the programme" in accepted.stdout
    assert no_list.exit_code == 2
    assert "is no published list of keys" in no_list.stderr


@pytest.mark.parametrize(
    ("folder", "commitment", "sentence"),
    [
        ("elsewhere", "0" * 64, "There is no folder"),
        ("bundle", "0" * 63, "--commitment takes 64 hex digits."),
        ("bundle", "", "--commitment takes 64 hex digits."),
    ],
)
def test_what_cannot_be_checked_is_said_in_a_sentence_and_is_no_difference(
    bundle, folder, commitment, sentence
):
    result = run("verify-draw", bundle.with_name(folder), "--commitment", commitment)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert sentence in result.stderr


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
        for step in (
            *("open", "quota", "show", "close", "freeze", "commit", "draw", "publish", "run", "beacon"),
            *("party", "anew", "parquet", "bundle"),
        )
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


@pytest.mark.parametrize("how", ["text", "json"])
def test_whoever_reads_no_further_ends_a_command_quietly(how):
    program = """
import typer
from local.answering import out, plainly, print_json

def say(how: str):
    with plainly():
        out.print("x" * 99_999) if how == "text" else print_json(["x"] * 99_999)

typer.run(say)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, how], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as said:
        said.stdout.close()
        assert said.stderr.read() == b""


@pytest.mark.parametrize("name", ["123", "../x", "..", "app/1"])
def test_an_application_that_there_is_not_is_said_so_whatever_was_typed(tmp_path, monkeypatch, name):
    asked = []

    def answer(request):
        asked.append(request.url.raw_path)
        return httpx.Response(404, json={"type": "https://x/not-found", "detail_en": "Check the address."})

    record = SimpleNamespace(url="http://service", tokens={"auditor": "token"})
    http = httpx.Client(base_url="http://service", transport=httpx.MockTransport(answer))
    monkeypatch.setattr(command, "running", lambda _: record)
    monkeypatch.setattr(command, "connect", lambda *_: Caller(http))

    result = run("explain", name, "--state", tmp_path)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"There is no application {name}.\n"
    assert asked == ([b"/v1/explanations/123"] if name == "123" else [])


def test_an_error_without_words_is_told_in_its_meaning(capsys):
    with pytest.raises(typer.Exit), plainly():
        raise NotSignedInError

    assert capsys.readouterr().err == "The request carries no session, or one that has ended.\n"


def test_whoever_starts_the_service_is_told_of_every_page_for_staff_and_of_its_token(monkeypatch, capsys):
    pack = SimpleNamespace(release="pack", licence="MIT", limits=())
    stack = SimpleNamespace(url="http://here", state_dir=STATE)
    monkeypatch.setattr(command.threading, "Event", lambda: SimpleNamespace(wait=lambda: None))

    command._stay_up(SimpleNamespace(stack=stack, pack=pack))

    told = capsys.readouterr().err
    for page, role in (("review", "reviewer"), ("officer", "officer"), ("appeals-office", "appeals_officer")):
        (line,) = [each for each in told.splitlines() if each.startswith(f"http://here/{page}.html")]
        assert f"token {role}" in line
