"""Puts a decision on record: a signed bundle and the evidence to decide again, in the commit of the decision itself.

    DECISION#<seq>   the bundle, canonical, with its signature: no personal data, kept as long as the audit chain
    EVIDENCE#<seq>   its inputs: what registers answered and the form, as sealed under the person's key, and the salt of
                     the bundle's hashes; goes with the person

The audit entry of the same number holds the bundle's hash, so that the chain covers it (docs/decisions/0026).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gelombang.domain.application import Application, Slot, sealed_fields
from gelombang.domain.audit import FIRST_HASH
from gelombang.domain.decision import (
    SPEC,
    Conclusion,
    Decided,
    FaceGrounds,
    Grounds,
    Inputs,
    Json,
    Opinion,
    Place,
    canonical,
    machine_bundle,
    people_bundle,
    sha256_of,
)
from gelombang.domain.errors import ConflictError
from gelombang.domain.face_evidence import FaceEvidence
from gelombang.domain.face_evidence_json import evidence_to_fields
from gelombang.domain.programme import Programme, RuleSet
from gelombang.domain.signature import PublicKey, keys_document, message_to_sign
from gelombang.journey.applications import application_key
from gelombang.journey.ports import Change, Key, Ports, Put, Row
from gelombang.journey.registration import seal_context

DECISION, EVIDENCE = "DECISION#", "EVIDENCE#"
KEYS = "KEYS#signing"
BUNDLE_SHA256 = "bundle_sha256"  # in the facts of a decision's audit entry
SALT_BYTES = 32
FACTS = "facts"  # the field under which what registers answered is sealed


@dataclass(frozen=True, slots=True)
class Recorded:
    """What belongs into the facts of the decision's audit entry, and into its commit."""

    facts: dict[str, Any]  # JSON
    changes: list[Change]


UNRECORDED = Recorded({}, [])


@dataclass(frozen=True, slots=True)
class SignedBundle:
    """A bundle as it is kept: its canonical text, the key's name and the signature (hex)."""

    text: str
    key_id: str
    signature: str

    @property
    def content(self) -> Json:
        """The bundle itself."""
        return dict(json.loads(self.text))

    @property
    def sha256(self) -> str:
        """The hash by which the audit entry names it."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def machine_decided(
    ports: Ports,
    programme: Programme,
    application: Application,
    *,
    conclusion: Conclusion,
    grounds: Grounds,
    rules: RuleSet,
    evidence: FaceEvidence | None,
) -> Recorded:
    """Return what puts a machine's decision on record with the application's next audit entry.

    Raises:
        DependencyError: the signer could not be reached; nothing is decided then.
    """
    place = _next_place(application, programme.name, ports.clock.now())
    face = None
    if evidence and grounds.verdict:
        point = programme.operating_point(evidence.model_release)
        face = FaceGrounds(evidence.face_check_id, evidence.model_release, sha256_of(point))
    form, salt = sealed_fields(application), ports.clock.random_bytes(SALT_BYTES)
    inputs = Inputs(salt, inputs_of(form, grounds, evidence if face else None))
    bundle = machine_bundle(place, conclusion, grounds, rules, face=face, inputs=inputs)
    return _recorded(ports, place, bundle, [Put(_evidence_row(place, form, grounds, salt))])


def sealed_facts(ports: Ports, application_id: str, facts: Mapping[str, Any]) -> str:
    """Return what a source answered about a person, sealed under their key: `CheckResult.sealed_facts`.

    Raises:
        NotFoundError: the person was erased.
    """
    return ports.vault.seal(canonical(dict(facts)).decode(), seal_context(application_id, FACTS))


def opened_facts(ports: Ports, application_id: str, sealed: str) -> Json:
    """Return what a source answered about a person.

    Raises:
        NotFoundError: the person was erased.
        ValueError: it is not as it was sealed.
    """
    return dict(json.loads(ports.vault.open(sealed, seal_context(application_id, FACTS))))


def people_decided(
    ports: Ports,
    moved: Application,
    decided: Decided,
    opinions: Sequence[Opinion],
    case_id: str,
) -> Recorded:
    """Return what puts people's decision on record; `moved` is the application as it will be saved with it.

    Raises:
        DependencyError: as `machine_decided`.
    """
    before = bundles_of(ports, moved.application_id)
    programme = before[-1].content["programme"] if before else ""
    place = _next_place(moved, programme, ports.clock.now())
    bundle = people_bundle(
        place,
        Conclusion(decided, moved.reasons),
        moved.state,
        opinions,
        checks=moved.checks,
        follows=before[-1].sha256 if before else "",
        case_id=case_id,
    )
    return _recorded(ports, place, bundle, [])


def bundles_of(ports: Ports, application_id: str) -> list[SignedBundle]:
    """Return an application's bundles, oldest first."""
    rows = ports.rows.read_partition(application_key(application_id).partition, DECISION)
    return [SignedBundle(row.fields["bundle"], row.fields["key_id"], row.fields["signature"]) for row in rows]


