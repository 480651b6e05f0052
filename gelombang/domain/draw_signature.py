"""What the programme signs of a draw: its promise, before the seed can be known, and the list of all files after it.

Each signature is a small file beside the bundle, which is complete without it: the bundle proves what follows from
what, the signatures prove who said so. Format: docs/draw-spec.md, "Signatures".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gelombang.domain.draw import canonical
from gelombang.domain.draw_bundle import COMMITMENT, MANIFEST, sha256
from gelombang.domain.signature import KEYS_SPEC, is_signed

SPEC = "gelombang-draw-signature-1"
SIGNATURES = {
    COMMITMENT: "commitment.signature.json",
    MANIFEST: "manifest.signature.json",
}  # file of a bundle → file with its signature


def statement_of(wave_id: str, name: str, content: bytes) -> dict[str, str]:
    """Return what is signed of a file of a wave's bundle."""
    return {"spec": SPEC, "wave_id": wave_id, "file": name, "sha256": sha256(content)}


def signature_file(statement: Mapping[str, str], key_id: str, signature: str) -> bytes:
    """Return the file that carries a signature (128 hex digits) of the canonical statement."""
    return canonical({"statement": dict(statement), "key_id": key_id, "signature": signature})


def keys_from(content: bytes) -> dict[str, bytes]:
    """Return the public keys (32 bytes each) of a published list, by id.

    Raises:
        ValueError: it is no such list.
    """
    try:
        listed = json.loads(content)
        if listed["spec"] != KEYS_SPEC:
            raise ValueError(f"its spec is not {KEYS_SPEC}")
        return {each["key_id"]: bytes.fromhex(each["public_key"]) for each in listed["keys"]}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("it is no list of keys") from error


def signature_faults(files: Mapping[str, bytes], wave_id: str, keys: Mapping[str, bytes]) -> list[str]:
    """Return what is wrong with the signatures of a bundle, one sentence each; `files` by name, signatures too."""
    found = []
    for name, signed in SIGNATURES.items():
        right = statement_of(wave_id, name, files[name])
        faults = _faults(files[signed], right, keys) if signed in files else ["is missing"]
        found += [f"{signed}: {fault}" for fault in faults]
    return found


def _faults(content: bytes, right: dict[str, str], keys: Mapping[str, bytes]) -> list[str]:
    try:
        given: dict[str, Any] = json.loads(content)
        statement, key_id, signature = given["statement"], given["key_id"], bytes.fromhex(given["signature"])
        is_in_its_form = signature_file(statement, key_id, signature.hex()) == content
    except (ValueError, KeyError, TypeError, RecursionError):
        is_in_its_form = False
    if not is_in_its_form:
        return ["is no signature in its one form"]
    if statement != right:
        names = sorted(name for name in {*statement, *right} if statement.get(name) != right.get(name))
        return [f"{name} is {statement.get(name)}, but must be {right.get(name)}" for name in names]
    if key_id not in keys:
        return [f"the list of keys has no {key_id}"]
    if not is_signed(keys[key_id], SPEC, canonical(statement), signature):
        return [f"is not a signature of the key {key_id}"]
    return []
