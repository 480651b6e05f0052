"""Checks a draw bundle with nothing but Python: does the result follow from what was promised?

    python verifier.py BUNDLE_FOLDER [--commitment SHA256]

One file, standard library only, written from docs/draw-spec.md and not from the code that holds the draw: copy it
anywhere. It answers 0 and "accepted", or 1 and one sentence for each thing that differs. Give it the commitment's
SHA-256 as it was published before the draw; without it, a bundle forged as a whole cannot be told apart.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SPEC, SPEC_WITH_RESTORED = "gelombang-draw-1", "gelombang-draw-2"
HASHED = ("commitment.json", "draw.json", "entries.jsonl", "results.jsonl", "rules.json")
NAMED_AT_MOST = 10  # differing lines named one by one; the rest are counted

Object = dict[str, Any]  # Any: JSON, whose kinds `_SHAPES` has checked
Files = dict[str, bytes]


class NotABundleError(Exception):
    """The files cannot be compared at all; the argument is a list of sentences saying why."""


def verify_bundle(folder: str | Path, commitment_sha256: str | None = None) -> list[str]:
    """Return what differs in the bundle under `folder`, one sentence each; an empty list accepts it.

    `commitment_sha256` is the hash published before the draw (hex).
    """
    try:
        files = _read(Path(folder))
        rules, promised, told = (_one(files, name) for name in ("rules.json", "commitment.json", "draw.json"))
        entries, results = _lines(files, "entries.jsonl"), _lines(files, "results.jsonl")
    except NotABundleError as error:
        return list(error.args[0])
    found = [*_manifest_faults(files, rules), *_published_faults(files, commitment_sha256)]
    found += _spec_faults(entries, {"rules.json": rules, "commitment.json": promised, "draw.json": told})
    found += _entry_faults(entries)
    found += _commitment_faults(files, rules, promised, entries)
    found += _seed_faults(files, rules, promised, told, _spec_of(entries))
    found += _result_faults(rules, entries, results, bytes.fromhex(told["seed"]))
    return found


def main() -> int:
    """Verify the bundle named on the command line; return the exit status."""
    parser = argparse.ArgumentParser(description="Check a Gelombang draw bundle.")
    parser.add_argument("folder", type=Path, help="folder with the six files of the bundle")
    parser.add_argument(
        "--commitment", metavar="SHA256", help="hash of commitment.json, published before the draw"
    )
    asked = parser.parse_args()
    found = verify_bundle(asked.folder, asked.commitment)
    sys.stdout.writelines(f"DIFFERS  {sentence}\n" for sentence in found)
    if found:
        return 1
    how = "and is the one promised" if asked.commitment else "(no --commitment given: consistent in itself)"
    sys.stdout.write(f"accepted: the draw follows from its files {how}\n")
    return 0


# --- reading -------------------------------------------------------------------------------------------------


def _read(folder: Path) -> Files:
    missing = [f"{name}: is missing" for name in (*HASHED, "manifest.json") if not (folder / name).is_file()]
    if missing:
        raise NotABundleError(missing)
    return {name: (folder / name).read_bytes() for name in (*HASHED, "manifest.json")}


def _one(files: Files, name: str) -> Object:
    return _parse(files[name], name, name)


def _lines(files: Files, name: str) -> list[Object]:
    content = files[name]
    if content and not content.endswith(b"\n"):
        raise NotABundleError([f"{name}: the last line has no line feed"])
    lines = content.split(b"\n")[:-1]
    return [_parse(line, name, f"{name} line {number}") for number, line in enumerate(lines, start=1)]


def _parse(content: bytes, name: str, where: str) -> Object:
    try:
        value = json.loads(content.decode("utf-8"))
        is_canonical = _canonical(value) == content
    except (ValueError, RecursionError):
        raise NotABundleError([f"{where}: is not JSON in UTF-8"]) from None
    faults = [f"{where}: {fault}" for fault in _shape_faults(value, name)]
    if not is_canonical:
        faults.append(f"{where}: is not canonical JSON (RFC 8785)")
    if faults:
        raise NotABundleError(faults)
    return dict(value)


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


# --- shapes --------------------------------------------------------------------------------------------------


def _text(pattern: str) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) is not None


def _number(lowest: int, highest: int = 2**53 - 1) -> Callable[[object], bool]:
    return lambda value: type(value) is int and lowest <= value <= highest


def _map(key: str, is_right: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: (
        isinstance(value, dict) and all(re.fullmatch(key, k) and is_right(v) for k, v in value.items())
    )


_anything, _region, _count = _text(r".*"), "[0-9]{4}", _number(0)
_hash, _hex, _id = _text("[0-9a-f]{64}"), _text("([0-9a-f]{2})*"), _text("[0-9a-f]{32}")
_flag: Callable[[object], bool] = lambda value: isinstance(value, bool)  # noqa: E731 - a row of the table below
_true: Callable[[object], bool] = lambda value: value is True  # noqa: E731 - likewise
_wave = {"spec": _text(f"{re.escape(SPEC)}|{re.escape(SPEC_WITH_RESTORED)}"), "wave_id": _anything}
_SHAPES: dict[str, dict[str, Callable[[object], bool]]] = {
    "rules.json": _wave | dict.fromkeys(("name", "opens_at", "closes_at", "rule_set", "beacon_source"), _anything)
    | {"quota": _map(_region, _count), "priority_seats": _count, "reserve_percent": _number(0, 100)}
    | {"max_recipients_per_household": _number(1)},
    "entries.jsonl": {"entry_id": _id, "region": _text(_region), "household": _anything}
    | {"household_recipients_before": _count, "priority": _flag},
    "commitment.json": _wave | {"root": _hash, "entry_count": _count, "beacon_source": _anything}
    | dict.fromkeys(("rules_sha256", "entries_sha256", "secret_sha256"), _hash)
    | {"counts": _map(_region, _map("general|priority|restored", _count))},
    "draw.json": _wave | {"beacon": _hex} | dict.fromkeys(("commitment_sha256", "secret", "seed"), _hash),
    "results.jsonl": {"entry_id": _id, "region": _text(_region), "ticket": _hash}
    | {"rank": _number(1), "reserve": _count, "outcome": _anything, "rule": _anything},
}  # fmt: skip
_OPTIONAL: dict[str, dict[str, Callable[[object], bool]]] = {"entries.jsonl": {"restored": _true}}


def _shape_faults(value: object, name: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield "is not a JSON object"
        return
    yield from (f"has no {member}" for member in _SHAPES[name] if member not in value)
    shape = _SHAPES[name] | _OPTIONAL.get(name, {})
    yield from (f"has {member!r}, which does not belong there" for member in value if member not in shape)
    for member, is_right in shape.items():
        if member in value and not is_right(value[member]):
            yield f"{member} is not of the right kind"


# --- what must agree -----------------------------------------------------------------------------------------


def _differs(where: str, what: str, given: object, right: object) -> Iterator[str]:
    if given != right:
        yield f"{where}: {what} is {given}, but must be {right}"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _manifest_faults(files: Files, rules: Object) -> Iterator[str]:
    right = {
        "files": {name: _sha256(files[name]) for name in HASHED},
        "spec": rules["spec"],
        "wave_id": rules["wave_id"],
    }
    if files["manifest.json"] == _canonical(right):
        return
    try:
        listed = json.loads(files["manifest.json"])["files"]
        differing = [name for name in HASHED if listed.get(name) != right["files"][name]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        differing = []
    yield from (f"{name}: is not the file that manifest.json lists under this name" for name in differing)
    if not differing:
        yield "manifest.json: is not the canonical list of the other five files"


def _published_faults(files: Files, expected: str | None) -> Iterator[str]:
    if expected is not None:
        given = _sha256(files["commitment.json"])
        yield from _differs("commitment.json", "its SHA-256", given, expected.strip().lower())


def _spec_of(entries: list[Object]) -> str:
    return SPEC_WITH_RESTORED if any("restored" in entry for entry in entries) else SPEC


def _spec_faults(entries: list[Object], named: dict[str, Object]) -> Iterator[str]:
    for name, told in named.items():
        yield from _differs(name, "spec", told["spec"], _spec_of(entries))


def _entry_faults(entries: list[Object]) -> Iterator[str]:
    before: dict[str, int] = {}
    last = ""
    for number, entry in enumerate(entries, start=1):
        if entry["entry_id"] <= last:
            yield f"entries.jsonl line {number}: entry {entry['entry_id']} is there twice or out of order"
        last = entry["entry_id"]
        had = entry["household_recipients_before"]
        if before.setdefault(entry["household"], had) != had:
            yield f"entries.jsonl line {number}: its household had another number of recipients further up"


def _commitment_faults(files: Files, rules: Object, promised: Object, entries: list[Object]) -> Iterator[str]:
    none = {"general": 0, "priority": 0} | ({} if _spec_of(entries) == SPEC else {"restored": 0})
    counts = {region: {**none} for region in rules["quota"]}
    for entry in entries:
        region = counts.setdefault(entry["region"], {**none})
        region["restored" if "restored" in entry else "priority" if entry["priority"] else "general"] += 1
    right = {
        "wave_id": rules["wave_id"],
        "beacon_source": rules["beacon_source"],
        "rules_sha256": _sha256(files["rules.json"]),
        "entries_sha256": _sha256(files["entries.jsonl"]),
        "entry_count": len(entries),
        "root": _tree_hash(files["entries.jsonl"].split(b"\n")[:-1]).hex(),
    }
    for what, value in right.items():
        yield from _differs("commitment.json", what, promised[what], value)
    for name in sorted({*counts, *promised["counts"]}):
        yield from _differs(
            "commitment.json", f"counts of region {name}", promised["counts"].get(name), counts.get(name)
        )


def _tree_hash(leaves: list[bytes]) -> bytes:
    """Keep one hash for each full subtree on the left edge, as a binary counter keeps its digits."""
    stack: list[bytes] = []
    for number, leaf in enumerate(leaves, start=1):
        stack.append(_leaf_hash(leaf))
        while number % 2 == 0:
            stack[-2:] = [hashlib.sha256(b"\x01" + stack[-2] + stack[-1]).digest()]
            number //= 2  # noqa: PLW2901 - counts the trailing zeros of this leaf's number
    while len(stack) > 1:
        stack[-2:] = [hashlib.sha256(b"\x01" + stack[-2] + stack[-1]).digest()]
    return stack[0] if stack else hashlib.sha256(b"").digest()


def _leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def _seed_faults(files: Files, rules: Object, promised: Object, told: Object, spec: str) -> Iterator[str]:
    secret, beacon = bytes.fromhex(told["secret"]), bytes.fromhex(told["beacon"])
    yield from _differs("draw.json", "wave_id", told["wave_id"], rules["wave_id"])
    right = _sha256(files["commitment.json"])
    yield from _differs("draw.json", "commitment_sha256", told["commitment_sha256"], right)
    yield from _differs("draw.json", "the SHA-256 of its secret", _sha256(secret), promised["secret_sha256"])
    if bool(rules["beacon_source"]) != bool(beacon):
        yield f"draw.json: beacon is {told['beacon']!r}, but the rules promise {rules['beacon_source']!r}"
    root = _tree_hash(files["entries.jsonl"].split(b"\n")[:-1])
    seed = hashlib.sha256(spec.encode() + b"\x00" + root + secret + beacon).hexdigest()
    yield from _differs("draw.json", "seed", told["seed"], seed)


# --- the draw again ------------------------------------------------------------------------------------------


def _result_faults(rules: Object, entries: list[Object], results: list[Object], seed: bytes) -> Iterator[str]:
    right = _draw(rules, entries, seed)
    given = {result["entry_id"]: result for result in results}
    wanted = {result["entry_id"]: result for result in right}
    faults = [f"results.jsonl: entry {name} has no result" for name in wanted if name not in given]
    faults += [f"results.jsonl: entry {name} is not in entries.jsonl" for name in given if name not in wanted]
    for name in (name for name in wanted if name in given):
        for what, value in wanted[name].items():
            faults += _differs(f"results.jsonl: entry {name}", what, given[name][what], value)
    faults += _quota_faults(rules, results)
    if not faults and results != right:
        faults.append("results.jsonl: a result is there twice or out of the order of the tickets")
    yield from faults[:NAMED_AT_MOST]
    if len(faults) > NAMED_AT_MOST:
        yield f"results.jsonl: {len(faults) - NAMED_AT_MOST} further differences"


def _quota_faults(rules: Object, results: list[Object]) -> Iterator[str]:
    selected = [result for result in results if result["outcome"] == "SELECTED"]
    for region in sorted({result["region"] for result in selected}):
        count, seats = sum(result["region"] == region for result in selected), rules["quota"].get(region, 0)
        if count > seats:
            yield f"results.jsonl: region {region} gives {count} seats, but its quota is {seats}"
    count = sum(result["rule"] == "PRIORITY_SEAT" for result in selected)
    if count > rules["priority_seats"]:
        yield f"results.jsonl: {count} priority seats are given, but there are {rules['priority_seats']}"


def _draw(rules: Object, entries: list[Object], seed: bytes) -> list[Object]:
    """Return what results.jsonl must hold; the names are those of the specification's passes."""
    tickets = [hmac.digest(seed, _leaf_hash(_canonical(entry)), "sha256") for entry in entries]
    order = [
        entries[i] | {"ticket": tickets[i].hex()}
        for i in sorted(range(len(entries)), key=tickets.__getitem__)
    ]
    left, reserves, ranks = dict(rules["quota"]), dict.fromkeys(rules["quota"], 0), dict[str, int]()
    had = {entry["household"]: entry["household_recipients_before"] for entry in entries}
    limit, priority_left, results = rules["max_recipients_per_household"], rules["priority_seats"], []
    seated_first: dict[str, str] = {}
    for rule in ("RESTORED_SEAT", "PRIORITY_SEAT"):
        for entry in order:
            region, household = entry["region"], entry["household"]
            may = "restored" in entry if rule == "RESTORED_SEAT" else entry["priority"] and priority_left
            if may and left.get(region) and had[household] < limit and entry["entry_id"] not in seated_first:
                left[region], had[household] = left[region] - 1, had[household] + 1
                priority_left -= rule == "PRIORITY_SEAT"
                seated_first[entry["entry_id"]] = rule
    for entry in order:
        region, household = entry["region"], entry["household"]
        quota, reserve = rules["quota"].get(region, 0), 0
        ranks[region] = ranks.get(region, 0) + 1
        if entry["entry_id"] in seated_first:
            outcome, rule = "SELECTED", seated_first[entry["entry_id"]]
        elif quota == 0:
            outcome, rule = "REGION_FULL", "REGION_WITHOUT_SEATS"
        elif had[household] >= limit:
            outcome, rule = "HOUSEHOLD_FULL", "HOUSEHOLD_LIMIT"
        elif left[region]:
            left[region], had[household] = left[region] - 1, had[household] + 1
            outcome, rule = "SELECTED", "REGION_SEAT"
        elif 100 * reserves[region] < quota * rules["reserve_percent"]:
            reserves[region] = reserve = reserves[region] + 1
            outcome, rule = "RESERVE", "RESERVE_PLACE"
        else:
            outcome, rule = "NOT_DRAWN", "AFTER_THE_LAST_PLACE"
        places = {"rank": ranks[region], "outcome": outcome, "reserve": reserve, "rule": rule}
        results.append({"entry_id": entry["entry_id"], "region": region, "ticket": entry["ticket"], **places})
    return results


if __name__ == "__main__":
    sys.exit(main())
