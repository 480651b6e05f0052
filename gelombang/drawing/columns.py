"""Frozen entries and households in columns, and the two files that hold them, byte for byte.

A row of entries.csv is always 42 bytes long, so ten million of them are read and written as one matrix of bytes.
Source of both formats: docs/draw-spec.md, "Files of a bundle".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gelombang.domain.draw import Entry, Member

Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]

ENTRIES_HEADER = b"entry_id,region,priority,restored\n"
HOUSEHOLDS_HEADER = b"entry_id,household,recipients_before\n"
REGION_CODES = 10_000  # of four digits, with room to be indexed by
ID_BYTES = 16
_ROW = np.frombuffer(b"0" * 32 + b",0000,0,0\n", np.uint8)
_IDS, _REGIONS, _PRIORITY, _RESTORED = slice(0, 32), slice(33, 37), 38, 40
_PUNCTUATION = [32, 37, 39, 41]
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_NO_DIGIT = 255
_VALUE_OF = np.full(256, _NO_DIGIT, np.uint8)
_VALUE_OF[_HEX] = np.arange(16)
_MEMBER = re.compile(rb"([0-9a-f]{32}),([0-9a-f]{32}),(0|[1-9][0-9]{0,15})")
_MOST = 2**53 - 1  # the largest whole number that every verifier can hold
NAMED_AT_MOST = 10  # rows named one by one; the rest are counted


class BundleError(Exception):
    """Files that cannot be compared at all; the argument is a list of sentences saying why."""


@dataclass(frozen=True, slots=True)
class Entries:
    """All entries of a wave, ascending by id."""

    ids: Bytes  # (n, 16)
    region: NDArray[np.uint16]  # (n,) the four digits as a number
    priority: Flags  # (n,)
    restored: Flags  # (n,)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Households:
    """The entries whose household the limit can touch, ascending by id."""

    rows: Numbers  # (m,) the entry's place among all entries
    names: Bytes  # (m, 16)
    before: Numbers  # (m,) seats that the household had in other waves


def entries_of(entries: Iterable[Entry]) -> Entries:
    """Return entries in columns; their order does not matter."""
    ordered = sorted(entries, key=lambda entry: entry.entry_id)
    return Entries(
        unhex([entry.entry_id for entry in ordered]),
        np.array([int(entry.region) for entry in ordered], np.uint16),
        np.array([entry.priority for entry in ordered], np.bool_),
        np.array([entry.restored for entry in ordered], np.bool_),
    )


def households_of(entries: Entries, members: Iterable[Member]) -> Households:
    """Return members of households in columns; their order does not matter.

    Raises:
        KeyError: one of them is no entry.
    """
    ordered = sorted(members, key=lambda member: member.entry_id)
    row_of = {each.tobytes().hex(): row for row, each in enumerate(entries.ids)} if ordered else {}
    return Households(
        np.array([row_of[member.entry_id] for member in ordered], np.int64),
        unhex([member.household for member in ordered]),
        np.array([member.recipients_before for member in ordered], np.int64),
    )


def entries_file(entries: Entries) -> bytes:
    """Return entries.csv."""
    rows = np.tile(_ROW, (len(entries), 1))
    rows[:, _IDS] = hex_digits(entries.ids)
    rows[:, _REGIONS] = region_digits(entries.region)
    rows[:, _PRIORITY] += entries.priority
    rows[:, _RESTORED] += entries.restored
    return b"".join((ENTRIES_HEADER, rows.data))  # one copy, of 42 bytes an entry, not two


def entries_from(content: bytes) -> Entries:
    """Return the entries of an entries.csv.

    Raises:
        BundleError: it is not in its one form; the first rows that are not are named.
    """
    rows = _matrix(content)
    values, regions = _VALUE_OF[rows[:, _IDS]], _VALUE_OF[rows[:, _REGIONS]]
    flags = rows[:, [_PRIORITY, _RESTORED]] - np.uint8(ord("0"))
    is_right = (
        (values != _NO_DIGIT).all(axis=1)
        & (regions < 10).all(axis=1)  # noqa: PLR2004 - decimal digits
        & (flags < 2).all(axis=1)  # noqa: PLR2004 - no or yes
        & (rows[:, _PUNCTUATION] == _ROW[_PUNCTUATION]).all(axis=1)
    )
    _require("entries.csv", is_right, "is no row of an entry")
    ids = ((values[:, ::2] << 4) | values[:, 1::2]).astype(np.uint8)
    _require("entries.csv", _ascends(ids), "does not come after the row before it by entry_id")
    codes = regions.astype(np.uint16) @ np.array([1000, 100, 10, 1], np.uint16)
    return Entries(ids, codes, flags[:, 0] == 1, flags[:, 1] == 1)


def households_file(entries: Entries, households: Households) -> bytes:
    """Return households.csv."""
    ids, names = entries.ids[households.rows].tobytes().hex(), households.names.tobytes().hex()
    lines = [
        f"{ids[32 * number : 32 * number + 32]},{names[32 * number : 32 * number + 32]},{before}\n"
        for number, before in enumerate(households.before.tolist())
    ]
    return HOUSEHOLDS_HEADER + "".join(lines).encode()


def households_from(content: bytes, entries: Entries) -> Households:
    """Return the households of a households.csv.

    Raises:
        BundleError: it is not in its one form, or names an entry that does not exist.
    """
    lines = _lines_after(content, HOUSEHOLDS_HEADER, "households.csv")
    found = [_MEMBER.fullmatch(line) for line in lines]
    is_right = np.array([one is not None and int(one[3]) <= _MOST for one in found], np.bool_)
    _require("households.csv", is_right, "is no row of a household")
    parts = [one.groups() for one in found if one]
    ids = unhex([one[0].decode() for one in parts])
    _require("households.csv", _ascends(ids), "does not come after the row before it by entry_id")
    rows = _places(ids, entries.ids)
    _require("households.csv", rows >= 0, "names an entry that does not exist")
    names = unhex([one[1].decode() for one in parts])
    return Households(rows, names, np.array([int(one[2]) for one in parts], np.int64))


def household_numbers(households: Households) -> tuple[Numbers, Numbers]:
    """Return for each member the number of its household (from 0), and for each household its first member."""
    keys = households.names.view("V16").reshape(-1)
    _, first, number = np.unique(keys, return_index=True, return_inverse=True)
    return number.reshape(-1).astype(np.int64), first.astype(np.int64)


def hex_digits(values: Bytes) -> Bytes:
    """Return the hex digits (n, 2k) of bytes (n, k), as ASCII."""
    digits = np.empty((len(values), values.shape[1] * 2), np.uint8)
    digits[:, ::2] = _HEX[values >> 4]
    digits[:, 1::2] = _HEX[values & 15]
    return digits


def region_digits(regions: NDArray[np.uint16]) -> Bytes:
    """Return the four digits of each region, as ASCII (n, 4)."""
    places = np.array([1000, 100, 10, 1], np.uint16)
    return (regions[:, None] // places % 10 + ord("0")).astype(np.uint8)


def unhex(texts: list[str]) -> Bytes:
    """Return bytes (n, 16) of n texts of 32 hex digits each."""
    return np.frombuffer(bytes.fromhex("".join(texts)), np.uint8).reshape(-1, ID_BYTES)


def _matrix(content: bytes) -> Bytes:
    if not content.startswith(ENTRIES_HEADER):
        raise BundleError(["entries.csv: the header line is not that of entries"])
    body = np.frombuffer(content, np.uint8, offset=len(ENTRIES_HEADER))
    whole, rest = divmod(len(body), len(_ROW))
    if rest:
        row = _first_odd_row(body[: whole * len(_ROW)].reshape(-1, len(_ROW)))
        raise BundleError([f"entries.csv line {row + 2}: is no row of an entry"])
    return body.reshape(-1, len(_ROW))


def _first_odd_row(rows: Bytes) -> int:
    """Return the number of the first row that does not end where it should."""
    is_odd = rows[:, -1] != ord("\n")
    return int(is_odd.argmax()) if is_odd.any() else len(rows)


def _lines_after(content: bytes, header: bytes, name: str) -> list[bytes]:
    if not content.startswith(header):
        raise BundleError([f"{name}: the header line is another one"])
    body = content[len(header) :]
    if body and not body.endswith(b"\n"):
        raise BundleError([f"{name}: the last line has no line feed"])
    return body.split(b"\n")[:-1]


def _ascends(ids: Bytes) -> Flags:
    """Say of each id whether it comes after the one before it."""
    keys = np.ascontiguousarray(ids).view(">u8").reshape(len(ids), 2)
    above, below = keys[1:], keys[:-1]
    is_after = (above[:, 0] > below[:, 0]) | ((above[:, 0] == below[:, 0]) & (above[:, 1] > below[:, 1]))
    return np.concatenate([np.ones(min(1, len(ids)), np.bool_), is_after])


def _places(ids: Bytes, among: Bytes) -> Numbers:
    """Return where each id stands among ascending ones, -1 where it does not."""
    known, asked = _comparable(among), _comparable(ids)
    places = np.searchsorted(known, asked)
    if not len(known):
        return np.full(len(asked), -1, np.int64)
    found = known[np.minimum(places, len(known) - 1)] == asked
    return np.where(found, places, -1).astype(np.int64)


def _comparable(ids: Bytes) -> NDArray[np.bytes_]:
    # S17, not S16: numpy ignores zero bytes at a text's end, and an id may end with them.
    return np.pad(ids, ((0, 0), (0, 1)), constant_values=1).view("S17").reshape(-1)


def _require(name: str, is_right: Flags, said: str) -> None:
    wrong = np.flatnonzero(~is_right)
    if len(wrong):
        faults = [f"{name} line {row + 2}: {said}" for row in wrong[:NAMED_AT_MOST].tolist()]
        more = len(wrong) - len(faults)
        raise BundleError(faults + ([f"{name}: {more} more lines are like this"] if more else []))
