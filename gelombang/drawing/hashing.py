"""Leaf hashes, Merkle roots and tickets of columns, over as many processes as are given.

Work is cut into spans of 65,536 rows, a power of two, so that each span is a whole subtree and a root is the same
whatever the number of processes. `hashlib` holds the interpreter's lock for short messages: threads would not help.

Source: RFC 6962 section 2.1 (tree hash), RFC 2104 (HMAC; the states after the padded keys are computed once).
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any, TypeVar

import numpy as np

from gelombang.drawing.columns import Bytes, Entries, hex_digits, region_digits

SPAN = 1 << 16
DIGEST_BYTES = 32
_BLOCK_BYTES = 64
_FLAGS = ((False, False), (False, True), (True, False), (True, True))

Told = TypeVar("Told")


def each_span(work: Callable[[int, int], Told], count: int, processes: int) -> Iterator[Told]:
    """Yield what `work` tells of each span of rows (start, stop), in order.

    With two processes or more the work is done in copies of this one: `work` may be any closure over arrays, which are
    shared and not copied; what it tells is sent back.
    """
    spans = [(start, min(start + SPAN, count)) for start in range(0, count, SPAN)]
    if processes < 2 or len(spans) < 2:  # noqa: PLR2004 - nothing to share
        yield from (work(*span) for span in spans)
        return
    with multiprocessing.get_context("fork").Pool(
        min(processes, len(spans)), initializer=_keep, initargs=(work,)
    ) as pool:
        yield from pool.imap(_do, spans)


def hash_entries(entries: Entries, processes: int = 1) -> tuple[Bytes, bytes]:
    """Return the leaf hash of each entry (n, 32) and the root of the tree (32 bytes)."""
    return _gather(lambda start, stop: _leaf_hashes(entries, start, stop), len(entries), processes)


def draw_tickets(leaf_hashes: Bytes, seed: bytes, processes: int = 1) -> Bytes:
    """Return the ticket of each entry (n, 32): HMAC-SHA-256 of its leaf hash under the seed (32 bytes)."""
    inner, outer = (
        sha256(bytes(byte ^ pad for byte in seed.ljust(_BLOCK_BYTES, b"\x00"))) for pad in (0x36, 0x5C)
    )

    def tickets(start: int, stop: int) -> Bytes:
        content, told = leaf_hashes[start:stop].tobytes(), []
        for at in range(0, len(content), DIGEST_BYTES):
            first, second = inner.copy(), outer.copy()
            first.update(content[at : at + DIGEST_BYTES])
            second.update(first.digest())
            told.append(second.digest())
        return _digests(told)

    return _stacked(list(each_span(tickets, len(leaf_hashes), processes)))


def hash_rows(rows: Bytes) -> Bytes:
    """Return SHA-256 (n, 32) of each row of bytes (n, length)."""
    content, length = rows.tobytes(), rows.shape[1]
    return _digests([sha256(content[at : at + length]).digest() for at in range(0, len(content), length)])


def level_above(hashes: Bytes) -> Bytes:
    """Return the next level of a tree; an odd last node is carried up as it is."""
    pairs = len(hashes) // 2
    rows = np.ones((pairs, 1 + 2 * DIGEST_BYTES), np.uint8)
    rows[:, 1:] = hashes[: 2 * pairs].reshape(pairs, 2 * DIGEST_BYTES)
    return np.concatenate([hash_rows(rows), hashes[2 * pairs :]])


def root_of(hashes: Bytes) -> bytes:
    """Return the root (32 bytes) over leaf hashes or over the roots of whole spans; SHA-256 of nothing for none."""
    while len(hashes) > 1:
        hashes = level_above(hashes)
    return hashes.tobytes() or sha256(b"").digest()


def _gather(work: Callable[[int, int], Bytes], count: int, processes: int) -> tuple[Bytes, bytes]:
    def hashes_and_root(start: int, stop: int) -> tuple[Bytes, bytes]:
        hashes = work(start, stop)
        return hashes, root_of(hashes)

    told = list(each_span(hashes_and_root, count, processes))
    return _stacked([hashes for hashes, _ in told]), root_of(_digests([root for _, root in told]))


def _leaf_hashes(entries: Entries, start: int, stop: int) -> Bytes:
    """Hash the leaves of a span: those with the same flags are equally long, and fill one matrix."""
    hashes = np.empty((stop - start, DIGEST_BYTES), np.uint8)
    ids, region = hex_digits(entries.ids[start:stop]), region_digits(entries.region[start:stop])
    for priority, restored in _FLAGS:
        which = np.flatnonzero(
            (entries.priority[start:stop] == priority) & (entries.restored[start:stop] == restored)
        )
        if len(which):
            parts = (
                b'\x00{"entry_id":"', ids[which], b'","priority":%b,"region":"' % _word(priority),
                region[which], b'","restored":%b}' % _word(restored),
            )  # fmt: skip
            hashes[which] = hash_rows(_beside(parts, len(which)))
    return hashes


def _beside(parts: tuple[bytes | Bytes, ...], count: int) -> Bytes:
    columns = [
        np.broadcast_to(np.frombuffer(part, np.uint8), (count, len(part)))
        if isinstance(part, bytes)
        else part
        for part in parts
    ]
    return np.concatenate(columns, axis=1)


def _word(flag: bool) -> bytes:
    return b"true" if flag else b"false"


def _digests(told: list[bytes]) -> Bytes:
    return np.frombuffer(b"".join(told), np.uint8).reshape(-1, DIGEST_BYTES)


def _stacked(parts: list[Bytes]) -> Bytes:
    return np.concatenate(parts) if parts else np.empty((0, DIGEST_BYTES), np.uint8)


_kept: list[Callable[[int, int], Any]] = []


def _keep(work: Callable[[int, int], Any]) -> None:
    _kept[:] = [work]


def _do(span: tuple[int, int]) -> Any:  # noqa: ANN401 - whatever the work tells
    return _kept[0](*span)
