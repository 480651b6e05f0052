"""Waves, entries and whole bundles for the tests of the draw and of its verifier."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from gelombang.domain.draw import Entry, RestoredEntry, Result, hold_draw, seed_of, spec_of
from gelombang.domain.draw_bundle import (
    COMMITMENT,
    DRAW,
    ENTRIES,
    MANIFEST,
    RESULTS,
    RULES,
    commitment_file,
    draw_file,
    entries_file,
    manifest_file,
    results_file,
    rules_file,
)
from gelombang.domain.merkle import build_tree
from gelombang.domain.wave import WaveDefinition, definition_from_json

REGIONS = ("3171", "3578", "9171")
SECRET = bytes(range(32))


def definition_of(**fields: object) -> WaveDefinition:
    """Return a small wave, changed in the given fields."""
    return definition_from_json({
        "wave_id": "gelombang-9",
        "name": "Gelombang 9 (Ōsaka ✓)",
        "opens_at": "2026-11-23T09:00:00+07:00",
        "closes_at": "2026-11-26T16:00:00+07:00",
        "quota": {"3171": 3, "3578": 2},
        "rule_set": "2023",
        "reserve_percent": 50,
        **fields,
    })  # fmt: skip


def entry_of_number(
    number: int,
    region: str,
    household: int,
    before: int = 0,
    *,
    priority: bool = False,
    restored: bool = False,
) -> Entry:
    """Return an entry whose id and household follow from the numbers."""
    spread = random.Random(number).getrandbits(96)  # noqa: S311 - repeats on purpose
    kind = RestoredEntry if restored else Entry
    return kind(f"{spread:024x}{number:08x}", region, f"{household:032x}", before, priority)


@st.composite
def definitions(draw: st.DrawFn) -> WaveDefinition:
    """Give small waves of up to three regions."""
    quota = draw(st.dictionaries(st.sampled_from(REGIONS), st.integers(0, 5), min_size=1))
    return definition_of(
        quota=quota,
        priority_seats=draw(st.integers(0, sum(quota.values()))),
        reserve_percent=draw(st.integers(0, 100)),
        max_recipients_per_household=draw(st.integers(1, 3)),
    )


@st.composite
def entry_lists(draw: st.DrawFn) -> list[Entry]:
    """Give up to 24 entries of few households, so that limits are met."""
    before = draw(st.lists(st.integers(0, 3), min_size=6, max_size=6))
    has_restored = draw(st.booleans())
    kinds = st.booleans() if has_restored else st.just(value=False)
    drafts = draw(
        st.lists(st.tuples(st.sampled_from(REGIONS), st.integers(0, 5), st.booleans(), kinds), max_size=24)
    )
    return [
        entry_of_number(number, region, household, before[household], priority=priority, restored=restored)
        for number, (region, household, priority, restored) in enumerate(drafts)
    ]


@dataclass(frozen=True)
class Bundle:
    """A whole draw and its files."""

    results: tuple[Result, ...]
    files: dict[str, bytes]

    def write(self, folder: Path) -> Path:
        """Put the files into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
        return folder


def hold_whole_draw(definition: WaveDefinition, entries: list[Entry], beacon: bytes = b"") -> Bundle:
    """Return the bundle of a draw with a known secret, made as the steps of a wave make it."""
    content = entries_file(entries)
    root = build_tree(content.splitlines()).root
    results = hold_draw(definition, entries, seed_of(root, SECRET, beacon, spec_of(entries)))
    commitment = commitment_file(definition, entries, SECRET)
    files = {
        RULES: rules_file(definition, spec_of(entries)),
        ENTRIES: content,
        COMMITMENT: commitment,
        DRAW: draw_file(commitment, SECRET, beacon),
        RESULTS: results_file(results),
    }
    return Bundle(results, {**files, MANIFEST: manifest_file(definition, files)})
