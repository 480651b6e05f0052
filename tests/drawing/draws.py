"""Waves, entries and households for the tests of the draw, as values and as the rows of the reference."""

from __future__ import annotations

import io
import random
from collections import Counter
from dataclasses import astuple

from hypothesis import strategies as st

from gelombang.domain.draw import Entry, Member
from gelombang.domain.draw_bundle import sha256
from gelombang.domain.tags import generation_of
from gelombang.domain.wave import definition_from_json
from gelombang.drawing.columns import entries_of, households_of
from gelombang.drawing.holding import freeze, frozen_files, hold, write_results
from gelombang.journey.tags import find
from gelombang.journey.wave_rows import household_key, read_entries

REGIONS = ("3171", "3578", "9171")
SEED = bytes(range(32))


def definition_of(**fields):
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


def entry_of_number(number, region="3171", *, priority=False, restored=False):
    """Return an entry whose id follows from the number."""
    spread = random.Random(number).getrandbits(96)  # noqa: S311 - repeats on purpose
    return Entry(f"{spread:024x}{number:08x}", region, priority, restored)


def members_of(entries, households, most, before=None):
    """Return those whose household (a number for each entry) the limit can touch."""
    sizes, before = Counter(households), before or {}
    return [
        Member(entry.entry_id, f"{household:032x}", before.get(household, 0))
        for entry, household in zip(entries, households, strict=True)
        if sizes[household] + before.get(household, 0) > most
    ]


def plain_files(ports, definition):
    """Return the files of a freeze by the words of docs/draw-spec.md: every row an object, every household a read."""
    wave_id, stored = definition.wave_id, list(read_entries(ports, definition.wave_id))
    latest = max((generation_of(one.kk_tag) for one in stored), default=1)
    tags = {one.entry_id: ports.vault.raised(one.kk_tag, latest) for one in stored}
    sizes, before, members = Counter(tags.values()), {}, []
    for one in stored:
        tag = tags[one.entry_id]
        if tag not in before:
            row = find(ports, household_key, tag)
            seats = row.fields["seats"] if row else {}
            before[tag] = sum(count for wave, count in seats.items() if wave != wave_id)
        if sizes[tag] + before[tag] > definition.max_recipients_per_household:
            name = sha256(f"household:{wave_id}:{tag}".encode())[:32]
            members.append(Member(one.entry_id, name, before[tag]))
    entries = entries_of(Entry(one.entry_id, one.region, one.priority, one.restored) for one in stored)
    return frozen_files(definition, entries, households_of(entries, members))


@st.composite
def waves(draw, most_entries=60):
    """Give a wave with its entries and members of households."""
    count = draw(st.integers(0, most_entries))
    definition = definition_of(
        quota=draw(st.dictionaries(st.sampled_from(REGIONS), st.integers(0, 12), min_size=1)),
        reserve_percent=draw(st.sampled_from([0, 10, 50, 100])),
        max_recipients_per_household=draw(st.integers(1, 3)),
        unused_seats=draw(st.sampled_from(["stay", "pass_on"])),
    )
    most = sum(definition.quota.values())
    definition = definition_of(
        quota=definition.quota,
        reserve_percent=definition.reserve_percent,
        max_recipients_per_household=definition.max_recipients_per_household,
        unused_seats=definition.unused_seats,
        priority_seats=draw(st.integers(0, most)),
    )
    random_ = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311 - repeats on purpose
    entries = [
        entry_of_number(
            random_.getrandbits(32),
            random_.choice(REGIONS),
            priority=random_.random() < 0.3,
            restored=random_.random() < 0.1,
        )
        for _ in range(count)
    ]
    entries = list({entry.entry_id: entry for entry in entries}.values())
    households = [random_.randrange(max(1, count // 2)) for _ in entries]
    before = {number: random_.choice([0, 0, 1, 2]) for number in set(households)}
    members = members_of(entries, households, definition.max_recipients_per_household, before)
    return definition, entries, members


def held(definition, entries, members, seed=SEED, processes=1):
    """Return results.csv and the root of the results."""
    columns = entries_of(entries)
    wave = freeze(definition, columns, households_of(columns, members), processes=processes)
    written = io.BytesIO()
    told = write_results(wave, hold(wave, seed, processes), written, processes)
    return written.getvalue(), told


def rows_of(values):
    """Return the rows that the reference takes, ascending by entry."""
    return sorted(astuple(value) for value in values)
