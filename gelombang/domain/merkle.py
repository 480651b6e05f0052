"""The Merkle tree of RFC 6962: one hash for a whole list, and a short proof that a leaf is in it.

Leaves are hashed with a 0x00 prefix and nodes with 0x01, so that no leaf can pass for a node.

Source: RFC 6962 section 2.1 (tree hash and audit path); proof check after RFC 9162 section 2.1.3.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tree:
    """All hashes of a tree: `levels[0]` those of the leaves in order, the last level the root alone."""

    levels: tuple[tuple[bytes, ...], ...]

    @property
    def root(self) -> bytes:
        """The 32 bytes that stand for the whole list; SHA-256 of nothing for an empty one."""
        return self.levels[-1][0] if self.levels[0] else hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash (32 bytes) of one leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def build_tree(leaves: Sequence[bytes]) -> Tree:
    """Return the tree of `leaves` in their order."""
    levels = [tuple(map(leaf_hash, leaves))]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = [_node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
        levels.append((*pairs, *below[len(pairs) * 2 :]))  # an odd last node is carried up as it is
    return Tree(tuple(levels))


def prove(tree: Tree, index: int) -> tuple[bytes, ...]:
    """Return the proof that leaf `index` (from 0) is in the tree: the sibling hashes from the leaf upwards.

    Raises:
        IndexError: the tree has no such leaf.
    """
    if not 0 <= index < len(tree.levels[0]):
        raise IndexError(index)
    proof = []
    for level in tree.levels[:-1]:
        if (index ^ 1) < len(level):
            proof.append(level[index ^ 1])
        index //= 2
    return tuple(proof)


def is_proven(leaf: bytes, index: int, count: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Say whether `proof` shows that `leaf` is number `index` (from 0) of `count` leaves under `root`."""
    if not 0 <= index < count:
        return False
    last, result = count - 1, leaf_hash(leaf)
    for sibling in proof:
        if last == 0:
            return False
        if index % 2 or index == last:
            result = _node_hash(sibling, result)
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            result = _node_hash(result, sibling)
        index, last = index // 2, last // 2
    return last == 0 and result == root


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
