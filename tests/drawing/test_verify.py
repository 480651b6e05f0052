"""The fast verifier on the vectors that the stand-alone one is held to, and on what somebody altered afterwards."""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
from pathlib import Path

import pytest

from gelombang.domain.beacon import randomness_of
from gelombang.domain.draw_bundle import BUNDLE, COMMITMENT, DRAW, MANIFEST, RESULTS, RULES
from gelombang.drawing.beacons import is_signed
from gelombang.drawing.verify import verify_bundle

VECTORS = Path(__file__).parents[1] / "vectors" / "draw"
LISTED = {vector["name"]: vector for vector in json.loads((VECTORS / "vectors.json").read_text())}
ACCEPTED = [name for name, vector in LISTED.items() if vector["verdict"] == "accepted"]
QUICK = [
    name for name in ACCEPTED if name not in ("beacon", "empty")
]  # the beacon's signature takes a second
QUICKNET = "drand-quicknet"
SIGNATURE = bytes.fromhex(  # of round 1000, from the chain
    "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"
)
MUTANTS = 1000


@pytest.mark.parametrize("name", LISTED)
def test_vectors_are_judged_as_listed(name):
    found = verify_bundle(VECTORS / name, LISTED[name]["commitment"])

    if LISTED[name]["verdict"] == "accepted":
        assert found == []
    else:
        assert all(any(place in sentence for sentence in found) for place in LISTED[name]["places"])


def copy_of(name, folder):
    """Copy a vector's bundle; return where it is."""
    for file in BUNDLE:
        shutil.copy(VECTORS / name / file, folder / file)
    return folder


def altered(content, chance):
    """Return a file altered in one way, and how; never the same bytes."""
    ways = {
        "flip": lambda: _with_byte(content, chance, lambda byte: byte ^ (1 << chance.randrange(8))),
        "delete": lambda: _without(content, chance),
        "truncate": lambda: content[: chance.randrange(len(content))],
        "reorder": lambda: _lines_shuffled(content, chance),
        "double": lambda: _line_doubled(content, chance),
        "digit": lambda: _digit_changed(content, chance),
        "add": lambda: content + chance.choice([b"\n", b" ", b"0", b"x\n"]),
    }
    while True:
        way = chance.choice(list(ways))
        if (changed := ways[way]()) != content:
            return changed, way


def _with_byte(content, chance, change):
    at = chance.randrange(len(content))
    return content[:at] + bytes([change(content[at])]) + content[at + 1 :]


def _without(content, chance):
    at = chance.randrange(len(content))
    return content[:at] + content[at + chance.randrange(1, 40) :]


def _lines_shuffled(content, chance):
    lines = content.splitlines(keepends=True)
    chance.shuffle(lines)
    return b"".join(lines)


def _line_doubled(content, chance):
    lines = content.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    return b"".join([*lines[:at], lines[at], *lines[at:]])


def _digit_changed(content, chance):
    places = [found.start() for found in re.finditer(rb"[0-9]", content)]
    if not places:  # the header of an empty list
        return content
    at = chance.choice(places)
    return content[:at] + str((content[at] - 47) % 10).encode() + content[at + 1 :]


