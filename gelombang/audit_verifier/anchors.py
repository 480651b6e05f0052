"""Checks the daily anchors, what they stand on, and that every chain is as long as they say."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta, timezone
from itertools import pairwise
from pathlib import Path

from .reading import (
    Keys,
    Object,
    canonical,
    hash_of,
    lines,
    members,
    must,
    one,
    shaped,
    signing_key,
    time_in,
)

SPEC = "gelombang-anchor-1"
JAKARTA = timezone(timedelta(hours=7))

Leaves = dict[str, dict[str, Object]]  # by application, then by day


def read_anchors(root: Path, keys: Keys, last_sha256: str | None) -> list[Object]:
    """Return the anchors in order, each checked against the one before."""
    found: list[Object] = []
    before = ""
    for path in sorted((root / "anchors").glob("*")):
        where, content = f"anchors/{path.name}", path.read_bytes()
        with shaped(where):
            found.append(_anchor(where, content, found[-1:], before, keys))
        before = hash_of(content)
    if last_sha256 is not None:
        must(before == last_sha256.strip().lower(), "anchors", "the last is not the one that was published")
    return found


def read_leaves(root: Path, anchors: Sequence[Object], names: Sequence[str]) -> Leaves:
    """Return the leaves of all applications, from the files of leaves, or of some, from their proofs."""
    found: Leaves = {}
    if (root / "proofs").is_dir():
        for name in names:
            with shaped(f"proofs/{name}.jsonl"):
                found[name] = dict(_proven(root, name, anchors))
        return found
    for anchor in anchors:
        for shard in anchor["shards"]:
            where = f"leaves/{anchor['day']}/{shard['shard']}.jsonl"
            with shaped(where):
                for leaf in _leaves_of_shard(root, where, shard):
                    found.setdefault(leaf["application_id"], {})[anchor["day"]] = leaf
    return found


def check_anchored(
    name: str, chain: Sequence[Object], anchors: Sequence[Object], own: dict[str, Object]
) -> None:
    """Check that a chain goes on from each of its leaves, and that no entry was put in later than it says."""
    where, covered = f"chains/{name}.jsonl", 0
    days = [_day(entry["at"]) for entry in chain]
    for day in (anchor["day"] for anchor in anchors):
        on_it = [number for number, each in enumerate(days, start=1) if each == day]
        if day in own:
            length, head = own[day]["length"], own[day]["head"]
            must(
                len(chain) >= length >= 1, where, f"ends after {len(chain)} entries; on {day} it had {length}"
            )
            here = f"{where} line {length}"
            must(
                chain[length - 1]["entry_hash"] == head,
                here,
                f"is not the entry that {day} was anchored with",
            )
            late = next((number for number in on_it if number > length), 0)
            here = f"{where} line {late}"
            must(not late, here, f"is of {day}, but was not there when that day was anchored")
            covered = max(covered, length)
        else:
            here = f"{where} line {on_it[0] if on_it else 0}"
            must(not on_it, here, f"is of {day}, but the anchor of that day has nothing of it")
        # What no leaf covers by now came after this day, whatever it says: also if it says a day before all anchors.
        # Without any leaf so far such a day cannot be told from a chain that began before the anchors did.
        since = enumerate(days[covered:], start=covered + 1) if covered else ()
        late = next((number for number, each in since if each <= day), 0)
        here = f"{where} line {late}"
        must(not late, here, f"is of {days[late - 1]}, but was not there when {day} was anchored")


def tree_root(leaves: Iterable[bytes]) -> str:
    """Return the root of the tree of RFC 6962 section 2.1, hex."""
    level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = [*pairs, *level[len(pairs) * 2 :]]
    return (level[0] if level else hashlib.sha256(b"").digest()).hex()


def _anchor(where: str, content: bytes, last: Sequence[Object], before: str, keys: Keys) -> Object:
    signed = one(content, where, "signed anchor")
    anchor = members(signed["anchor"], where, "anchor")
    key = signing_key(where, SPEC, signed, anchor, keys)
    must(where == f"anchors/{anchor['day']}.json", where, f"is the anchor of {anchor['day']}")
    day, number = date.fromisoformat(anchor["day"]), 1
    if last:
        number = last[0]["number"] + 1
        right = date.fromisoformat(last[0]["day"]) + timedelta(days=1)
        must(day == right, where, f"the anchor of {right} is missing before it")
    begins = last or anchor["number"] == 1
    must(
        begins,
        where,
        f"is anchor {anchor['number']}; those before it, until {day - timedelta(1)}, are missing",
    )
    must(anchor["previous_sha256"] == before, where, "does not follow the file of the day before")
    must(anchor["number"] == number, where, f"is anchor {anchor['number']}, but must be {number}")
    ends, since = key["valid_until"], datetime.combine(day, time(), JAKARTA)
    must(ends is None or since < time_in(ends, "keys.json"), where, f"key {key['key_id']} had ended")
    shards = [members(shard, where, "shard") for shard in anchor["shards"]]
    must(all(a["shard"] < b["shard"] for a, b in pairwise(shards)), where, "its shards are out of order")
    count = sum(shard["leaf_count"] for shard in shards)
    must(count == anchor["leaf_count"], where, f"its shards have {count} leaves, not {anchor['leaf_count']}")
    must(tree_root(map(canonical, shards)) == anchor["root"], where, "its root is not that of its shards")
    return anchor


def _leaves_of_shard(root: Path, where: str, shard: Object) -> list[Object]:
    leaves = lines(root, where, "leaf")
    must(len(leaves) == shard["leaf_count"], where, f"has {len(leaves)} leaves, not {shard['leaf_count']}")
    names = [leaf["application_id"] for leaf in leaves]
    for number, (a, b) in enumerate(pairwise(names), start=2):
        must(a < b, f"{where} line {number}", "is there twice or out of order")
    for number, name in enumerate(names, start=1):
        must(_shard_of(name) == shard["shard"], f"{where} line {number}", "belongs into another shard")
    must(tree_root(map(canonical, leaves)) == shard["root"], where, "is not what its anchor stands on")
    return leaves


def _proven(root: Path, name: str, anchors: Sequence[Object]) -> Iterator[tuple[str, Object]]:
    where = f"proofs/{name}.jsonl"
    proofs = lines(root, where, "proof")
    must(len(proofs) == len(anchors), where, f"has {len(proofs)} proofs for {len(anchors)} anchors")
    for number, (proof, anchor) in enumerate(zip(proofs, anchors, strict=True), start=1):
        here = f"{where} line {number}"
        must(proof["day"] == anchor["day"], here, f"must be of {anchor['day']}")
        empty = {"leaf_count": 0, "root": ""}
        shard = next((each for each in anchor["shards"] if each["shard"] == _shard_of(name)), empty)
        shown = [members(each, here, "proven leaf") for each in proof["leaves"]]
        leaves = [members(each["leaf"], here, "leaf") for each in shown]
        must(all(_is_proven(each, shard) for each in shown), here, "its path does not lead to the anchor")
        own = [leaf for leaf in leaves if leaf["application_id"] == name]
        shows = own if proof["is_there"] is True else _is_absent(name, shown, shard)
        must(shows, here, "does not show what it says")
        yield from ((anchor["day"], leaf) for leaf in own)


def _is_absent(name: str, shown: Sequence[Object], shard: Object) -> bool:
    """Say whether neighbours leave no place for a leaf of this name between them."""
    places = [(each["leaf"]["application_id"], each["index"]) for each in shown]
    below = [index for other, index in places if other < name]
    above = [index for other, index in places if other > name]
    is_all = len(below) + len(above) == len(places)
    return bool(is_all and min(above, default=shard["leaf_count"]) == max(below, default=-1) + 1)


def _is_proven(proven: Object, shard: Object) -> bool:
    """Say whether an audit path leads from its leaf to the shard's root (RFC 9162 section 2.1.3.2)."""
    index, last = proven["index"], shard["leaf_count"] - 1
    if type(index) is not int or not 0 <= index <= last:
        return False
    result = hashlib.sha256(b"\x00" + canonical(proven["leaf"])).digest()
    for sibling in map(bytes.fromhex, proven["path"]):
        if last == 0:
            return False
        if index % 2 or index == last:
            result = _node(sibling, result)
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            result = _node(result, sibling)
        index, last = index // 2, last // 2
    return last == 0 and bool(result.hex() == shard["root"])


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _shard_of(name: str) -> str:
    return f"{zlib.crc32(name.encode()) % 256:02x}"


def _day(at: str) -> str:
    return datetime.fromisoformat(at).astimezone(JAKARTA).date().isoformat()
