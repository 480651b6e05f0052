"""The audit chain."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelombang.domain.audit import chain_fault, next_entry

NOON = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


def a_chain(count):
    entries, head = [], ""
    for number in range(count):
        at = NOON + timedelta(minutes=number)
        entries.append(next_entry(number, head, at, "happened", {"number": number}))
        head = entries[-1].entry_hash
    return entries, head


@given(st.integers(min_value=0, max_value=12))
def test_a_chain_as_written_has_no_fault(count):
    entries, head = a_chain(count)

    assert chain_fault(entries, count, head) == ""


@pytest.mark.parametrize("place", range(5))
def test_a_changed_entry_is_found_and_named(place):
    entries, head = a_chain(5)
    entries[place] = replace(entries[place], facts={"number": 99})

    assert f"entry {place + 1}" in chain_fault(entries, 5, head)


@pytest.mark.parametrize("place", range(4))
def test_a_removed_or_moved_entry_is_found(place):
    entries, head = a_chain(5)

    removed = entries[:place] + entries[place + 1 :]
    swapped = [*entries[:place], entries[place + 1], entries[place], *entries[place + 2 :]]

    assert chain_fault(removed, 5, head)
    assert chain_fault(swapped, 5, head)


def test_a_chain_cut_short_is_found_by_the_length_kept_elsewhere():
    entries, head = a_chain(5)

    assert "5 entries were written, 4 are there" in chain_fault(entries[:-1], 5, head)
