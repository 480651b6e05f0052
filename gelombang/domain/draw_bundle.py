"""The files of a draw, byte for byte: what is published before the seed is known, and what after.

    freeze   rules.json      the wave's definition          entries.jsonl  one leaf a line, by entry_id
    commit   commitment.json root, counts, hashes of both and of the secret
    draw     draw.json       the secret and the seed        results.jsonl  one result a line, by ticket
             manifest.json   SHA-256 of the five others

Every file is canonical (RFC 8785) and follows from the entries, the definition, the secret and the beacon
alone, so that writing it again after a crash writes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from gelombang.domain.draw import (
    SPEC,
    DrawOutcome,
    DrawRule,
    Entry,
    Result,
    canonical,
    entry_of,
    is_restored,
    leaf_of,
    seed_of,
    spec_of,
)
from gelombang.domain.merkle import build_tree
from gelombang.domain.wave import WaveDefinition, definition_to_json

RULES, ENTRIES, COMMITMENT = "rules.json", "entries.jsonl", "commitment.json"
DRAW, RESULTS, MANIFEST = "draw.json", "results.jsonl", "manifest.json"
BEFORE_THE_DRAW = (RULES, ENTRIES, COMMITMENT)
BUNDLE = (*BEFORE_THE_DRAW, DRAW, RESULTS, MANIFEST)


def sha256(content: bytes) -> str:
    """Return the SHA-256 of a file, hex."""
    return hashlib.sha256(content).hexdigest()


def rules_file(definition: WaveDefinition, spec: str = SPEC) -> bytes:
    """Return rules.json; `spec` is what `spec_of` says of the wave's entries."""
    return canonical({"spec": spec, **definition_to_json(definition)})


def entries_file(entries: Iterable[Entry]) -> bytes:
    """Return entries.jsonl; the order of `entries` does not matter."""
    return _lines(leaf_of(entry) for entry in sorted(entries, key=lambda entry: entry.entry_id))


def entries_from(content: bytes) -> tuple[Entry, ...]:
    """Return the entries of an entries.jsonl that `entries_file` wrote."""
    return tuple(map(entry_of, content.splitlines()))


def commitment_file(definition: WaveDefinition, entries: Sequence[Entry], secret: bytes) -> bytes:
    """Return commitment.json: all that decides the draw, but of the secret only its hash."""
    content, spec = entries_file(entries), spec_of(entries)
    return canonical({
        "spec": spec,
        "wave_id": definition.wave_id,
        "root": build_tree(content.splitlines()).root.hex(),
        "entry_count": len(entries),
        "counts": _counts(definition, entries),
        "rules_sha256": sha256(rules_file(definition, spec)),
        "entries_sha256": sha256(content),
        "secret_sha256": sha256(secret),
        "beacon_source": definition.beacon_source,
    })  # fmt: skip


def draw_file(commitment: bytes, secret: bytes, beacon: bytes) -> bytes:
    """Return draw.json: the parts of the seed, told at last, and the commitment they belong to."""
    promised = json.loads(commitment)
    return canonical({
        "spec": promised["spec"],
        "wave_id": promised["wave_id"],
        "commitment_sha256": sha256(commitment),
        "secret": secret.hex(),
        "beacon": beacon.hex(),
        "seed": seed_of(bytes.fromhex(promised["root"]), secret, beacon, promised["spec"]).hex(),
    })  # fmt: skip


def results_file(results: Iterable[Result]) -> bytes:
    """Return results.jsonl, in the order of the draw."""
    return _lines(canonical(asdict(result)) for result in results)


def results_from(content: bytes) -> tuple[Result, ...]:
    """Return the results of a results.jsonl that `results_file` wrote."""
    return tuple(_result(json.loads(line)) for line in content.splitlines())


def manifest_file(definition: WaveDefinition, files: Mapping[str, bytes]) -> bytes:
    """Return manifest.json for the five other files, given by name."""
    hashes = {name: sha256(content) for name, content in files.items()}
    spec = json.loads(files[COMMITMENT])["spec"]
    return canonical({"spec": spec, "wave_id": definition.wave_id, "files": hashes})


def _counts(definition: WaveDefinition, entries: Sequence[Entry]) -> dict[str, dict[str, int]]:
    regions = sorted({*definition.quota, *(entry.region for entry in entries)})
    kinds = ("priority", "general", *(("restored",) if any(map(is_restored, entries)) else ()))
    counts = {region: dict.fromkeys(kinds, 0) for region in regions}
    for entry in entries:
        kind = "restored" if is_restored(entry) else "priority" if entry.priority else "general"
        counts[entry.region][kind] += 1
    return counts


def _result(fields: dict[str, object]) -> Result:
    kinds = {"outcome": DrawOutcome(str(fields["outcome"])), "rule": DrawRule(str(fields["rule"]))}
    return Result(**{**fields, **kinds})  # type: ignore[arg-type]  # one line of our own file


def _lines(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)
