"""A whole draw over columns: what a freeze says of itself, and what follows from a seed.

entries, households ─describe─▶ Frozen (root, counts, hashes) ─▶ commitment.json
seed ─hold─▶ tickets ─passes─▶ Results ─write_results─▶ results.csv, results_root
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from gelombang.domain.draw_bundle import ENTRIES, HOUSEHOLDS, RULES, Frozen, rules_file, sha256
from gelombang.domain.wave import WaveDefinition
from gelombang.drawing.columns import REGION_CODES, Bytes, Entries, Households, entries_file, households_file
from gelombang.drawing.hashing import draw_tickets, hash_entries, root_of
from gelombang.drawing.passes import Results, decide
from gelombang.drawing.results import HEADER, result_parts


@dataclass(frozen=True, slots=True)
class FrozenWave:
    """A closed wave's entries with everything that follows from them before a seed is known."""

    definition: WaveDefinition
    entries: Entries
    households: Households
    leaf_hashes: Bytes = field(repr=False)  # (n, 32)
    frozen: Frozen


def frozen_files(definition: WaveDefinition, entries: Entries, households: Households) -> dict[str, bytes]:
    """Return the files of a freeze, by name."""
    return {
        RULES: rules_file(definition),
        ENTRIES: entries_file(entries),
        HOUSEHOLDS: households_file(entries, households),
    }


def freeze(
    definition: WaveDefinition,
    entries: Entries,
    households: Households,
    hashes: Mapping[str, str] | None = None,
    processes: int = 1,
) -> FrozenWave:
    """Return what the commitment will say of these entries, with the leaf hashes that the draw will need.

    `hashes` are those of `frozen_files` by name (SHA-256, hex), where somebody has them.
    """
    leaf_hashes, root = hash_entries(entries, processes)
    known = hashes or {
        name: sha256(content) for name, content in frozen_files(definition, entries, households).items()
    }
    frozen = Frozen(
        root=root.hex(),
        entry_count=len(entries),
        counts=_counts(definition, entries),
        rules_sha256=known[RULES],
        entries_sha256=known[ENTRIES],
        households_sha256=known[HOUSEHOLDS],
    )
    return FrozenWave(definition, entries, households, leaf_hashes, frozen)


def hold(wave: FrozenWave, seed: bytes, processes: int = 1) -> Results:
    """Return what became of each entry under this seed (32 bytes); the number of processes plays no part."""
    tickets = draw_tickets(wave.leaf_hashes, seed, processes)
    return decide(wave.definition, wave.entries, wave.households, tickets)


def write_results(wave: FrozenWave, results: Results, to: BinaryIO, processes: int = 1) -> tuple[str, str]:
    """Write results.csv; return its SHA-256 and the root of the results, hex."""
    digest, roots = hashlib.sha256(), []
    for part, hashes in _with_header(result_parts(wave.entries, results, processes)):
        to.write(part)
        digest.update(part)
        if len(hashes):
            roots.append(np.frombuffer(root_of(hashes), np.uint8))
    return digest.hexdigest(), root_of(np.array(roots, np.uint8).reshape(-1, 32)).hex()


def _with_header(parts: Iterator[tuple[bytes, Bytes]]) -> Iterator[tuple[bytes, Bytes]]:
    yield HEADER, np.empty((0, 32), np.uint8)
    yield from parts


def _counts(definition: WaveDefinition, entries: Entries) -> dict[str, dict[str, int]]:
    kinds = {
        "general": ~entries.priority & ~entries.restored,
        "priority": entries.priority & ~entries.restored,
        "restored": entries.restored,
    }
    counted = {
        kind: np.bincount(entries.region[which], minlength=REGION_CODES) for kind, which in kinds.items()
    }
    regions = {*definition.quota, *(f"{code:04d}" for code in np.unique(entries.region).tolist())}
    return {
        region: {kind: int(counts[int(region)]) for kind, counts in counted.items()}
        for region in sorted(regions)
    }
