"""The daily anchor: one signed file that pins the head of every audit chain that grew on a day, and the anchor before.

    leaves/<day>/<shard>.jsonl   a line for each application whose chain grew: its length and head at the day's end
    anchors/<day>.json           a Merkle root for each shard and one over all, linked to the file of the day before

A chain alone cannot show that its newest entries were cut off; its leaf in an anchor does. docs/audit-spec.md says
every member. Leaves are in shards so that a day of millions is made shard by shard; trees are those of RFC 6962.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from gelombang.domain.decision import Json, canonical
from gelombang.domain.merkle import Tree, build_tree, prove

SPEC = "gelombang-anchor-1"
FIRST = ""  # what the first anchor names as the one before


@dataclass(frozen=True, slots=True)
class Leaf:
    """How long an application's chain was at the end of a day, and the hash of its last entry then."""

    application_id: str
    length: int
    head: str


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard of a day: how many leaves, and the root (hex) of their tree."""

    shard: str  # two hex digits
    leaf_count: int
    root: str


def leaves_file(leaves: Iterable[Leaf]) -> bytes:
    """Return a shard's file: one leaf a line, by application; the order of `leaves` does not matter."""
    ordered = sorted(leaves, key=lambda leaf: leaf.application_id)
    return b"".join(canonical(asdict(leaf)) + b"\n" for leaf in ordered)


def leaves_from(content: bytes) -> list[Leaf]:
    """Return the leaves of a file that `leaves_file` wrote."""
    return [Leaf(**json.loads(line)) for line in content.splitlines()]


def shard_of_file(shard: int, content: bytes) -> Shard:
    """Return what an anchor says of one shard's file."""
    lines = content.splitlines()
    return Shard(f"{shard:02x}", len(lines), build_tree(lines).root.hex())


def anchor(programme: str, day: date, number: int, previous_sha256: str, shards: Sequence[Shard]) -> Json:
    """Return a day's anchor, the `number`-th (1, 2, 3 …); only shards that have leaves are in it."""
    told = [asdict(shard) for shard in shards]
    return {
        "spec": SPEC,
        "programme": programme,
        "day": day.isoformat(),
        "number": number,
        "previous_sha256": previous_sha256,
        "leaf_count": sum(shard.leaf_count for shard in shards),
        "shards": told,
        "root": build_tree([canonical(each) for each in told]).root.hex(),
    }


def anchor_file(content: Json, key_id: str, signature: str) -> bytes:
    """Return the file that is published: the anchor with its signature."""
    return canonical({"anchor": content, "key_id": key_id, "signature": signature})


def file_hash(content: bytes) -> str:
    """Return the SHA-256 (hex) by which the next anchor names this one's file."""
    return hashlib.sha256(content).hexdigest()


def proof_of(day: date, application_id: str, content: bytes) -> dict[str, Any]:
    """Return the proof, from its shard's file, of an application's leaf; or that there is none, by its neighbours."""
    lines = content.splitlines()
    names = [leaf.application_id for leaf in leaves_from(content)]
    place = bisect_left(names, application_id)
    is_there = place < len(names) and names[place] == application_id
    wanted = [place] if is_there else [i for i in (place - 1, place) if 0 <= i < len(names)]
    tree = build_tree(lines)
    shown = [_proven(tree, lines, index) for index in wanted]
    return {"day": day.isoformat(), "is_there": is_there, "leaves": shown}


def _proven(tree: Tree, lines: Sequence[bytes], index: int) -> dict[str, Any]:
    path = [node.hex() for node in prove(tree, index)]
    return {"index": index, "leaf": json.loads(lines[index]), "path": path}
