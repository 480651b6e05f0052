"""Reads the files of an auditor's folder: canonical JSON with the right members, signed by a key that was published."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KEYS_SPEC = "gelombang-keys-1"
HEAD = (
    *("spec", "programme", "application_id", "sequence", "previous_hash", "decided_at", "decision"),
    *("reasons", "checks"),
)
MEMBERS: dict[str, tuple[str, ...]] = {
    "list of keys": ("spec", "programme", "keys"),
    "key": ("key_id", "algorithm", "public_key", "valid_from", "valid_until"),
    "entry": ("sequence", "at", "event", "facts", "previous_hash", "entry_hash"),
    "signed bundle": ("bundle", "key_id", "signature"),
    "machine's bundle": (
        *HEAD,
        *("rule_set", "submission", "correction_count", "photos", "face", "is_nik_contested", "inputs"),
    ),
    "people's bundle": (*HEAD, "outcome", "case_id", "follows", "opinions"),
    "signed anchor": ("anchor", "key_id", "signature"),
    "anchor": (*("spec", "programme", "day", "number", "previous_sha256", "leaf_count", "shards", "root"),),
    "shard": ("shard", "leaf_count", "root"),
    "leaf": ("application_id", "length", "head"),
    "proof": ("day", "is_there", "leaves"),
    "proven leaf": ("index", "leaf", "path"),
    "head of openings": ("spec", "wave_id", "root", "frozen_at", "asked", "asked_by", "asked_at"),
    "opening": ("entry_id", "application_id", "salt"),
}

Object = dict[str, Any]  # Any: JSON, whose members are checked against `MEMBERS`
Keys = Mapping[str, Object]  # by key_id


class FaultError(Exception):
    """Something is not as it must be; the arguments are where, and what."""

    def __str__(self) -> str:
        return f"{self.args[0]}: {self.args[1]}"


def must(holds: object, where: str, what: str) -> None:
    """Go on if it holds.

    Raises:
        FaultError: it does not.
    """
    if not holds:
        raise FaultError(where, what)


@contextmanager
def shaped(where: str) -> Iterator[None]:
    """Name the place where JSON has other kinds of values than its specification says.

    Raises:
        FaultError: it has.
    """
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError, IndexError, OverflowError):
        raise FaultError(where, "is not of the shape that its specification says") from None


def read(root: Path, name: str) -> bytes:
    """Return a file's content."""
    try:
        return (root / name).read_bytes()
    except OSError:
        raise FaultError(name, "is missing") from None


def one(content: bytes, where: str, kind: str) -> Object:
    """Return a canonical JSON object with exactly the members of its kind."""
    try:
        value = json.loads(content.decode())
        is_canonical = canonical(value) == content
    except (ValueError, RecursionError, ArithmeticError):
        raise FaultError(where, "is not JSON in UTF-8") from None
    must(is_canonical, where, "is not canonical JSON (RFC 8785)")
    return members(value, where, kind)


def members(value: object, where: str, kind: str) -> Object:
    """Return an object that has exactly the members of its kind."""
    if not isinstance(value, dict):
        raise FaultError(where, f"has a {kind} that is no object")
    differing = sorted(set(value) ^ set(MEMBERS[kind]))
    must(not differing, where, f"is no {kind}: {', '.join(differing)} is missing or does not belong there")
    return value


def lines(root: Path, name: str, kind: str) -> list[Object]:
    """Return the objects of a file that has one a line."""
    content = read(root, name)
    must(not content or content.endswith(b"\n"), name, "the last line has no line feed")
    split = content.split(b"\n")[:-1]
    return [one(line, f"{name} line {number}", kind) for number, line in enumerate(split, start=1)]


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return the canonical bytes of a JSON value (RFC 8785)."""
    return _canonical(value).encode()


def hash_of(content: bytes) -> str:
    """Return the SHA-256 of something, hex."""
    return hashlib.sha256(content).hexdigest()


def time_in(value: object, where: str) -> datetime:
    """Return a time that has an offset."""
    with shaped(where):
        at = datetime.fromisoformat(str(value))
    must(at.tzinfo is not None, where, "has a time without an offset")
    return at


def read_keys(root: Path, published: Path | None) -> dict[str, Object]:
    """Return the keys of the folder by key_id; `published` is the list as its publisher gives it."""
    content = read(root, "keys.json")
    if published:
        must(published.read_bytes() == content, "keys.json", "is not the list that was published")
    told, known = one(content, "keys.json", "list of keys"), {}
    with shaped("keys.json"):
        must(told["spec"] == KEYS_SPEC, "keys.json", f"is no {KEYS_SPEC}")
        for number, each in enumerate(told["keys"], start=1):
            where = f"keys.json key {number}"
            key = members(each, where, "key")
            must(re.fullmatch("[0-9a-f]{64}", key["public_key"]), where, "is no public key")
            right = hash_of(bytes.fromhex(key["public_key"]))[:16]
            must(key["key_id"] == right, where, f"key_id must be {right}")
            known[right] = key
    return known


def signing_key(where: str, spec: str, signed: Object, content: Object, keys: Keys) -> Object:
    """Return the key that a document was signed with; it must be its signature."""
    must(content["spec"] == spec, where, f"is no {spec}")
    key = keys.get(str(signed["key_id"]))
    if key is None:
        raise FaultError(where, f"is signed with key {signed['key_id']}, which is not in keys.json")
    message = spec.encode() + b"\x00" + hashlib.sha256(canonical(content)).digest()
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key["public_key"]))
        must(re.fullmatch("[0-9a-f]{128}", signed["signature"]), where, "has no signature")
        public.verify(bytes.fromhex(signed["signature"]), message)
    except (InvalidSignature, ValueError, TypeError):
        raise FaultError(where, "the signature is not that of this content") from None
    return key


def _canonical(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        ordered = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{_canonical(name)}:{_canonical(value[name])}" for name in ordered) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical, value)) + "]"
    return (
        _number(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False, allow_nan=False)
    )


def _number(value: float) -> str:
    """Write a number as ECMAScript does."""
    if value == 0:
        return "0"
    if 1e-6 <= abs(value) < 1e21:  # noqa: PLR2004 - of ECMAScript
        plain = format(Decimal(repr(value)), "f")
        return plain.removesuffix(".0")
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa}e{int(exponent):+d}"
