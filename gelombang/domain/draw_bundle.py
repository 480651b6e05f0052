"""The small files of a draw, byte for byte: what is published before the seed is known, and what after.

    freeze   rules.json      the wave's definition           entries.csv, households.csv   (gelombang.drawing)
    commit   commitment.json root, counts, hashes of all three, of the code and of each secret, the beacon's round
    draw     draw.json       the secrets and the seed        results.csv                   (gelombang.drawing)
             manifest.json   SHA-256 of the six others, and the root of the results

Every file is canonical (RFC 8785) and follows from what was frozen and promised alone, so that writing it again after
a crash writes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from gelombang.domain.beacon import randomness_of
from gelombang.domain.draw import SPEC, canonical, seed_of
from gelombang.domain.wave import WaveDefinition, definition_to_json

RULES, ENTRIES, HOUSEHOLDS, COMMITMENT = "rules.json", "entries.csv", "households.csv", "commitment.json"
DRAW, RESULTS, MANIFEST = "draw.json", "results.csv", "manifest.json"
FROZEN = (RULES, ENTRIES, HOUSEHOLDS)
BEFORE_THE_DRAW = (*FROZEN, COMMITMENT)
BUNDLE = (*BEFORE_THE_DRAW, DRAW, RESULTS, MANIFEST)
FAIRNESS = "fairness.json"  # beside the bundle, not in it: made from more than its files, and after the draw


@dataclass(frozen=True, slots=True)
class Frozen:
    """What the entries and the files of the freeze say of themselves."""

    root: str
    entry_count: int
    counts: dict[str, dict[str, int]]  # region → general, priority, restored
    rules_sha256: str
    entries_sha256: str
    households_sha256: str


@dataclass(frozen=True, slots=True)
class Promise:
    """What a commitment promises beside the frozen files; hashes are hex."""

    eligibility_sha256: str
    priority_list_sha256: str  # "" when there is no list
    code_sha256: str
    secrets: dict[str, str]  # party → SHA-256 of its secret
    beacon_round: int = 0  # 0 when the wave names no beacon
    draw: int = 1
    replaces: str = ""
    reason: str = ""
    approvers: tuple[str, ...] = ()


def sha256(content: bytes) -> str:
    """Return the SHA-256 of a file, hex."""
    return hashlib.sha256(content).hexdigest()


def rules_file(definition: WaveDefinition) -> bytes:
    """Return rules.json."""
    return canonical({"spec": SPEC, **definition_to_json(definition)})


def commitment_file(definition: WaveDefinition, frozen: Frozen, promise: Promise) -> bytes:
    """Return commitment.json: all that decides the draw, but of the secrets only their hashes."""
    parties = [{"party": party, "sha256": value} for party, value in sorted(promise.secrets.items())]
    return canonical({
        "spec": SPEC,
        "wave_id": definition.wave_id,
        "beacon_source": definition.beacon_source,
        **asdict(frozen),
        **asdict(promise),
        "approvers": sorted(promise.approvers),
        "secrets": parties,
    })  # fmt: skip


def draw_file(commitment: bytes, secrets: Mapping[str, bytes], signature: bytes) -> bytes:
    """Return draw.json: the parts of the seed, told at last, and the commitment they belong to.

    Raises:
        ValueError: a secret, or the beacon's signature, is not what was promised.
    """
    promised = json.loads(commitment)
    hashes = {each["party"]: each["sha256"] for each in promised["secrets"]}
    if {party: sha256(secret) for party, secret in secrets.items()} != hashes:
        raise ValueError("not the secrets that were promised")
    if bool(signature) != bool(promised["beacon_round"]):
        raise ValueError("a signature of the beacon is there exactly when a round was promised")
    ordered = [secret for _, secret in sorted(secrets.items())]
    seed = seed_of(hashlib.sha256(commitment).digest(), ordered, randomness_of(signature))
    return canonical({
        "spec": SPEC,
        "wave_id": promised["wave_id"],
        "commitment_sha256": sha256(commitment),
        "secrets": [{"party": party, "secret": secret.hex()} for party, secret in sorted(secrets.items())],
        "beacon_signature": signature.hex(),
        "seed": seed.hex(),
    })  # fmt: skip


def manifest_file(wave_id: str, hashes: Mapping[str, str], results_root: str) -> bytes:
    """Return manifest.json for the SHA-256 (hex) of the six other files, given by name."""
    return canonical({"spec": SPEC, "wave_id": wave_id, "files": dict(hashes), "results_root": results_root})
