"""One list as it is kept: keyed tags of NIKs in order, a bloom filter in front, and a header that says what it is.

    {"delivery": …, "codes": […], …}   a line of JSON, with the agency's signature and our own seal
    bloom filter                       BITS_A_ROW bits a row: most people are on no list, and that is seen here
    rows                               ROW bytes each, in order: a tag (32 bytes), and which of `codes` it has

The filter may take somebody for listed; whether they are is then looked for in the rows, so nobody fails by chance.
A tag is a keyed hash already, every bit of it as good as random: its own bytes say which bits of the filter it sets.
The file is mapped into memory and never read whole but to verify it, so a list may be larger than the process.
No NIK lies in it, and whoever has the file without the key that makes tags cannot try NIKs out.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gelombang.domain.tags import generation_of
from gelombang.lists.delivery import CHUNK, Delivery, ListError

TAG, ROW = 32, 33
BITS_A_ROW, HASHES = 10, 7  # one stranger in 120 is looked for in the rows, too
HEADER_MOST = 1 << 20
SEALED_AS = "signed-list"  # the purpose of the tag that seals a header


class ListHeader(BaseModel):
    """What a kept list is; `seal` is a keyed tag over everything else, so that nobody else can write one."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    delivery: Delivery
    codes: tuple[str, ...]  # what rows say beside being there; ("",): nothing
    generation: Annotated[int, Field(ge=1)]  # of the tags
    row_count: Annotated[int, Field(ge=0)]  # without what the agency listed twice
    filter_bits: Annotated[int, Field(ge=8, multiple_of=8)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]  # of everything behind the header
    seal: str = ""

    def sealed_content(self) -> str:
        """Return what the seal is a tag of."""
        import rfc8785  # noqa: PLC0415 - as in `delivery`

        return rfc8785.dumps(self.model_dump(mode="json", exclude={"seal"})).decode()


def row_of(tag: str, code: int = 0) -> bytes:
    """Return the row of a NIK's tag."""
    return bytes.fromhex(tag.rpartition("-")[2]) + bytes([code])


def tag_of(row: bytes, generation: int) -> str:
    """Return the tag in a row, as it is named elsewhere."""
    plain = row[:TAG].hex()
    return plain if generation == 1 else f"{generation}-{plain}"


def write_list(
    path: Path, delivery: Delivery, tagged: Iterable[tuple[str, str]], seal: Callable[[str], str]
) -> ListHeader:
    """Write a list from the tags and codes of its rows, in any order; the file is there whole or not at all.

    Raises:
        ListError: the tags are of different generations, there are too many codes, or one NIK has two.
    """
    found: dict[str, str] = {}
    for tag, code in tagged:
        if found.setdefault(tag, code) != code:
            raise ListError("a NIK is listed with two codes")
    generations = {generation_of(tag) for tag in found} or {1}
    codes = tuple(sorted(set(found.values()))) or ("",)
    if len(generations) > 1 or len(codes) > 256:  # noqa: PLR2004 - what a byte tells apart
        raise ListError("tags of different generations, or more than 256 codes")
    numbers = {code: number for number, code in enumerate(codes)}
    rows = sorted(row_of(tag, numbers[code]) for tag, code in found.items())
    found.clear()
    bloom = _filter_of(rows)
    digest = hashlib.sha256(bloom)
    for row in rows:
        digest.update(row)
    header = ListHeader(
        delivery=delivery,
        codes=codes,
        generation=generations.pop(),
        row_count=len(rows),
        filter_bits=len(bloom) * 8,
        sha256=digest.hexdigest(),
    )
    header = header.model_copy(update={"seal": seal(header.sealed_content())})
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(header.model_dump_json().encode() + b"\n")
        file.write(bloom)
        file.writelines(rows)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return header


class KeptList:
    """A list that is open: who is on it, and all its rows in order. Close it after use."""

    def __init__(self, path: Path) -> None:
        """Open a list, without having read it: see `must_be_whole` and `must_be_sealed`.

        Raises:
            ListError: it is no list, or it was cut off.
        """
        with path.open("rb") as file:
            line = file.readline(HEADER_MOST)
            try:
                self.header = ListHeader.model_validate_json(line)
            except ValidationError:
                raise ListError(f"{path.name} is no list") from None
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._filter = len(line)
        self._rows = self._filter + self.header.filter_bits // 8
        if len(self._map) != self._rows + self.header.row_count * ROW:
            self.close()
            raise ListError(f"{path.name} is not as long as it says")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()

    def code_of(self, tag: str) -> str | None:
        """Return what the list says of a NIK's tag ("" where it says nothing more than that), None: not listed.

        Raises:
            ListError: the tag is of another generation than the list's.
        """
        if generation_of(tag) != self.header.generation:
            raise ListError("the list has tags of another generation")
        wanted = row_of(tag)[:TAG]
        if not self.may_have(wanted):
            return None
        index = bisect_left(range(self.header.row_count), wanted, key=lambda each: self._row(each)[:TAG])
        row = self._row(index) if index < self.header.row_count else b""
        return self.header.codes[row[TAG]] if row[:TAG] == wanted else None

    def may_have(self, tag: bytes) -> bool:
        """Say what the filter says of a tag (32 bytes): False is certain, True is not."""
        bits, start = self._map, self._filter
        return all(bits[start + bit // 8] >> bit % 8 & 1 for bit in _bits_of(tag, self.header.filter_bits))

    def rows(self) -> Iterator[bytes]:
        """Give all rows in order, some at a time: no more of them is held."""
        step = CHUNK // ROW * ROW
        for start in range(self._rows, len(self._map), step):
            some = self._map[start : start + step]
            for each in range(0, len(some), ROW):
                yield some[each : each + ROW]

    def must_be_whole(self) -> None:
        """Read all of it, and find it as it was written.

        Raises:
            ListError: it is not.
        """
        digest = hashlib.sha256()
        for start in range(self._filter, len(self._map), CHUNK):
            digest.update(self._map[start : start + CHUNK])
        if digest.hexdigest() != self.header.sha256:
            raise ListError("the list is not as it was written")

    def must_be_in_order(self) -> None:
        """Read all rows, and find each after the one before and in the filter.

        Raises:
            ListError: one is not.
        """
        before = b""
        for number, row in enumerate(self.rows(), start=1):
            if row[:TAG] <= before or row[TAG] >= len(self.header.codes) or not self.may_have(row[:TAG]):
                raise ListError(f"row {number} is not in order, or the filter does not know it")
            before = row[:TAG]

    def _row(self, index: int) -> bytes:
        start = self._rows + index * ROW
        return self._map[start : start + ROW]


def _filter_of(rows: list[bytes]) -> bytes:
    filter_bytes = max(1, (len(rows) * BITS_A_ROW + 7) // 8)
    bloom = bytearray(filter_bytes)
    for row in rows:
        for bit in _bits_of(row, filter_bytes * 8):
            bloom[bit // 8] |= 1 << bit % 8
    return bytes(bloom)


def _bits_of(tag: bytes, bits: int) -> Iterator[int]:
    """Give the filter's bits of a tag: double hashing, with two halves of the tag for the two hashes.

    Source: Kirsch and Mitzenmacher, Less Hashing, Same Performance (2006).
    """
    first, second = int.from_bytes(tag[:8], "big"), int.from_bytes(tag[8:16], "big") | 1
    return ((first + number * second) % bits for number in range(HASHES))
