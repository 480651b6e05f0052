"""Checks a draw bundle of any size: does the result follow from what was promised, byte for byte?

Everything that follows from other files is made anew, in columns and on all processes, and compared; what differs is
named. verifier/verify-draw.js does the same from docs/draw-spec.md alone, in another language.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gelombang.domain.beacon import BEACONS, randomness_of, time_of
from gelombang.domain.draw import SPEC, canonical, seed_of
from gelombang.domain.draw_bundle import (
    BUNDLE,
    COMMITMENT,
    DRAW,
    ENTRIES,
    HOUSEHOLDS,
    MANIFEST,
    RESULTS,
    RULES,
    rules_file,
    sha256,
)
from gelombang.domain.draw_signature import SIGNATURES, keys_from, signature_faults
from gelombang.domain.errors import InvalidFormError
from gelombang.domain.wave import definition_from_json
from gelombang.drawing.beacons import is_signed
from gelombang.drawing.columns import (
    NAMED_AT_MOST,
    BundleError,
    Households,
    entries_from,
    household_numbers,
    households_from,
)
from gelombang.drawing.hashing import DIGEST_BYTES, root_of
from gelombang.drawing.holding import FrozenWave, freeze, hold
from gelombang.drawing.results import HEADER, result_parts

Object = dict[str, Any]  # Any: JSON, whose kinds `_SHAPES` has checked
HASH_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class _Bundle:
    folder: Path
    rules: Object
    promised: Object
    told: Object
    listed: Object  # the manifest
    wave: FrozenWave


def verify_bundle(folder: str | Path, commitment_sha256: str | None = None, processes: int = 1) -> list[str]:
    """Return what differs in the bundle under `folder`, one sentence each; an empty list accepts it.

    `commitment_sha256` is the hash published before the draw (hex).
    """
    try:
        bundle = _read(Path(folder), processes)
    except BundleError as error:
        return [*error.args[0], *_unlisted(Path(folder))]
    given = sha256((Path(folder) / COMMITMENT).read_bytes())
    found = [] if commitment_sha256 is None else list(
        _differs(COMMITMENT, "its SHA-256", given, commitment_sha256.strip().lower())
    )  # fmt: skip
    found += _household_faults(bundle.wave.households, bundle.wave.definition.max_recipients_per_household)
    found += _commitment_faults(bundle)
    found += _seed_faults(bundle, given)
    faults, results_root = _result_faults(bundle, processes)
    return [*found, *faults, *_manifest_faults(bundle, results_root)]


def verify_signatures(folder: str | Path, keys: bytes) -> list[str]:
    """Return what is wrong with the programme's signatures beside a bundle, one sentence each.

    `keys` is the published list of keys, got from elsewhere than the bundle.

    Raises:
        ValueError: `keys` is no such list.
    """
    known, folder = keys_from(keys), Path(folder)
    names = (*SIGNATURES, *SIGNATURES.values())
    files = {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}
    if missing := [f"{name}: is missing" for name in SIGNATURES if name not in files]:
        return missing
    try:
        wave_id = str(json.loads(files[COMMITMENT])["wave_id"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return [f"{COMMITMENT}: names no wave"]
    return signature_faults(files, wave_id, known)


# --- reading -------------------------------------------------------------------------------------------------


def _read(folder: Path, processes: int) -> _Bundle:
    missing = [f"{name}: is missing" for name in BUNDLE if not (folder / name).is_file()]
    if missing:
        raise BundleError(missing)
    rules, promised, told, listed = (
        _object(folder / name, name) for name in (RULES, COMMITMENT, DRAW, MANIFEST)
    )
    try:
        definition = definition_from_json({name: rules[name] for name in rules if name != "spec"})
    except InvalidFormError as error:
        raise BundleError([f"{RULES}: {fault.pointer} {fault.reason}" for fault in error.faults]) from None
    if rules_file(definition) != (folder / RULES).read_bytes():
        raise BundleError([f"{RULES}: says in another form what it says"])
    entries = entries_from((folder / ENTRIES).read_bytes())
    households = households_from((folder / HOUSEHOLDS).read_bytes(), entries)
    hashes = {name: _sha256_of(folder / name) for name in (RULES, ENTRIES, HOUSEHOLDS)}
    wave = freeze(definition, entries, households, hashes, processes)
    return _Bundle(folder, rules, promised, told, listed, wave)


def _object(path: Path, name: str) -> Object:
    content = path.read_bytes()
    try:
        value = json.loads(content)
        is_canonical = canonical(value) == content
    except (ValueError, RecursionError):
        raise BundleError([f"{name}: is not JSON in UTF-8"]) from None
    faults = [f"{name}: {fault}" for fault in _shape_faults(value, _SHAPES[name])]
    if not is_canonical:
        faults.append(f"{name}: is not canonical JSON (RFC 8785)")
    if faults:
        raise BundleError(faults)
    return dict(value)


# --- shapes --------------------------------------------------------------------------------------------------

Check = Callable[[object], bool]


def _text(pattern: str) -> Check:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) is not None


def _number(lowest: int, highest: int = 2**53 - 1) -> Check:
    return lambda value: type(value) is int and lowest <= value <= highest


def _map(key: str, is_right: Check) -> Check:
    return lambda value: (
        isinstance(value, dict) and all(re.fullmatch(key, k) and is_right(v) for k, v in value.items())
    )


def _list(is_right: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(is_right, value))


def _members(shape: dict[str, Check]) -> Check:
    return lambda value: not list(_shape_faults(value, shape))


_anything, _region, _count = _text(r".*"), "[0-9]{4}", _number(0)
_hash, _hash_or_none, _hex = _text("[0-9a-f]{64}"), _text("([0-9a-f]{64})?"), _text("([0-9a-f]{2})*")
_wave = {"spec": _text(re.escape(SPEC)), "wave_id": _anything}
_OTHERS = tuple(name for name in BUNDLE if name != MANIFEST)
_KINDS = ("general", "priority", "restored")
_SHAPES: dict[str, dict[str, Check]] = {
    RULES: _wave | dict.fromkeys(("name", "opens_at", "closes_at", "rule_set", "beacon_source"), _anything)
    | {"quota": _map(_region, _count), "priority_seats": _count, "reserve_percent": _number(0, 100)}
    | {"max_recipients_per_household": _number(1), "unused_seats": _text("stay|pass_on")},
    COMMITMENT: _wave | {"draw": _number(1), "replaces": _hash_or_none, "reason": _anything}
    | {"approvers": _list(_anything), "root": _hash, "entry_count": _count, "priority_list_sha256": _hash_or_none}
    | {"counts": _map(_region, _members(dict.fromkeys(_KINDS, _count)))}
    | {f"{name}_sha256": _hash for name in ("rules", "entries", "households", "eligibility", "code")}
    | {"secrets": _list(_members({"party": _anything, "sha256": _hash}))}
    | {"beacon_source": _anything, "beacon_round": _count},
    DRAW: _wave | {"commitment_sha256": _hash, "beacon_signature": _hex, "seed": _hash}
    | {"secrets": _list(_members({"party": _anything, "secret": _hash}))},
    MANIFEST: _wave | {"files": _members(dict.fromkeys(_OTHERS, _hash)), "results_root": _hash},
}  # fmt: skip


def _shape_faults(value: object, shape: dict[str, Check]) -> Iterator[str]:
    if not isinstance(value, dict):
        yield "is not a JSON object"
        return
    yield from (f"has no {member}" for member in shape if member not in value)
    yield from (f"has {member!r}, which does not belong there" for member in value if member not in shape)
    for member, is_right in shape.items():
        if member in value and not is_right(value[member]):
            yield f"{member} is not of the right kind"


# --- what must agree -----------------------------------------------------------------------------------------


def _differs(where: str, what: str, given: object, right: object) -> Iterator[str]:
    if given != right:
        yield f"{where}: {what} is {given}, but must be {right}"


def _household_faults(households: Households, most: int) -> Iterator[str]:
    if not len(households.rows):
        return
    number, first = household_numbers(households)
    before = households.before[first][number]
    line = "households.csv line {}: {}".format
    for row in np.flatnonzero(households.before != before)[:NAMED_AT_MOST].tolist():
        yield line(row + 2, "its household had another number of recipients further up")
    for row in np.flatnonzero(np.bincount(number)[number] + before <= most)[:NAMED_AT_MOST].tolist():
        yield line(row + 2, "the limit can touch nobody of this household")


def _commitment_faults(bundle: _Bundle) -> Iterator[str]:
    promised, frozen, rules = bundle.promised, bundle.wave.frozen, bundle.rules
    names = ("root", "entry_count", "rules_sha256", "entries_sha256", "households_sha256")
    right: Object = {name: getattr(frozen, name) for name in names}
    right |= {"wave_id": rules["wave_id"], "beacon_source": rules["beacon_source"]}
    for name, value in right.items():
        yield from _differs(COMMITMENT, name, promised[name], value)
    for region in sorted({*frozen.counts, *promised["counts"]}):
        given, wanted = promised["counts"].get(region), frozen.counts.get(region)
        yield from _differs(COMMITMENT, f"counts of region {region}", given, wanted)
    parties = [each["party"] for each in promised["secrets"]]
    if not parties or parties != sorted(set(parties)):
        yield f"{COMMITMENT}: secrets must name at least one party, each once and in order"
    if bool(rules["beacon_source"]) != bool(promised["beacon_round"]):
        yield f"{COMMITMENT}: beacon_round is {promised['beacon_round']}, but the rules name {rules['beacon_source']!r}"
    beacon = rules["beacon_source"]
    if beacon in BEACONS and time_of(beacon, promised["beacon_round"]) < bundle.wave.definition.closes_at:
        yield f"{COMMITMENT}: beacon_round {promised['beacon_round']} came before the wave closed"
    yield from _number_faults(promised)


def _number_faults(promised: Object) -> Iterator[str]:
    approvers = promised["approvers"]
    is_first = promised["draw"] == 1
    of_the_first = (promised["replaces"], promised["reason"], approvers) == ("", "", [])
    of_another = promised["replaces"] and promised["reason"] and approvers == sorted(set(approvers))
    if is_first and not of_the_first:
        yield f"{COMMITMENT}: a first draw replaces none, and needs no reason and no approvers"
    if not is_first and not (of_another and len(approvers) == 2):  # noqa: PLR2004 - two people
        yield f"{COMMITMENT}: a draw held anew names what it replaces, a reason and two approvers"


def _seed_faults(bundle: _Bundle, commitment_sha256: str) -> Iterator[str]:
    promised, told = bundle.promised, bundle.told
    yield from _differs(DRAW, "wave_id", told["wave_id"], bundle.rules["wave_id"])
    yield from _differs(DRAW, "commitment_sha256", told["commitment_sha256"], commitment_sha256)
    secrets = {each["party"]: bytes.fromhex(each["secret"]) for each in told["secrets"]}
    parties = [each["party"] for each in promised["secrets"]]
    yield from _differs(
        DRAW, "the parties of its secrets", [each["party"] for each in told["secrets"]], parties
    )
    for each in promised["secrets"]:
        if each["party"] in secrets:
            given = sha256(secrets[each["party"]])
            yield from _differs(DRAW, f"the SHA-256 of the secret of {each['party']}", given, each["sha256"])
    signature = bytes.fromhex(told["beacon_signature"])
    yield from _signature_faults(bundle.rules["beacon_source"], promised["beacon_round"], signature)
    ordered = [bytes.fromhex(each["secret"]) for each in told["secrets"]]
    seed = seed_of(bytes.fromhex(commitment_sha256), ordered, randomness_of(signature))
    yield from _differs(DRAW, "seed", told["seed"], seed.hex())


def _signature_faults(source: str, number: int, signature: bytes) -> Iterator[str]:
    if not source:
        if signature:
            yield f"{DRAW}: beacon_signature is there, but the rules name no beacon"
    elif source not in BEACONS:
        yield f"{RULES}: beacon_source is {source!r}, which nobody knows"
    elif not is_signed(source, number, signature):
        yield f"{DRAW}: beacon_signature is not that of round {number} of {source}"


# --- the draw again ------------------------------------------------------------------------------------------


def _result_faults(bundle: _Bundle, processes: int) -> tuple[list[str], str]:
    """Return what differs in results.csv, and the root that its leaves must have."""
    wave = bundle.wave
    results = hold(wave, bytes.fromhex(bundle.told["seed"]), processes)
    faults: list[str] = []
    roots, line, differing = [], 2, 0
    with (bundle.folder / RESULTS).open("rb") as file:
        if file.read(len(HEADER)) != HEADER:
            faults.append(f"{RESULTS}: the header line is another one")
            file.seek(0)
            file.readline()
        for part, hashes in result_parts(wave.entries, results, processes):
            roots.append(np.frombuffer(root_of(hashes), np.uint8))
            given = file.read(len(part))
            if given != part:
                file.seek(-len(given), 1)
                found = list(_line_faults(file, part, line))
                differing += len(found)
                faults += found[: max(0, NAMED_AT_MOST - len(faults))]
            line += len(hashes)
        more = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(HASH_CHUNK), b""))
    if differing > NAMED_AT_MOST:
        faults.append(f"{RESULTS}: {differing - NAMED_AT_MOST} further differences")
    if more:
        faults.append(f"{RESULTS}: {more} more lines than there are entries")
    faults += _trailing_faults(bundle.folder / RESULTS)
    return faults, root_of(np.array(roots, np.uint8).reshape(-1, DIGEST_BYTES)).hex()


def _line_faults(file: BinaryIO, part: bytes, first: int) -> Iterator[str]:
    wanted = part.splitlines(keepends=True)
    for number, right in enumerate(wanted, first):
        given = file.readline()
        if given == right:
            continue
        if not given:
            yield f"{RESULTS}: ends before line {number}; there are {len(wanted) + first - number} results more"
            return
        yield from _cell_faults(given, right, number)


def _cell_faults(given: bytes, right: bytes, number: int) -> Iterator[str]:
    names = HEADER.decode().strip().split(",")
    cells = [line.decode("ascii", "replace").rstrip("\n").split(",") for line in (given, right)]
    if len(cells[0]) != len(names) or not given.endswith(b"\n"):
        yield f"{RESULTS} line {number}: is no row of a result"
        return
    for name, cell, wanted in zip_longest(names, *cells):
        yield from _differs(f"{RESULTS} line {number}", name, cell, wanted)


def _trailing_faults(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        file.seek(0, 2)
        if file.tell():
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                yield f"{RESULTS}: the last line has no line feed"


def _manifest_faults(bundle: _Bundle, results_root: str) -> Iterator[str]:
    yield from _differs(MANIFEST, "wave_id", bundle.listed["wave_id"], bundle.rules["wave_id"])
    yield from _differs(MANIFEST, "results_root", bundle.listed["results_root"], results_root)
    yield from _unlisted(bundle.folder)


def _unlisted(folder: Path) -> Iterator[str]:
    """Name the files that the manifest does not list as they are; nothing where it cannot be read."""
    try:
        listed = json.loads((folder / MANIFEST).read_bytes())["files"]
        hashes = {name: listed[name] for name in _OTHERS}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return  # which is said already
    for name, value in hashes.items():
        if (folder / name).is_file() and value != _sha256_of(folder / name):
            yield f"{name}: is not the file that {MANIFEST} lists under this name"


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
