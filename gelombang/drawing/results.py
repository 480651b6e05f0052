"""results.csv and the tree over its leaves; a result's leaf says the same as its row, as canonical JSON."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import numpy as np

from gelombang.domain.draw import OUTCOME_OF, DrawOutcome
from gelombang.domain.wave import WaveDefinition
from gelombang.drawing.columns import REGION_CODES, Bytes, Entries
from gelombang.drawing.hashing import DIGEST_BYTES, each_span
from gelombang.drawing.passes import RULES, Results

HEADER = b"entry_id,ticket,rank,outcome,reserve,rule\n"
_WORDS = tuple((str(OUTCOME_OF[rule]), str(rule)) for rule in RULES)


def result_parts(entries: Entries, results: Results, processes: int = 1) -> Iterator[tuple[bytes, Bytes]]:
    """Yield results.csv part by part (the header not among them), each with its rows' leaf hashes (k, 32)."""

    def part(start: int, stop: int) -> tuple[bytes, Bytes]:
        lines, hashes = [], []
        for entry_id, ticket, rank, rule, reserve in _rows(entries, results, start, stop):
            outcome, name = _WORDS[rule]
            lines.append(f"{entry_id},{ticket},{rank},{outcome},{reserve},{name}\n")
            leaf = (
                f'\x00{{"entry_id":"{entry_id}","outcome":"{outcome}","rank":{rank},"reserve":{reserve},'
                f'"rule":"{name}","ticket":"{ticket}"}}'
            )
            hashes.append(sha256(leaf.encode()).digest())
        return "".join(lines).encode(), np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, DIGEST_BYTES)

    return each_span(part, len(entries), processes)


def count_outcomes(
    definition: WaveDefinition, entries: Entries, results: Results
) -> dict[str, dict[str, int]]:
    """Return how many entries of each region came to each outcome; every region of the quota is there."""
    outcomes = list(DrawOutcome)
    outcome_of_rule = np.array([outcomes.index(OUTCOME_OF[rule]) for rule in RULES])
    cells = entries.region.astype(np.int64) * len(outcomes) + outcome_of_rule[results.rule]
    counts = np.bincount(cells, minlength=REGION_CODES * len(outcomes)).reshape(REGION_CODES, -1)
    regions = {*definition.quota, *(f"{code:04d}" for code in np.unique(entries.region).tolist())}
    return {
        region: dict(zip(map(str, outcomes), counts[int(region)].tolist(), strict=True))
        for region in sorted(regions)
    }


def _rows(
    entries: Entries, results: Results, start: int, stop: int
) -> Iterator[tuple[str, str, int, int, int]]:
    ids, tickets = entries.ids[start:stop].tobytes().hex(), results.tickets[start:stop].tobytes().hex()
    numbers = (column[start:stop].tolist() for column in (results.rank, results.rule, results.reserve))
    for row, (rank, rule, reserve) in enumerate(zip(*numbers, strict=True)):
        yield ids[32 * row : 32 * row + 32], tickets[64 * row : 64 * row + 64], rank, rule, reserve