def evidence_row_of(ports: Ports, application_id: str, sequence: int) -> Row | None:
    """Return the row with the inputs of a decision, or None once its person is erased."""
    return ports.rows.read(_key(application_id, EVIDENCE, sequence))


def published_keys(ports: Ports, programme: str) -> Json:
    """Return the document of all keys that ever signed for this service."""
    rows = ports.rows.read_partition(KEYS)
    used = [
        (PublicKey(bytes.fromhex(row.fields["public_key"])), datetime.fromisoformat(row.fields["since"]))
        for row in rows
    ]
    return keys_document(programme, used)


def sign(ports: Ports, kind: str, content: bytes) -> tuple[str, str]:
    """Return the key's name and the signature (hex) of a document; a key signs only once it is on record.

    Raises:
        DependencyError: the signer or the table could not be reached.
    """
    public = ports.signer.public_key()
    key = Key(KEYS, public.key_id)
    if ports.rows.read(key) is None:
        first = Row(key, {"public_key": public.key.hex(), "since": ports.clock.now().isoformat()})
        with suppress(ConflictError):  # another process was faster
            ports.rows.commit([Put(first)])
    return public.key_id, ports.signer.sign(message_to_sign(kind, content)).hex()


def inputs_of(form: Mapping[str, str], grounds: Grounds, evidence: FaceEvidence | None) -> dict[str, bytes]:
    """Return a decision's inputs by name; `form` and what registers answered are sealed, as they are kept."""
    found = {"form": canonical(dict(form))}
    for slot in Slot:
        if key := grounds.photos[slot].key:
            found[slot] = key.encode()  # ends in the hash of the clean copy
    for layer, check in grounds.checks.items():
        if check.sealed_facts:
            found[f"facts/{layer}"] = check.sealed_facts.encode()
    if evidence:
        found["face"] = canonical(evidence_to_fields(evidence))
    return found


def _recorded(ports: Ports, place: Place, bundle: Json, more: list[Change]) -> Recorded:
    content = canonical(bundle)
    key_id, signature = sign(ports, SPEC, content)
    signed = SignedBundle(content.decode(), key_id, signature)
    fields = {"bundle": signed.text, "key_id": signed.key_id, "signature": signed.signature}
    row = Row(_key(place.application_id, DECISION, place.sequence), fields)
    return Recorded({BUNDLE_SHA256: signed.sha256}, [Put(row), *more])


def _evidence_row(place: Place, form: dict[str, str], grounds: Grounds, salt: bytes) -> Row:
    """Return the row from which a replay decides again; see `gelombang.journey.replay`."""
    fields = {
        "salt": salt.hex(),
        "form": form,
        "photos": {slot: photo.key for slot, photo in grounds.photos.items()},
        "facts": {layer: check.sealed_facts for layer, check in grounds.checks.items() if check.sealed_facts},
    }
    return Row(_key(place.application_id, EVIDENCE, place.sequence), fields)


def _next_place(application: Application, programme: str, now: datetime) -> Place:
    name, head = application.application_id, application.audit_head or FIRST_HASH
    return Place(programme, name, application.audit_length + 1, head, now)


def _key(application_id: str, kind: str, sequence: int) -> Key:
    return Key(application_key(application_id).partition, f"{kind}{sequence:06d}")
