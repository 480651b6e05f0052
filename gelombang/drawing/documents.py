"""What each person can check alone: their entry and their result, each with its proof under a published root."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from gelombang.domain.draw import OUTCOME_OF, SPEC, Entry, Result, canonical
from gelombang.drawing.columns import Bytes, Entries
from gelombang.drawing.hashing import level_above
from gelombang.drawing.passes import RULES, Results

Levels = list[Bytes]  # of a tree: leaf hashes first, each (n, 32)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A held draw with both its trees; `promised` is what every document of it says alike."""

    promised: dict[str, str]  # wave_id, commitment_sha256, root, results_root, seed
    entries: Entries
    results: Results
    entry_levels: Levels
    result_levels: Levels


def levels_of(leaf_hashes: Bytes) -> Levels:
    """Return a tree's levels, from the leaf hashes (n, 32) up to the root alone."""
    levels = [leaf_hashes]
    while len(levels[-1]) > 1:
        levels.append(level_above(levels[-1]))
    return levels


def proof_of(levels: Levels, index: int) -> list[str]:
    """Return the proof that leaf `index` (from 0) is in the tree: sibling hashes from the leaf upwards, hex."""
    proof = []
    for level in levels[:-1]:
        if (index ^ 1) < len(level):
            proof.append(level[index ^ 1].tobytes().hex())
        index //= 2
    return proof


def entry_at(entries: Entries, index: int) -> Entry:
    """Return one entry of the columns."""
    region = f"{int(entries.region[index]):04d}"
    entry_id = entries.ids[index].tobytes().hex()
    return Entry(entry_id, region, bool(entries.priority[index]), bool(entries.restored[index]))


def result_at(entries: Entries, results: Results, index: int) -> Result:
    """Return one result of the columns."""
    rule = RULES[results.rule[index]]
    return Result(
        entries.ids[index].tobytes().hex(),
        results.tickets[index].tobytes().hex(),
        int(results.rank[index]),
        OUTCOME_OF[rule],
        int(results.reserve[index]),
        rule,
    )


def document_of(drawn: Drawn, index: int) -> bytes:
    """Return results/ENTRY_ID.json of docs/draw-spec.md for the entry at `index`."""
    entry, result = entry_at(drawn.entries, index), result_at(drawn.entries, drawn.results, index)
    return canonical({
        "spec": SPEC,
        **drawn.promised,
        "entry_count": len(drawn.entries),
        "index": index,
        "entry": asdict(entry),
        "entry_proof": proof_of(drawn.entry_levels, index),
        "result": asdict(result),
        "result_proof": proof_of(drawn.result_levels, index),
    })  # fmt: skip
