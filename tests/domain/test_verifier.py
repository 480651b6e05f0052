"""The stand-alone verifier: accepts what the draw makes, refuses anything else and names what differs."""

from __future__ import annotations

import ast
import json
import random
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings

from gelombang import verifier
from gelombang.domain.draw import canonical, seed_of
from gelombang.verifier import verify_bundle
from tests.domain.draws import (
    SECRET,
    definition_of,
    definitions,
    entry_lists,
    entry_of_number,
    hold_whole_draw,
)

FILES = ("commitment.json", "draw.json", "entries.jsonl", "manifest.json", "results.jsonl", "rules.json")
ENTRIES = [
    entry_of_number(number, region, household=number // 2, priority=number % 7 == 0)
    for number, region in enumerate(["3171", "3578", "3171", "9171", "3578"] * 5)
]
BUNDLE = hold_whole_draw(definition_of(priority_seats=1), ENTRIES)
PROMISED = sha256(BUNDLE.files["commitment.json"]).hexdigest()


@pytest.fixture
def folder(tmp_path):
    return BUNDLE.write(tmp_path / "bundle")


def recompute_manifest(folder: Path) -> None:
    """Hide a change as far as the manifest goes."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for name in manifest["files"]:
        manifest["files"][name] = sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_bytes(canonical(manifest))


def change(folder: Path, name: str, **fields: object) -> None:
    """Rewrite members of a JSON file, canonically, and the manifest with it."""
    value = json.loads((folder / name).read_bytes())
    (folder / name).write_bytes(canonical(value | fields))
    recompute_manifest(folder)


def change_line(folder: Path, name: str, number: int, **fields: object) -> dict[str, object]:
    """Rewrite members of one line, canonically, and the manifest with it; return the line as it was."""
    lines = (folder / name).read_bytes().splitlines()
    was = json.loads(lines[number])
    lines[number] = canonical(was | fields)
    (folder / name).write_bytes(b"".join(line + b"\n" for line in lines))
    recompute_manifest(folder)
    return was


@settings(max_examples=60, deadline=None)
@given(definitions(), entry_lists())
def test_any_draw_of_the_domain_is_accepted(definition, entries):
    bundle = hold_whole_draw(definition, entries)

    with tempfile.TemporaryDirectory() as place:
        found = verify_bundle(bundle.write(Path(place)), sha256(bundle.files["commitment.json"]).hexdigest())

    assert found == []


def test_a_draw_with_a_promised_beacon_is_accepted(tmp_path):
    bundle = hold_whole_draw(definition_of(beacon_source="drand quicknet 123"), ENTRIES, b"public bits")

    assert verify_bundle(bundle.write(tmp_path)) == []


@pytest.mark.parametrize("is_hidden", [False, True], ids=["plain", "under a new manifest"])
def test_two_hundred_and_forty_flipped_bits_are_all_refused_with_their_file_named(folder, is_hidden):
    chance = random.Random(20261121)  # noqa: S311 - repeats on purpose
    for number in range(240):
        name = FILES[number % len(FILES)]
        was = BUNDLE.files[name]
        flipped = bytearray(was)
        flipped[chance.randrange(len(was))] ^= 1 << chance.randrange(8)
        (folder / name).write_bytes(flipped)
        if is_hidden and name != "manifest.json":
            recompute_manifest(folder)

        found = verify_bundle(folder)

        assert any(name.split(".")[0] in sentence for sentence in found), (number, name, found)
        BUNDLE.write(folder)
    assert verify_bundle(folder) == []


@pytest.mark.parametrize("how", ["removed", "doubled", "moved"])
@pytest.mark.parametrize("seed", range(20))
def test_a_line_removed_doubled_or_moved_is_refused_also_under_a_new_manifest(folder, seed, how):
    chance = random.Random(seed)  # noqa: S311 - repeats on purpose
    name = chance.choice(["entries.jsonl", "results.jsonl"])
    lines = (folder / name).read_bytes().splitlines(keepends=True)
    index = chance.randrange(len(lines))
    line = lines.pop(index)
    instead = {"removed": [], "doubled": [line, line], "moved": [line]}[how]
    at = chance.choice([place for place in range(len(lines) + 1) if place != index])
    (folder / name).write_bytes(b"".join([*lines[:at], *instead, *lines[at:]]))
    recompute_manifest(folder)

    found = verify_bundle(folder)

    assert any(name in sentence or "entries_sha256" in sentence for sentence in found), found


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()

    assert verify_bundle(folder) == [f"{name}: is missing"]


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    assert len(verify_bundle(tmp_path / "nowhere")) == len(FILES)


def test_a_removed_entry_is_found_by_its_result(folder):
    lines = (folder / "entries.jsonl").read_bytes().splitlines(keepends=True)
    gone = json.loads(lines[3])["entry_id"]
    (folder / "entries.jsonl").write_bytes(b"".join(lines[:3] + lines[4:]))
    recompute_manifest(folder)

    found = verify_bundle(folder)

    assert f"results.jsonl: entry {gone} is not in entries.jsonl" in found
    assert "commitment.json: entry_count is 25, but must be 24" in found


def test_a_changed_quota_is_found_against_the_commitment(folder):
    change(folder, "rules.json", quota={"3171": 4, "3578": 2})

    found = verify_bundle(folder)

    assert any(sentence.startswith("commitment.json: rules_sha256 is ") for sentence in found)
    assert any("outcome is RESERVE, but must be SELECTED" in sentence for sentence in found)


def test_a_lowered_quota_names_the_region_that_gives_too_much(folder):
    change(folder, "rules.json", quota={"3171": 2, "3578": 2})

    assert "results.jsonl: region 3171 gives 3 seats, but its quota is 2" in verify_bundle(folder)


def test_an_altered_result_is_found_by_its_entry(folder):
    number = next(i for i, one in enumerate(BUNDLE.results) if one.outcome == "NOT_DRAWN")
    was = change_line(folder, "results.jsonl", number, outcome="SELECTED", rule="PRIORITY_SEAT")

    found = verify_bundle(folder)

    assert f"results.jsonl: entry {was['entry_id']}: outcome is SELECTED, but must be NOT_DRAWN" in found
    assert "results.jsonl: 2 priority seats are given, but there are 1" in found


def test_an_altered_entry_is_found_against_the_commitment(folder):
    change_line(folder, "entries.jsonl", 5, priority=True)

    found = verify_bundle(folder)

    assert any(sentence.startswith("commitment.json: entries_sha256") for sentence in found)
    assert any(sentence.startswith("commitment.json: root") for sentence in found)


def test_a_household_with_two_pasts_is_named(folder):
    change_line(folder, "entries.jsonl", 0, household="ab", household_recipients_before=0)
    change_line(folder, "entries.jsonl", 1, household="ab", household_recipients_before=1)

    assert any("line 2: its household had another number" in sentence for sentence in verify_bundle(folder))


def test_another_seed_is_refused_even_with_the_results_it_gives(folder):
    other = hold_whole_draw(definition_of(priority_seats=1), ENTRIES, b"bits nobody promised")
    for name in ("draw.json", "results.jsonl", "manifest.json"):
        (folder / name).write_bytes(other.files[name])

    assert verify_bundle(folder, PROMISED) == [
        f"draw.json: beacon is {b'bits nobody promised'.hex()!r}, but the rules promise ''"
    ]


def test_a_bundle_with_restored_entries_is_accepted_and_they_come_first(tmp_path):
    entries = [*ENTRIES, entry_of_number(90, "3578", 90, restored=True)]
    bundle = hold_whole_draw(definition_of(priority_seats=1), entries)

    (first,) = [one for one in bundle.results if one.entry_id == entries[-1].entry_id]
    assert (first.outcome, first.rule) == ("SELECTED", "RESTORED_SEAT")
    assert verify_bundle(bundle.write(tmp_path / "bundle")) == []


@pytest.mark.parametrize("restored", [True, False])
def test_nobody_is_made_restored_after_the_commitment(folder, restored):
    change_line(folder, "entries.jsonl", 5, restored=restored)

    assert verify_bundle(folder)


def test_the_older_specification_is_refused_for_a_wave_with_a_restored_entry(tmp_path):
    entries = [*ENTRIES, entry_of_number(90, "3578", 90, restored=True)]
    folder = hold_whole_draw(definition_of(priority_seats=1), entries).write(tmp_path / "bundle")
    for name in ("rules.json", "commitment.json", "draw.json"):
        change(folder, name, spec="gelombang-draw-1")

    found = verify_bundle(folder)

    assert "rules.json: spec is gelombang-draw-1, but must be gelombang-draw-2" in found


def test_a_seed_that_does_not_follow_from_its_parts_is_refused(folder):
    change(folder, "draw.json", seed="00" * 32)

    assert any(sentence.startswith("draw.json: seed is 00") for sentence in verify_bundle(folder))


def test_a_promised_beacon_that_is_left_out_is_refused(tmp_path):
    bundle = hold_whole_draw(definition_of(beacon_source="drand quicknet 123"), ENTRIES)

    assert verify_bundle(bundle.write(tmp_path)) == [
        "draw.json: beacon is '', but the rules promise 'drand quicknet 123'"
    ]


def test_another_secret_is_refused_by_its_hash_in_the_commitment(folder):
    secret = bytes(reversed(SECRET))
    root = bytes.fromhex(json.loads((folder / "commitment.json").read_bytes())["root"])
    change(folder, "draw.json", secret=secret.hex(), seed=seed_of(root, secret, b"").hex())

    assert any("the SHA-256 of its secret" in sentence for sentence in verify_bundle(folder))


def test_a_bundle_forged_as_a_whole_is_caught_only_by_the_published_commitment(tmp_path):
    forged = hold_whole_draw(definition_of(priority_seats=1), ENTRIES[:-1]).write(tmp_path)

    assert verify_bundle(forged) == []
    found = verify_bundle(forged, PROMISED)
    assert len(found) == 1
    assert found[0].startswith("commitment.json: its SHA-256 is ")
    assert found[0].endswith(PROMISED)


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("rules.json", b"\xff", "rules.json: is not JSON in UTF-8"),
        ("rules.json", b"[" * 100_000, "rules.json: is not JSON in UTF-8"),
        ("rules.json", b"[]", "rules.json: is not a JSON object"),
        ("draw.json", b"{}", "draw.json: has no seed"),
        ("entries.jsonl", b"{}", "entries.jsonl: the last line has no line feed"),
        ("results.jsonl", b'{"rank":1.5}\n', "results.jsonl line 1: rank is not of the right kind"),
        ("results.jsonl", b'{"rank":true}\n', "results.jsonl line 1: rank is not of the right kind"),
        ("results.jsonl", b'{"extra":1}\n', "results.jsonl line 1: has 'extra', which does not belong there"),
        ("commitment.json", b'{"spec":"\\ud800"}', "commitment.json: is not JSON in UTF-8"),
        ("manifest.json", b"[]", "manifest.json: is not the canonical list of the other five files"),
        ("manifest.json", b"", "manifest.json: is not the canonical list of the other five files"),
    ],
)
def test_a_file_of_another_kind_is_refused_without_an_exception(folder, name, content, fault):
    (folder / name).write_bytes(content)

    assert fault in verify_bundle(folder)


@pytest.mark.parametrize("name", ["rules.json", "commitment.json", "draw.json"])
def test_the_same_value_in_other_bytes_is_refused(folder, name):
    (folder / name).write_text(json.dumps(json.loads((folder / name).read_bytes()), indent=1))

    assert verify_bundle(folder) == [f"{name}: is not canonical JSON (RFC 8785)"]


def test_a_member_given_twice_is_refused(folder):
    content = (folder / "rules.json").read_bytes()
    (folder / "rules.json").write_bytes(b'{"priority_seats":5,' + content[1:])

    assert verify_bundle(folder) == ["rules.json: is not canonical JSON (RFC 8785)"]


def test_many_differences_are_counted_and_not_all_named(folder):
    change(folder, "draw.json", seed="00" * 32)

    found = [sentence for sentence in verify_bundle(folder) if sentence.startswith("results.jsonl")]

    assert len(found) == 11
    assert found[-1].endswith("further differences")


def test_the_verifier_is_one_file_of_the_standard_library():
    tree = ast.parse(Path(verifier.__file__).read_text())

    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}

    assert {name.split(".")[0] for name in imported} <= set(sys.stdlib_module_names)


@pytest.mark.parametrize(
    ("commitment", "status", "said"),
    [
        ([], 0, "accepted"),
        (["--commitment", PROMISED], 0, "promised"),
        (["--commitment", "00" * 32], 1, "DIFFERS"),
    ],
)
def test_copied_anywhere_and_run_alone_it_answers_with_its_exit_status(
    folder, tmp_path, commitment, status, said
):
    alone = tmp_path / "verifier.py"
    alone.write_bytes(Path(verifier.__file__).read_bytes())

    ran = subprocess.run(
        [sys.executable, "-I", str(alone), str(folder), *commitment],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == status, ran.stderr
    assert said in ran.stdout
