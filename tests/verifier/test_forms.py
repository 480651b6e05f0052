"""Bundles that were wrong from the start: every other file fits, so the one check that sees the fault must name it."""

from __future__ import annotations

import json

import pytest

from tests.domain.draw_reference import (
    HOUSEHOLD,
    RESULT,
    canonical,
    commitment_of,
    csv,
    hold,
    manifest,
    seed_of,
    sha256,
)
from tests.verifier.mutations import OF_FILES, OF_RULES, Mutation, Parts, vector
from tests.verifier.test_js_verifier import pytestmark, verify_many

__all__ = ["pytestmark"]


def text(old, new, count=1):
    """An edit of a file's bytes."""

    def edit(content):
        assert old in content, (old, content)
        return content.replace(old, new, count)

    return edit


def member(name, value):
    """An edit of one member of an object; `value` may be a function of what stood there."""

    def edit(content):
        whole = json.loads(content)
        whole[name] = value(whole[name]) if callable(value) else value
        return canonical(whole)

    return edit


def without(name):
    return lambda content: canonical(
        {each: value for each, value in json.loads(content).items() if each != name}
    )


def rows(change):
    """An edit of a table's rows, as a list of lines."""

    def edit(content):
        header, *lines = content.splitlines(keepends=True)
        return b"".join([header, *change(lines)])

    return edit


def last_hex(value):
    return value[:-1] + ("0" if value[-1] != "0" else "1")


