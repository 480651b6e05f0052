"""`gelombang lists`: an agency signs, the operator imports, verifies, compares, and refreshes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gelombang.aws.lists import ASKING_S, SETTLED_AFTER
from gelombang.domain.application import State
from gelombang.domain.checks import Layer
from gelombang.journey import restriction, selection
from infra.template import PACE
from local import lists
from local.answering import CommandError
from local.command import app
from tests.journey.town import WAVE, drawn, open_wave
from tests.journey.walking import citizen
from tests.lists.agency import LAYER, Agency
from tests.local.list_desk import Desk, at_a_desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_a_desk(Agency(tmp_path), monkeypatch) as made:
        yield made


def test_a_signed_list_is_imported_verified_compared_and_refreshed(desk):
    names = [desk.walk.submit(citizen(number), f"+62812{number:08d}") for number in (1, 2, 3)]
    desk.walk.deliver()

    first = desk.take_in("1", [4])
    refreshed_once = desk.lists("refresh", LAYER)
    second = desk.take_in("2", [2, 4])
    files = sorted(path.name for path in (desk.folder / "lists").glob("*.list"))
    verified = [desk.lists("verify", name) for name in files]
    differing = desk.lists("diff", *files)
    report = desk.folder / "report.jsonl"
    refreshed = desk.lists("refresh", LAYER, "--report", str(report), "--most-per-s", "1000000")

    assert [each.exit_code for each in (first, refreshed_once, second, *verified, differing, refreshed)] == [
        0
    ] * 7
    assert json.loads(second.stdout)["row_count"] == 2
    assert json.loads(differing.stdout) == {"added": 1}
    (line,) = json.loads(refreshed.stdout)
    assert (line["effect"], line["before"], line["after"], line["why"], line["count"]) == (
        "refused",
        "VERIFIED",
        "NOT_ELIGIBLE",
        "added",
        1,
    )
    assert json.loads(report.read_text())["application_id"] == names[1]
    assert desk.walk.application(names[1]).state is State.NOT_ELIGIBLE
    assert citizen(2).nik not in refreshed.output + report.read_text()
    again = desk.lists("refresh", LAYER, "--report", str(report))
    assert (again.exit_code, json.loads(again.stdout)) == (0, [])
    assert json.loads(report.read_text())["application_id"] == names[1]


def test_a_list_with_wrong_rows_is_not_signed_and_each_line_is_named(desk):
    path = desk.csv("1", [1])
    signed = path.with_name("1.csv.json").read_bytes()
    path.write_text(f"nik\n{citizen(1).nik}\n99\n{citizen(2).nik}\nSECRET\n", "utf-8")

    refused = desk.sign(path)

    assert refused.exit_code == 1
    assert "line 3" in refused.output
    assert "line 5" in refused.output
    assert "SECRET" not in refused.output
    assert path.with_name("1.csv.json").read_bytes() == signed


@pytest.mark.parametrize(
    ("key", "words", "exit_code", "sentence"),
    [
        ("no key", (), 2, "The key is no Ed25519 key in PEM without a passphrase."),
        (None, ("--list-version", "a b"), 1, "1.csv.json: list_version: String should match pattern"),
        (None, ("--listed-on", "2026-13-01"), 2, "'2026-13-01' does not match the format"),
    ],
)
def test_what_no_list_can_say_of_itself_is_not_signed(desk, key, words, exit_code, sentence):
    path = desk.csv("1", [1])
    signed = path.with_name("1.csv.json").read_bytes()
    if key:
        (desk.folder / "key.pem").write_text(key, "utf-8")

    refused = desk.sign(path, *words)

    assert refused.exit_code == exit_code
    assert sentence in " ".join(refused.output.replace("\u2502", " ").split())
    assert path.with_name("1.csv.json").read_bytes() == signed


@pytest.mark.parametrize(
    ("source", "layer", "content", "wanted"),
    [
        ("exclusions", "excluded_occupation", "nik\n", "nik,code"),
        ("prakerja_blacklist", "blacklist", "nik,code\n", "nik"),
        ("prakerja_blacklist", "blacklist", "", "nik"),
    ],
)
def test_a_list_whose_header_is_not_its_layers_is_not_signed(desk, source, layer, content, wanted):
    path = desk.csv("1", [1])
    path.with_name("1.csv.json").unlink()
    path.write_text(content, "utf-8")

    refused = desk.sign(path, "--source", source, "--layer", layer)

    assert refused.exit_code == 1
    assert f"does not begin with the line {wanted}, as a list of {layer} does" in refused.output
    assert not path.with_name("1.csv.json").exists()


def test_an_import_names_each_line_that_is_no_nik_and_the_list_is_not_in_use(desk):
    path, delivery = desk.agency.deliver("1", [citizen(1).nik, "99", citizen(2).nik, "SECRET"])
    path.with_name(f"{path.name}.json").write_text(delivery.model_dump_json(), "utf-8")

    refused = desk.lists("import", str(path))

    assert refused.exit_code == 1
    assert "line 3" in refused.output
    assert "line 5" in refused.output
    assert "SECRET" not in refused.output
    assert list((desk.folder / "lists").glob("*")) == []


def test_a_version_that_a_refresh_cannot_read_is_named_and_imported_again_without_being_in_use(desk):
    name = desk.walk.submit(citizen(1), "+6281200000001")
    desk.walk.deliver()
    restriction.restrict(desk.walk.ports, name)
    desk.take_in("1", [1])
    desk.take_in("2", [1, 2])
    first = min((desk.folder / "lists").glob("*.list"))
    first.write_bytes(first.read_bytes()[:-1] + b"?")

    refused = desk.lists("refresh", LAYER)
    again, used = (
        CliRunner().invoke(app, ["lists", "import", str(desk.folder / csv), "--folder", str(first.parent)])
        for csv in ("1.csv", "2.csv")
    )

    assert refused.exit_code == 1
    assert f"{first.name}: " in refused.output
    assert "import them again" in " ".join(refused.output.split())
    assert "2026-11-23/1 is kept again for the refresh" in again.output
    assert "2026-11-23/2 is imported. Next: gelombang lists publish" in used.output
    left = desk.lists("refresh", LAYER)
    assert [each["effect"] for each in json.loads(left.stdout)] == ["nobody", "restricted"]


def test_a_refresh_is_done_when_whoever_is_left_has_a_seat(desk):
    name = desk.walk.submit(citizen(1), "+6281200000001")
    desk.walk.deliver()
    open_wave(desk.walk)
    selection.join(desk.walk.ports, name, WAVE)
    drawn(desk.walk)
    desk.take_in("1", [1])

    refreshed, again = desk.lists("refresh", LAYER), desk.lists("refresh", LAYER)

    assert [refreshed.exit_code, again.exit_code] == [0, 0]
    assert json.loads(refreshed.stdout)[0]["effect"] == "with_seat"
    assert json.loads(again.stdout) == []


@pytest.mark.parametrize(
    ("words", "exit_code", "sentence"),
    [
        (("refresh", "face"), 2, "No list answers for face"),
        (("refresh", "population"), 2, "Lists answer for"),
        (("refresh", LAYER), 1, "no list"),
        (("verify", "build/lists/nothing.list"), 2, "There is no file build/lists/nothing.list in"),
        (("diff", "nothing.list", "neither.list"), 2, "(see --folder)"),
        (("refresh", LAYER, "--most-per-s", "0"), 2, "greater than or equal to 0.001"),
        (("refresh", LAYER, "--most-per-s", "-1"), 2, "greater than or equal to 0.001"),
        (("refresh", LAYER, "--most-per-s", "nan"), 2, "greater than or equal to 0.001"),
        (("refresh", LAYER, "--report", "."), 2, "is a directory"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(desk, words, exit_code, sentence):
    refused = desk.lists(*words)

    assert refused.exit_code == exit_code
    assert sentence in " ".join(refused.output.replace("\u2502", " ").split())


def test_a_list_that_nobody_agreed_on_is_refused_with_what_to_add(desk):
    path = desk.csv("1", [1])
    desk.sign(path, "--source", "kemensos", "--layer", "aid")

    refused = desk.lists("import", str(path))

    assert refused.exit_code == 1
    for word in ("aid is looked up in no list of kemensos", "`listed`", "`list_key`", "sources.json"):
        assert word in refused.output


def test_the_table_of_a_refresh_says_of_a_nik_that_nobody_here_has_it(desk):
    desk.take_in("1", [1])
    desk.lists("refresh", LAYER)
    desk.take_in("2", [1, 2])

    told = CliRunner().invoke(app, ["lists", "refresh", LAYER, "--folder", str(desk.folder / "lists")])

    assert "1  nobody here has such a NIK, added" in told.stdout
    assert "->" not in told.stdout.splitlines()[-1]


def test_a_programme_whose_sources_are_wrong_is_said_in_a_sentence(desk, monkeypatch):
    def wrong(_programme: str) -> None:
        raise ValueError("programmes/prakerja/sources.json: sources.1.list_key: wrong")

    monkeypatch.setattr("gelombang.journey.sources.load_sources", wrong)

    refused = desk.lists("verify", "any.list")

    assert refused.exit_code == 2
    assert "sources.json: sources.1.list_key: wrong" in refused.output


def test_a_file_beside_the_csv_that_is_no_delivery_is_refused(desk):
    path = desk.csv("1", [1])
    path.with_name("1.csv.json").write_text("{}", "utf-8")

    refused = desk.lists("import", str(path))

    assert refused.exit_code == 1
    assert "1.csv.json: source: Field required" in refused.output


def test_a_refresh_says_when_somebody_is_left(desk):
    name = desk.walk.submit(citizen(1), "+6281200000001")
    desk.walk.deliver()
    restriction.restrict(desk.walk.ports, name)
    desk.take_in("1", [1])

    left = desk.lists("refresh", LAYER)

    assert left.exit_code == 1
    assert json.loads(left.stdout)[0]["effect"] == "restricted"


def test_a_list_that_the_service_does_not_use_yet_is_not_refreshed(desk):
    desk.lists("import", str(desk.csv("1", [1])))
    unpublished = desk.lists("refresh", LAYER)
    desk.lists("publish", LAYER)
    desk.lists("import", str(desk.csv("2", [1, 2])))
    older = desk.lists("refresh", LAYER)

    for refused in (unpublished, older):
        assert refused.exit_code == 2
        assert f"Publish it first: gelombang lists publish {LAYER}" in refused.output


def test_a_refresh_waits_until_no_process_judges_by_the_list_before(desk, monkeypatch):
    waited = []
    monkeypatch.setattr("local.lists.time.sleep", waited.append)
    name = desk.walk.submit(citizen(1), "+6281200000001")
    desk.walk.deliver()
    desk.take_in("1", [1])
    desk.publish(desk.folder / "lists" / f"{LAYER}.json", since=timedelta())

    refreshed = desk.lists("refresh", LAYER)

    assert refreshed.exit_code == 0
    assert max(waited) == SETTLED_AFTER.total_seconds()  # whatever this machine's clock says
    assert desk.walk.application(name).state is State.NOT_ELIGIBLE
    assert PACE["cloud"]["TimeoutS"] <= ASKING_S


def test_a_report_that_cannot_be_written_is_said_before_the_wait(desk, monkeypatch):
    monkeypatch.setattr("local.lists._wait_until_settled", lambda *_: pytest.fail("waits"))
    desk.take_in("1", [1])

    refused = desk.lists("refresh", LAYER, "--report", str(desk.folder / "nowhere" / "report.jsonl"))

    assert refused.exit_code == 2
    assert "nowhere/report.jsonl" in refused.output


def test_a_report_of_before_stays_when_a_refresh_does_not_begin(desk):
    desk.lists("import", str(desk.csv("1", [1])))
    report = desk.folder / "report.jsonl"
    report.write_text("of before", "utf-8")

    unpublished = desk.lists("refresh", LAYER, "--report", str(report))

    assert unpublished.exit_code == 2
    assert report.read_text("utf-8") == "of before"


def test_a_csv_without_the_file_beside_it_is_sent_back(desk):
    path = desk.csv("1", [1])
    path.with_name("1.csv.json").unlink()

    refused = desk.lists("import", str(path))

    assert refused.exit_code == 1
    assert "1.csv.json is missing: the agency delivers it with the CSV" in refused.output


def test_lists_of_different_layers_are_not_compared(desk, monkeypatch):
    desk.take_in("1", [1])
    first = min(path.name for path in (desk.folder / "lists").glob("*.list"))
    agreed = desk.agency.sources()
    other = Agency(desk.folder / "other", "kemensos", Layer.AID, desk.agency.private)
    both = agreed | {"kemensos": other.sources()["kemensos"]}
    monkeypatch.setattr("gelombang.journey.sources.load_sources", lambda _programme: both)
    path = desk.csv("2", [2])
    desk.sign(path, "--source", "kemensos", "--layer", "aid")
    desk.lists("import", str(path))
    (second,) = (path.name for path in (desk.folder / "lists").glob("aid-*.list"))

    refused = desk.lists("diff", first, second)

    assert refused.exit_code == 1
    assert f"these are lists of aid and {LAYER}: only versions of one list" in refused.output


def test_publishing_or_refreshing_for_no_service_is_said_in_a_sentence(monkeypatch):
    monkeypatch.delenv("GELOMBANG_LISTS", raising=False)

    with pytest.raises(CommandError, match="GELOMBANG_LISTS is not set"):
        lists._bucket()
