"""Checks audit chains and the signed bundles of their decisions; decides again from what a bundle says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .reading import (
    FaultError,
    Keys,
    Object,
    canonical,
    hash_of,
    lines,
    members,
    must,
    one,
    read,
    shaped,
    signing_key,
    time_in,
)

SPEC = "gelombang-decision-1"
BY_MACHINE = ("photo_refused", "correction_asked", "refused", "sent_to_review", "verified")
BY_PEOPLE = ("review_decided", "refused_for_another", "appeal_decided", "seat_taken_back")
CORRECTABLE = {"NIK_NOT_FOUND", "BIRTH_DATE_DIFFERS", "KK_DIFFERS", "REGION_DIFFERS"}
STATE_AFTER = {"accept": "VERIFIED", "refuse": "NOT_ELIGIBLE", "retake": "NEEDS_PHOTO"}
MOST_CORRECTIONS, AGREEING, MOST_ANSWERS = 5, 2, 3
FIRST_HASH = hash_of(b"gelombang audit v1")


def read_chain(root: Path, name: str) -> list[Object]:
    """Return an audit chain whose entries follow each other."""
    where, before = f"chains/{name}.jsonl", FIRST_HASH
    chain = lines(root, where, "entry")
    for number, entry in enumerate(chain, start=1):
        here = f"{where} line {number}"
        follows = entry["sequence"] == number and entry["previous_hash"] == before
        must(follows, here, "does not follow the entry before it")
        before = hash_of(canonical([entry["sequence"], entry["at"], entry["event"], entry["facts"], before]))
        must(entry["entry_hash"] == before, here, "was changed")
        must(isinstance(entry["facts"], dict), here, "has no facts")
        time_in(entry["at"], here)
    return chain


def check_bundles(root: Path, name: str, chain: Sequence[Object], keys: Keys) -> None:
    """Check that every decision of a chain has its bundle, and nothing else has one."""
    before = ""
    for entry in chain:
        here = f"chains/{name}.jsonl line {entry['sequence']}"
        named = entry["facts"].get("bundle_sha256", "")
        is_decision = entry["event"] in (*BY_MACHINE, *BY_PEOPLE)
        must(bool(named) == is_decision, here, "a decision names its bundle, and nothing else names one")
        if named:
            where = bundle_name(name, entry["sequence"])
            with shaped(where):
                _check_bundle(root, where, name, entry, keys)
                _check_decision(root, where, _bundle(root, where), before)
            before = named


def strangers(root: Path, name: str, chain: Sequence[Object]) -> Iterator[str]:
    """Give a sentence for each bundle of an application that no entry of its chain names."""
    right = {bundle_name(name, e["sequence"]) for e in chain if "bundle_sha256" in e["facts"]}
    for path in sorted((root / "bundles" / name).glob("*")):
        where = f"bundles/{name}/{path.name}"
        if where not in right:
            yield f"{where}: no audit entry names it"


def bundle_name(name: str, sequence: int) -> str:
    """Return the name of a bundle's file."""
    return f"bundles/{name}/{sequence:06d}.json"


def _bundle(root: Path, where: str) -> Object:
    signed = one(read(root, where), where, "signed bundle")
    kind = "people's bundle" if "opinions" in signed["bundle"] else "machine's bundle"
    return members(signed["bundle"], where, kind)


def _check_bundle(root: Path, where: str, name: str, entry: Object, keys: Keys) -> None:
    signed, bundle = one(read(root, where), where, "signed bundle"), _bundle(root, where)
    key = signing_key(where, SPEC, signed, bundle, keys)
    named = entry["facts"]["bundle_sha256"]
    must(hash_of(canonical(bundle)) == named, where, "is not the bundle that its audit entry names")
    place = [bundle[member] for member in ("application_id", "sequence", "previous_hash", "decision")]
    right = [name, entry["sequence"], entry["previous_hash"], entry["event"]]
    must(place == right, where, "belongs to another place of another chain")
    at, until = time_in(bundle["decided_at"], where), key["valid_until"]
    must(at <= time_in(entry["at"], where), where, "was decided after it was put on record")
    is_valid = at >= time_in(key["valid_from"], "keys.json") and (
        until is None or at <= time_in(until, "keys.json")
    )
    must(is_valid, where, f"key {key['key_id']} was not valid then")


