"""The Merkle tree, against a direct reading of RFC 6962 and its published values."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelombang.domain.merkle import build_tree, is_proven, leaf_hash, prove

LISTS = st.lists(st.binary(max_size=8), max_size=40)
# The eight leaves that RFC 6962 implementations test with, and the roots of their first n.
LEAVES = [bytes.fromhex(leaf) for leaf in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def root_by_the_book(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + root_by_the_book(leaves[:k]) + root_by_the_book(leaves[k:])).digest()


def path_by_the_book(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1, word by word."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if index < k:
        return [*path_by_the_book(index, leaves[:k]), root_by_the_book(leaves[k:])]
    return [*path_by_the_book(index - k, leaves[k:]), root_by_the_book(leaves[:k])]


@pytest.mark.parametrize("count", ROOTS)
def test_the_root_is_the_one_published_for_known_leaves(count):
    assert build_tree(LEAVES[:count]).root.hex() == ROOTS[count]


@given(LISTS)
def test_the_root_is_the_tree_hash_of_the_standard(leaves):
    assert build_tree(leaves).root == root_by_the_book(leaves)


@given(LISTS.filter(bool), st.data())
def test_a_proof_is_the_audit_path_of_the_standard_and_is_accepted(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    tree = build_tree(leaves)

    proof = prove(tree, index)

    assert list(proof) == path_by_the_book(index, leaves)
    assert is_proven(leaves[index], index, len(leaves), proof, tree.root)


@given(st.lists(st.binary(max_size=8), min_size=2, max_size=40, unique=True), st.data())
def test_a_proof_for_anything_else_is_refused(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    other = data.draw(st.integers(0, len(leaves) - 1).filter(lambda value: value != index))
    tree = build_tree(leaves)
    proof = prove(tree, index)

    assert not is_proven(leaves[other], index, len(leaves), proof, tree.root)
    assert not is_proven(leaves[index], len(leaves), len(leaves), proof, tree.root)
    assert not is_proven(leaves[index], index, len(leaves), proof[:-1], tree.root)
    assert not is_proven(leaves[index], index, len(leaves), (*proof, tree.root), tree.root)
    assert not is_proven(leaves[index], index, len(leaves), proof, leaf_hash(b"another root"))


def test_a_node_cannot_pass_for_a_leaf():
    left, right = leaf_hash(b"a"), leaf_hash(b"b")

    assert leaf_hash(left + right) != build_tree([b"a", b"b"]).root


@pytest.mark.parametrize("index", [-1, 2])
def test_a_leaf_outside_the_tree_has_no_proof(index):
    with pytest.raises(IndexError):
        prove(build_tree([b"a", b"b"]), index)
