"""Every decision is a signed bundle without personal data, and comes out the same when it is decided again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from gelombang.domain.application import State
from gelombang.domain.decision import SPEC, canonical
from gelombang.domain.errors import DependencyError
from gelombang.domain.signature import is_signed
from gelombang.journey import applications, erasure
from gelombang.journey.decisions import bundles_of, published_keys
from gelombang.journey.replay import Again, replay
from gelombang.memory.signer import MemorySigner
from tests.journey.audited import audited
from tests.journey.walking import begin, citizen

DECISIONS = {
    "verified": ["verified"],
    "refused": ["refused"],
    "corrected": ["correction_asked", "verified"],
    "retaken": ["photo_refused", "verified"],
    "accepted": ["sent_to_review", "review_decided"],
    "turned down": ["sent_to_review", "review_decided"],
    "delayed": ["verified"],
    "appealed": ["refused", "appeal_decided", "verified"],
}
BY_PEOPLE = {"review_decided", "appeal_decided"}


@pytest.fixture(scope="module")
def world():
    return audited()


@pytest.mark.parametrize("kind", DECISIONS)
def test_every_decision_has_a_signed_bundle_that_its_audit_entry_names(world, kind):
    ports, name = world.walk.ports, world.names[kind]
    (key,) = published_keys(ports, "prakerja")["keys"]

    bundles = bundles_of(ports, name)
    entries = {e.sequence: e for e in applications.audit_of(ports, name) if "bundle_sha256" in e.facts}

    assert [bundle.content["decision"] for bundle in bundles] == DECISIONS[kind]
    assert [entry.event for entry in entries.values()] == DECISIONS[kind]
    for bundle, (sequence, entry) in zip(bundles, entries.items(), strict=True):
        content, text = bundle.content, bundle.text.encode()
        assert canonical(content) == text
        assert (content["sequence"], content["previous_hash"]) == (sequence, entry.previous_hash)
        assert hashlib.sha256(text).hexdigest() == entry.facts["bundle_sha256"]
        assert bundle.key_id == key["key_id"]
        assert is_signed(bytes.fromhex(key["public_key"]), SPEC, text, bytes.fromhex(bundle.signature))
        assert not is_signed(bytes.fromhex(key["public_key"]), "other", text, bytes.fromhex(bundle.signature))


@pytest.mark.parametrize("kind", DECISIONS)
def test_every_decision_of_the_machine_comes_out_the_same_byte_for_byte(world, kind):
    again = replay(world.walk.ports, world.walk.programme, world.names[kind])

    wanted = [Again.PEOPLE if each in BY_PEOPLE else Again.IDENTICAL for each in DECISIONS[kind]]
    assert [each.again for each in again] == wanted, again


def test_a_bundle_holds_nothing_of_its_person_and_no_hash_that_could_be_guessed(world):
    person, name = citizen(3), world.names["corrected"]
    typed = {"nik": person.nik, "kk": person.kk, "name": person.name, "birth_date": "1990-01-05"}
    facts = {"found": True, "name": person.name, "birth_date": "1990-01-05"}
    guesses = [*typed.values(), json.dumps(typed), *map(str, facts.values())]
    hashes = [hashlib.sha256(guess.encode()).hexdigest() for guess in guesses]

    text = "".join(bundle.text for bundle in bundles_of(world.walk.ports, name))

    assert not [word for word in [*typed.values(), *hashes] if word in text]
    one, other = (bundle.content["inputs"] for bundle in bundles_of(world.walk.ports, name))
    assert one["selfie"] != other["selfie"]  # the same photograph under another salt


def test_a_decision_by_rules_that_changed_since_is_found_out(world):
    walk = world.walk
    rules = walk.programme.rule_sets[-1]
    changed = replace(rules, layer_rules=rules.layer_rules[:-1])
    programme = replace(walk.programme, rule_sets=(*walk.programme.rule_sets[:-1], changed))

    (again,) = replay(walk.ports, programme, world.names["verified"])

    assert (again.again, "has no rule set" in again.difference) == (Again.DIFFERS, True)


def test_rules_keep_their_name_when_another_set_ends_them(world):
    walk = world.walk
    rules = walk.programme.rule_sets[-1]
    ended = replace(rules, valid_until=walk.world.clock.now().date(), source="found in the gazette")
    programme = replace(walk.programme, rule_sets=(*walk.programme.rule_sets[:-1], ended))

    (again,) = replay(walk.ports, programme, world.names["verified"])

    assert again.again is Again.IDENTICAL


def test_with_the_person_goes_the_evidence_and_the_bundle_stays():
    walk = begin(citizen())
    name = walk.submit(citizen())
    walk.deliver()
    erasure.begin(walk.ports, walk.application(name), [])
    for _ in range(3):
        erasure.erase_due(walk.ports)
        walk.world.clock.advance(hours=2)

    (bundle,) = bundles_of(walk.ports, name)
    (again,) = replay(walk.ports, walk.programme, name)

    assert walk.application(name).state is State.ERASED
    assert bundle.content["decision"] == "verified"
    assert again.again is Again.GONE
    rows = walk.ports.rows.read_partition(f"APPLICATION#{name}")
    assert {row.key.sort.partition("#")[0] for row in rows} == {"-", "AUDIT", "DECISION"}


def test_without_the_signer_nothing_is_decided_and_nobody_rejected():
    walk = begin(citizen(is_at_school=True))
    name = walk.submit(citizen())
    walk.world = replace(walk.world, ports=replace(walk.ports, signer=Away()))

    with pytest.raises(DependencyError):
        walk.deliver()

    assert walk.application(name).state is State.CHECKING
    assert bundles_of(walk.ports, name) == []


def test_a_bundle_names_the_key_that_signed_it_and_a_key_ends_a_day_after_the_next_began():
    walk = begin(citizen(1), citizen(2))
    first = walk.submit(citizen(1))
    walk.deliver()
    walk.world = replace(walk.world, ports=replace(walk.ports, signer=MemorySigner(2)))
    walk.world.clock.advance(days=3)
    second = walk.submit(citizen(2), "+6281234567891")
    walk.deliver()

    keys = published_keys(walk.ports, "prakerja")["keys"]

    assert [bundles_of(walk.ports, name)[0].key_id for name in (first, second)] == [k["key_id"] for k in keys]
    assert [key["valid_from"] for key in keys] == ["2026-11-23T01:00:00+00:00", "2026-11-26T01:00:00+00:00"]
    assert [key["valid_until"] for key in keys] == ["2026-11-27T02:00:00+00:00", None]


class Away:
    """A signer that cannot be reached."""

    def public_key(self):
        raise DependencyError("kms", "away")

    def sign(self, _message):
        raise DependencyError("kms", "away")
