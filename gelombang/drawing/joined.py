"""Who joined a wave, read from the table into columns, and the households of theirs that the limit can touch.

    partition by partition ─▶ ids, regions, flags, tags of households ─▶ Entries
    tags, all of one generation, sorted ─▶ members of each ─▶ and seats it had before ─▶ Households

A row is held only until its partition is in columns, 53 bytes an entry; households are counted by sorting, and what
they had before is read a hundred keys a call, in blocks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gelombang.domain.tags import generation_of, tag_of
from gelombang.domain.wave import WaveDefinition
from gelombang.drawing.columns import ID_BYTES, Bytes, Entries, Flags, Households, Numbers, unhex
from gelombang.journey.ports import Ports, Row, Vault
from gelombang.journey.wave_rows import SHARDS, gate_key, recipients_before

BLOCK = 10_000  # households whose earlier seats are read, and held as text, together
MAC_BYTES = 32
PARTS = 2 * len(SHARDS)  # of a freeze: as many for reading entries as for reading households
Tell = Callable[[int], None]  # is told of how many parts are done


@dataclass(frozen=True, slots=True)
class Joined:
    """Everybody who takes part in a wave's draw, and whose household each is of."""

    entries: Entries
    generations: NDArray[np.uint8]  # (n,) of the tags: how many keys made each, see `gelombang.domain.tags`
    macs: Bytes  # (n, 32) what is secret in them


def read_joined(ports: Ports, wave_id: str, tell: Tell) -> Joined:
    """Return everybody whose row is there: it is so only if their application moved to JOINED in the same commit.

    Raises:
        DependencyError: the table could not be reached.
    """
    gates = {gate_key(wave_id, shard).partition: gate_key(wave_id, shard) for shard in SHARDS}
    parts: list[Joined] = []
    for partition, rows in ports.rows.read_partitions(gates):
        parts.append(_columns([row for row in rows if row.key != gates[partition]]))
        tell(len(parts))
    every = [part.entries for part in parts]
    entries = Entries(  # ascending as they are: a shard has the ids that begin with its two digits
        np.concatenate([each.ids for each in every]),
        np.concatenate([each.region for each in every]),
        np.concatenate([each.priority for each in every]),
        np.concatenate([each.restored for each in every]),
    )
    generations = np.concatenate([part.generations for part in parts])
    return Joined(entries, generations, np.concatenate([part.macs for part in parts]))


def touched_households(ports: Ports, definition: WaveDefinition, joined: Joined, tell: Tell) -> Households:
    """Return those whose household has too many members here and seats in other waves for all of them to be seated.

    Raises:
        DependencyError: the table, or the keys that make tags, could not be reached.
    """
    # Keys may have been changed while the wave was open: a household is one, whichever its members' tags are of.
    latest = int(joined.generations.max(initial=1))
    macs = _raised(ports.vault, joined, latest)
    order, first, sizes = _grouped(macs)
    wave_id, before = definition.wave_id, np.zeros(len(sizes), np.int64)
    for start in range(0, len(sizes), BLOCK):
        block = order[first[start : start + BLOCK]]
        before[start : start + BLOCK] = recipients_before(ports, _tags(latest, macs[block]), wave_id)
        tell(len(SHARDS) + len(SHARDS) * (start + len(block)) // len(sizes))
    is_touched = sizes + before > definition.max_recipients_per_household
    names = _names(wave_id, _tags(latest, macs[order[first[is_touched]]]))
    rows = order[np.repeat(is_touched, sizes)]
    by_id = np.argsort(rows)
    of = np.repeat(np.arange(len(names)), sizes[is_touched])[by_id]
    return Households(rows[by_id], names[of], before[is_touched][of])


def _columns(rows: Sequence[Row]) -> Joined:
    """Return the rows of one shard, ascending by id, without those that take part in no draw."""
    fields = [row.fields for row in rows if not row.fields.get("is_held")]
    tags = [each["kk_tag"] for each in fields]
    ids = unhex([each["entry_id"] for each in fields])
    by_id = np.lexsort(ids.T[::-1])
    entries = Entries(
        ids[by_id],
        np.array([int(each["region"]) for each in fields], np.uint16)[by_id],
        _flags([each["priority"] for each in fields])[by_id],
        _flags([each.get("restored", False) for each in fields])[by_id],
    )
    generations = np.array([generation_of(tag) for tag in tags], np.uint8)
    return Joined(entries, generations[by_id], _macs(tags)[by_id])


def _raised(vault: Vault, joined: Joined, latest: int) -> Bytes:
    """Return the tags (n, 32), all as the latest keys of any make them: the vault is asked once for each other one."""
    macs = joined.macs
    for generation in range(1, latest):
        rows = np.flatnonzero(joined.generations == generation)
        if len(rows):
            order, first, sizes = _grouped(macs[rows])
            raised = [vault.raised(tag, latest) for tag in _tags(generation, macs[rows[order[first]]])]
            macs = macs.copy() if macs is joined.macs else macs
            macs[rows[order]] = np.repeat(_macs(raised), sizes, axis=0)
    return macs


def _grouped(macs: Bytes) -> tuple[Numbers, Numbers, Numbers]:
    """Return the rows, equal ones side by side; where in that order each group begins; and how many it has."""
    words = np.ascontiguousarray(macs).view(np.uint64)
    order = np.lexsort(words.T)
    is_first: Flags = np.ones(len(macs), np.bool_)
    is_first[1:] = False
    for word in words.T:
        sorted_word = word[order]
        is_first[1:] |= sorted_word[1:] != sorted_word[:-1]
    first = np.flatnonzero(is_first)
    return order, first, np.diff(first, append=len(macs))


def _names(wave_id: str, tags: Sequence[str]) -> Bytes:
    """Return what households are called in this wave's files: nobody who has not the tag, a secret, can tell whose.

    128 bits: no two households meet by chance.
    """
    named = [hashlib.sha256(f"household:{wave_id}:{tag}".encode()).digest()[:ID_BYTES] for tag in tags]
    return np.frombuffer(b"".join(named), np.uint8).reshape(-1, ID_BYTES)


def _tags(generation: int, macs: Bytes) -> list[str]:
    digits = np.ascontiguousarray(macs).tobytes().hex()
    return [
        tag_of(generation, digits[at : at + 2 * MAC_BYTES]) for at in range(0, len(digits), 2 * MAC_BYTES)
    ]


def _macs(tags: Sequence[str]) -> Bytes:
    macs = bytes.fromhex("".join(tag.rpartition("-")[2] for tag in tags))
    return np.frombuffer(macs, np.uint8).reshape(-1, MAC_BYTES)


def _flags(values: Sequence[bool]) -> Flags:
    return np.array(values, np.bool_)