def rehashed(folder):
    """Make the hashes that stand in later files fit what lies there, as a careful forger would."""
    told = json.loads((folder / DRAW).read_bytes())
    told["commitment_sha256"] = _sha256(folder / COMMITMENT)
    secrets = b"".join(bytes.fromhex(each["secret"]) for each in told["secrets"])
    said = b"gelombang-draw-3\x00" + bytes.fromhex(told["commitment_sha256"]) + secrets
    told["seed"] = hashlib.sha256(said + randomness_of(bytes.fromhex(told["beacon_signature"]))).hexdigest()
    _write(folder / DRAW, told)
    listed = json.loads((folder / MANIFEST).read_bytes())
    listed["files"] = {name: _sha256(folder / name) for name in BUNDLE if name != MANIFEST}
    _write(folder / MANIFEST, listed)


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write(path, value):
    path.write_text(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def test_a_thousand_altered_bundles_are_refused_and_the_place_is_named(tmp_path):
    chance = random.Random(20261122)  # noqa: S311 - the same mutants in every run
    unnamed = []
    for number in range(MUTANTS):
        name, file = chance.choice(QUICK), chance.choice(BUNDLE)
        folder = copy_of(name, tmp_path)
        content, way = altered((folder / file).read_bytes(), chance)
        (folder / file).write_bytes(content)
        is_forged = file not in (DRAW, MANIFEST) and chance.random() < 0.3
        if is_forged:
            rehashed(folder)
        found = verify_bundle(folder, LISTED[name]["commitment"])
        if not any(file in sentence for sentence in found) and not (is_forged and found):
            unnamed.append((number, name, file, way, found))

    assert unnamed == []


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("code_sha256", "0" * 64, "its SHA-256 is"),
        ("eligibility_sha256", "0" * 64, "its SHA-256 is"),
        ("priority_list_sha256", "1" * 64, "its SHA-256 is"),
        ("root", "0" * 64, "root is"),
        ("entry_count", 999, "entry_count is 999"),
        ("draw", 2, "two approvers"),
        ("reason", "because", "a first draw"),
        ("secrets", [], "at least one party"),
        ("beacon_round", 7, "beacon_round is 7"),
    ],
)
def test_a_changed_promise_is_named_however_well_the_rest_is_made_to_fit(tmp_path, member, value, said):
    folder = copy_of("none", tmp_path)
    promised = json.loads((folder / COMMITMENT).read_bytes()) | {member: value}
    _write(folder / COMMITMENT, promised)
    rehashed(folder)

    found = verify_bundle(folder, LISTED["none"]["commitment"])

    assert any(sentence.startswith(COMMITMENT) and said in sentence for sentence in found)


def test_somebody_elses_seat_is_named_line_by_line(tmp_path):
    folder = copy_of("none", tmp_path)
    rows = (folder / RESULTS).read_text().splitlines()
    place = next(number for number, row in enumerate(rows) if ",NOT_DRAWN," in row)
    rows[place] = rows[place].replace("NOT_DRAWN", "SELECTED").replace("AFTER_THE_LAST_PLACE", "REGION_SEAT")
    (folder / RESULTS).write_text("\n".join(rows) + "\n")
    rehashed(folder)

    found = verify_bundle(folder, LISTED["none"]["commitment"])

    assert f"results.csv line {place + 1}: outcome is SELECTED, but must be NOT_DRAWN" in found


def test_many_differences_are_counted_not_listed(tmp_path):
    folder = copy_of("none", tmp_path)
    told = json.loads((folder / DRAW).read_bytes()) | {"seed": "0" * 64}
    _write(folder / DRAW, told)

    found = verify_bundle(folder, LISTED["none"]["commitment"])

    assert any(sentence.endswith("further differences") for sentence in found)
    assert len(found) < 20


def test_a_missing_file_is_named(tmp_path):
    (copy_of("none", tmp_path) / RESULTS).unlink()

    assert verify_bundle(tmp_path) == ["results.csv: is missing"]


# --- the beacon


def test_a_real_round_of_the_beacon_is_told_from_others():
    assert is_signed(QUICKNET, 1000, SIGNATURE)
    assert not is_signed(QUICKNET, 1001, SIGNATURE)
    assert not is_signed(QUICKNET, 1000, SIGNATURE[:-1] + b"\x00")
    assert not is_signed(QUICKNET, 1000, b"\xc0" + bytes(47))  # the point at infinity, which fits any message
    assert not is_signed(QUICKNET, 1000, b"")
    randomness = "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd"  # as the chain tells it
    assert randomness_of(SIGNATURE).hex() == randomness


def test_a_round_that_came_before_the_wave_closed_is_refused(tmp_path):
    folder = copy_of("beacon", tmp_path)
    closes_at = "2023-08-23T23:00:00+07:00"  # half a minute after round 1000
    _write(folder / RULES, json.loads((folder / RULES).read_bytes()) | {"closes_at": closes_at})
    rehashed(folder)

    assert "commitment.json: beacon_round 1000 came before the wave closed" in verify_bundle(folder)


def test_another_rounds_signature_is_refused(tmp_path):
    folder = copy_of("beacon", tmp_path)
    told = json.loads((folder / DRAW).read_bytes()) | {"beacon_signature": "ab" * 48}
    _write(folder / DRAW, told)
    rehashed(folder)

    found = verify_bundle(folder, LISTED["beacon"]["commitment"])

    assert "draw.json: beacon_signature is not that of round 1000 of drand-quicknet" in found