def _check_decision(root: Path, where: str, bundle: Object, before: str) -> None:
    is_of_people = "opinions" in bundle
    must((bundle["decision"] in BY_PEOPLE) == is_of_people, where, "was decided by others than it says")
    if is_of_people:
        must(bundle["follows"] == before, where, "does not follow the bundle before it")
        _check_opinions(where, bundle)
        return
    _check_rules(root, where, bundle["rule_set"])
    right = _conclude(where, bundle)
    given = (bundle["decision"], bundle["reasons"])
    must(given == right, where, f"says {_told(given)}, but from its checks follows {_told(right)}")


def _check_rules(root: Path, where: str, rule_set: Object) -> None:
    name = f"rules/{rule_set['sha256']}.json"
    content = read(root, name)
    must(hash_of(content) == rule_set["sha256"], name, "is not the rule set of this hash")
    told = json.loads(content)
    layers = [rule["layer"] for rule in told["layer_rules"]]
    is_right = (told["name"], layers) == (rule_set["name"], rule_set["layers"])
    must(is_right, where, f"its rule set has another name or other layers than {name}")


def _conclude(where: str, bundle: Object) -> tuple[str, list[str]]:
    """Decide again from what the bundle says; the steps are numbered as in the specification."""
    photos, face = bundle["photos"], bundle["face"]
    refused = {slot: photo["faults"] for slot, photo in photos.items() if photo["status"] == "REFUSED"}
    is_awaited = any(photo["status"] == "AWAITED" for photo in photos.values())
    faults = {} if is_awaited else refused
    if not faults and face and face["verdict"] == "RETAKE":
        faults = face["faults"] | refused
    if faults:  # 1
        return "photo_refused", _once(code for slot in ("ktp", "selfie") for code in faults.get(slot, ()))
    layers, checks = bundle["rule_set"]["layers"], {check["layer"]: check for check in bundle["checks"]}
    outcomes = {layer: checks[layer]["outcome"] if layer in checks else "PENDING" for layer in layers}
    if face:
        right = "PASSED" if face["verdict"] == "MATCH" else "PENDING"
        must(
            outcomes.get("face", right) == right,
            where,
            f"its face is not {right}, though its verdict says so",
        )
    failed = [layer for layer in layers if layer != "face" and outcomes[layer] == "FAILED"]
    if failed:  # 2
        reasons = _once(checks[layer]["reason"] for layer in failed)
        is_correctable = CORRECTABLE.issuperset(reasons) and bundle["correction_count"] < MOST_CORRECTIONS
        return ("correction_asked" if is_correctable else "refused"), reasons
    left = {layer for layer in layers if outcomes[layer] not in ("PASSED", "NOT_APPLICABLE")}
    if left and not (face and left == {"face"}):  # 4
        raise FaultError(where, "nothing could be decided yet")
    contested = ["NIK_ALREADY_REGISTERED"] if bundle["is_nik_contested"] else []
    doubts = [*(face["reasons"] if face else ()), *contested]
    return ("sent_to_review" if doubts else "verified"), doubts  # 3


def _check_opinions(where: str, bundle: Object) -> None:
    opinions = bundle["opinions"]
    must(opinions, where, "nobody decided it")
    people = {opinion["who"] for opinion in opinions}
    must(len(people) == len(opinions), where, "somebody has two opinions")
    if bundle["decision"] == "appeal_decided":
        return
    if bundle["decision"] == "seat_taken_back":
        is_right = bundle["outcome"] == "NOT_ELIGIBLE" and _is_found(bundle)
        must(is_right, where, "no failed check of its one reason took the seat")
        return
    (said, count), *_ = Counter(opinion["decision"] for opinion in opinions).most_common()
    if bundle["decision"] == "refused_for_another":
        is_right = said == "accept" and bundle["outcome"] == "NOT_ELIGIBLE"
        must(is_right, where, "the opinions do not give the NIK to another")
        return
    must(count >= AGREEING or len(opinions) >= MOST_ANSWERS, where, "too few people decided it")
    right = STATE_AFTER.get(said if count >= AGREEING else "retake")
    must(
        bundle["outcome"] == right, where, f"says {bundle['outcome']}, but from the opinions follows {right}"
    )


def _is_found(bundle: Object) -> bool:
    failed = [check["reason"] for check in bundle["checks"] if check["outcome"] == "FAILED"]
    return len(bundle["reasons"]) == 1 and bundle["reasons"][0] in failed


def _told(conclusion: tuple[str, list[str]]) -> str:
    decision, reasons = conclusion
    return " ".join([str(decision), *map(str, reasons)])


def _once(codes: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(codes))