SWAPPED, TWICE = rows(lambda lines: [lines[1], lines[0], *lines[2:]]), rows(lambda lines: [lines[0], *lines])
FORMS_OF_JSON = {
    "a line feed": lambda content: content + b"\n",
    "a space": text(b'":', b'": '),
    "a byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "a member twice": text(b"{", b'{"spec":"gelombang-draw-3",'),
    "no object at all": lambda _: b"",
    "other bytes than UTF-8": text(b"contoh", b"conto\xff"),
    "half a character": text(b"contoh", b"\\ud83d"),
    "an escape": text(b"contoh", b"\\u0063ontoh"),
    "a fraction of none": lambda content: content[:-1] + b',"x":1.0}',
}
FORMS_OF_CSV = {
    "header": (lambda content: content.capitalize(), 1),
    "row": (text(b"\n", b"\r\n", 3), 2),
    "order": (SWAPPED, 3),
    "twice": (TWICE, 3),
}
TABLES = ("entries.csv", "households.csv", "results.csv")
OBJECTS = ("rules.json", "commitment.json", "draw.json", "manifest.json")
# vector, file, code, member, edit
CASES = [
    *(("none", file, "json", "", edit) for file in OBJECTS for edit in FORMS_OF_JSON.values()),
    *(("none", file, "missing", "spec", without("spec")) for file in OBJECTS),
    *(("none", file, "kind", "spec", member("spec", "gelombang-draw-2")) for file in OBJECTS),
    *(("none", file, "kind", "wave_id", member("wave_id", "")) for file in OBJECTS),
    *(("none", file, "differs", "wave_id", member("wave_id", "contoh-2")) for file in OBJECTS[1:]),
    *(
        ("none", "rules.json", "kind", name, member(name, value))
        for name, value in (
            *(("reserve_percent", 101), ("max_recipients_per_household", 0), ("priority_seats", -1)),
            *(("unused_seats", "burn"), ("beacon_source", "drand-other"), ("quota", []), ("name", None)),
            *(("priority_seats", 2**53), ("opens_at", 1), ("rule_set", True)),
        )
    ),
    ("none", "rules.json", "unknown", "quota.31", member("quota", {"31": 1})),
    ("none", "rules.json", "kind", "quota.3171", member("quota", {"3171": "4"})),
    ("none", "rules.json", "unknown", "more", lambda content: canonical(json.loads(content) | {"more": 1})),
    *(("none", "commitment.json", "differs", f"{part}_sha256", member(f"{part}_sha256", last_hex))
      for part in ("rules", "entries", "households")),
    ("none", "commitment.json", "differs", "root", member("root", last_hex)),
    ("none", "commitment.json", "differs", "entry_count", member("entry_count", 19)),
    ("none", "commitment.json", "missing", "counts.9171",
     member("counts", lambda counts: {code: each for code, each in counts.items() if code != "9171"})),
    ("none", "commitment.json", "unknown", "counts.0000",
     member("counts", lambda counts: counts | {"0000": {"general": 0, "priority": 0, "restored": 0}})),
    ("priority", "commitment.json", "differs", "counts.3171.priority",
     member("counts", lambda counts: counts | {"3171": {"general": 9, "priority": 0, "restored": 0}})),
    ("beacon", "commitment.json", "differs", "beacon_source", member("beacon_source", "")),
    ("beacon", "commitment.json", "kind", "beacon_round", member("beacon_round", 0)),
    ("none", "commitment.json", "kind", "beacon_round", member("beacon_round", 1)),
    ("none", "commitment.json", "kind", "secrets", member("secrets", [])),
    ("beacon", "commitment.json", "kind", "secrets[1].party", member("secrets", lambda secrets: secrets[::-1])),
    ("beacon", "commitment.json", "kind", "secrets[1].party", member("secrets", lambda secrets: secrets[:1] * 2)),
    ("none", "commitment.json", "kind", "draw", member("draw", 0)),
    ("none", "commitment.json", "differs", "reason", member("reason", "Begitu saja.")),
    ("none", "commitment.json", "differs", "replaces", member("replaces", "0" * 64)),
    ("none", "commitment.json", "differs", "approvers", member("approvers", ["ayu", "budi"])),
    ("redraw", "commitment.json", "kind", "reason", member("reason", "")),
    ("redraw", "commitment.json", "kind", "replaces", member("replaces", "")),
    *(("redraw", "commitment.json", "kind", "approvers", member("approvers", names))
      for names in ([], ["ayu"], ["ayu", "ayu"], ["budi", "ayu"], ["ayu", "budi", "citra"], ["\U0001f600", "\uffff"])),
    ("none", "draw.json", "differs", "commitment_sha256", member("commitment_sha256", last_hex)),
    ("none", "draw.json", "differs", "seed", member("seed", last_hex)),
    ("none", "draw.json", "differs", "secrets[0].party", member("secrets", lambda told: [told[0] | {"party": "x"}])),
    ("beacon", "draw.json", "differs", "secrets[2].party", member("secrets", lambda told: told[:2])),
    ("none", "draw.json", "promised", "secrets[0].secret",
     member("secrets", lambda told: [told[0] | {"secret": "0" * 64}])),
    ("none", "draw.json", "differs", "beacon_signature", member("beacon_signature", "00")),
    ("beacon", "draw.json", "kind", "beacon_signature", member("beacon_signature", "")),
    ("beacon", "draw.json", "kind", "beacon_signature", member("beacon_signature", lambda hexed: hexed[:-2])),
    ("none", "manifest.json", "differs", "results_root", member("results_root", last_hex)),
    *(("none", "manifest.json", "differs", f"files.{name}",
       member("files", lambda files, name=name: files | {name: last_hex(files[name])}))
      for name in (*TABLES, *OBJECTS[:3])),
    ("none", "manifest.json", "missing", "files.rules.json",
     member("files", lambda files: {name: each for name, each in files.items() if name != "rules.json"})),
]  # fmt: skip
# file, code, line, edit of the vector `households`
ROWS = [
    *((file, code, line, edit) for file in TABLES for code, (edit, line) in FORMS_OF_CSV.items()),
    *((file, "end", None, lambda content: content[:-1]) for file in TABLES),
    *((file, "header", 1, lambda _: b"") for file in TABLES),
    *((file, "row", 2, rows(lambda lines: [lines[0].upper(), *lines[1:]])) for file in TABLES),
    *((file, "row", 2, rows(lambda lines: [lines[0][:-1] + b",\n", *lines[1:]])) for file in TABLES),
    *((file, "row", 2, rows(lambda lines: [b"\n", *lines])) for file in TABLES),
    ("entries.csv", "row", 2, rows(lambda lines: [lines[0].replace(b",0,0", b",0,2"), *lines[1:]])),
    ("households.csv", "row", 2, rows(lambda lines: [lines[0].replace(b",1\n", b",01\n"), *lines[1:]])),
    ("households.csv", "row", 2, rows(lambda lines: [lines[0].replace(b",1\n", b",%d\n" % 2**53), *lines[1:]])),
    ("households.csv", "differs", 3, rows(lambda lines: [lines[0], lines[1].replace(b",1\n", b",2\n"), *lines[2:]])),
    ("results.csv", "no-entry", 2, rows(lambda lines: [b"0" * 32 + lines[0][32:], *lines])),
    ("results.csv", "no-result", 2, rows(lambda lines: lines[1:])),
    ("results.csv", "no-result", 0, rows(lambda lines: lines[:-1])),
]  # fmt: skip


@pytest.fixture(scope="module")
def judged():
    """Every case, and what was said of it."""
    cases = [(of, file, edit) for of, file, _, _, edit in CASES]
    cases += [("households", file, edit) for file, _, _, edit in ROWS]
    made = [fitted(Parts(vector(of)), file, edit) for of, file, edit in cases]
    return list(zip(made, verify_many(made), strict=True))


def test_a_file_that_was_wrong_from_the_start_is_named_with_its_member(judged):
    missed = [
        (case[:4], [each["sentence"]["en"] for each in report["differences"]])
        for case, (_, report) in zip(CASES, judged, strict=False)
        if (case[1], case[2], case[3])
        not in {(each["file"], each["code"], each["member"]) for each in report["differences"]}
    ]

    assert missed == []
    assert not any(report["accepted"] for _, report in judged)


def test_a_row_that_was_wrong_from_the_start_is_named_with_its_line(judged):
    for (file, code, line, _), (made, report) in zip(ROWS, judged[len(CASES) :], strict=True):
        end = made.files[file].count(b"\n") + 1
        said = {(each["file"], each["code"], each["line"]) for each in report["differences"]}

        assert (file, code, end if line is None else line) in said, report["differences"]
        others = {each["file"] for each in report["differences"]} - {file}
        assert others <= (
            {"manifest.json"} if file == "results.csv" else set()
        )  # its root is over these rows


def fitted(parts, file, edit):
    """Hold the draw with one file edited, all later ones made to fit it."""
    files = {}

    def put(name, content):
        files[name] = edit(content) if name == file else content
        return files[name]

    put("rules.json", canonical(parts.rules))
    put("entries.csv", parts.files["entries.csv"])
    put("households.csv", csv(HOUSEHOLD, parts.households))
    promised = {name: each for name, each in parts.commitment.items() if name not in OF_RULES | OF_FILES}
    promised = commitment_of(parts.rules, parts.entries, parts.households, promised)
    for name in ("rules.json", "entries.csv", "households.csv"):
        promised[name.partition(".")[0] + "_sha256"] = sha256(files[name]).hex()
    commitment = put("commitment.json", canonical(promised))
    signature = parts.draw["beacon_signature"]
    randomness = sha256(bytes.fromhex(signature)) if signature else b""
    secrets = [bytes.fromhex(each["secret"]) for each in parts.draw["secrets"]]
    seed = seed_of(commitment, secrets, randomness)
    put(
        "draw.json",
        canonical(parts.draw | {"commitment_sha256": sha256(commitment).hex(), "seed": seed.hex()}),
    )
    results = hold(parts.rules, parts.entries, parts.households, seed)
    put("results.csv", csv(RESULT, results))
    wave = {name: parts.rules[name] for name in ("spec", "wave_id")}
    put("manifest.json", manifest(wave, files, results))
    return Mutation("from the start", files, sha256(commitment).hex(), file)
