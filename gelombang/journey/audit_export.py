"""Writes what an auditor needs to check decisions without us: the folder of docs/audit-spec.md, file by file.

Anchors go first, for chains only grow: what is read later is never shorter than its leaf says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from gelombang.domain.anchor import proof_of
from gelombang.domain.application import ApplicationId
from gelombang.domain.audit import AuditEntry
from gelombang.domain.decision import canonical, rules_document, rules_hash
from gelombang.domain.programme import Programme
from gelombang.journey import anchors, decisions
from gelombang.journey.anchors import anchor_key, leaves_key, leaves_on
from gelombang.journey.applications import SHARDS, audit_of, shard_of
from gelombang.journey.decisions import SignedBundle, bundles_of
from gelombang.journey.ports import Ports

File = tuple[str, bytes]  # its name in the folder, and its content


def export(
    ports: Ports, programme: Programme, names: Iterable[str], *, has_everything: bool
) -> Iterator[File]:
    """Give the files about some applications, or, where `names` are all there are, about everything.

    Raises:
        DependencyError: a store could not be reached.
    """
    days = list(anchors.anchor_days(ports))
    yield from ((f"anchors/{day.isoformat()}.json", ports.archive.read(anchor_key(day))) for day in days)
    if has_everything:
        yield from _leaves(ports, days)
    rules = {rules_hash(each): canonical(rules_document(each)) for each in programme.rule_sets}
    used: set[str] = set()
    for name in names:
        yield f"chains/{name}.jsonl", _lines(map(_entry, audit_of(ports, ApplicationId(name))))
        for bundle in bundles_of(ports, name):
            content = bundle.content
            used.add(content.get("rule_set", {}).get("sha256", ""))
            yield f"bundles/{name}/{content['sequence']:06d}.json", _signed(bundle, content)
        if not has_everything:
            shard = shard_of(name)
            yield f"proofs/{name}.jsonl", _lines(proof_of(d, name, leaves_on(ports, d, shard)) for d in days)
    yield from ((f"rules/{sha256}.json", rules[sha256]) for sha256 in sorted(used & {*rules}))
    yield "keys.json", canonical(decisions.published_keys(ports, programme.name))


def _leaves(ports: Ports, days: Iterable[date]) -> Iterator[File]:
    for day in days:
        for shard in range(SHARDS):
            if content := leaves_on(ports, day, shard):
                yield leaves_key(day, shard).removeprefix("audit/"), content


def _entry(entry: AuditEntry) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "at": entry.at.isoformat(),
        "event": entry.event,
        "facts": entry.facts,
        "previous_hash": entry.previous_hash,
        "entry_hash": entry.entry_hash,
    }


def _signed(bundle: SignedBundle, content: dict[str, Any]) -> bytes:
    return canonical({"bundle": content, "key_id": bundle.key_id, "signature": bundle.signature})


def _lines(each: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(canonical(line) + b"\n" for line in each)
