"""Inclusion and consistency proofs, against the definitions of RFC 6962."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_verifier import VerificationError, verify_consistency, verify_inclusion
from ringfence_verifier.proofs import TreeHash, leaf_hash

from .mutations.proofs import consistent, included
from .notes import consistency, path, tree_hash

sizes = st.integers(1, 70)


def leaves_of(size: int) -> list[bytes]:
    """Distinct leaves."""
    return [f"leaf {number}".encode() for number in range(size)]


@given(sizes, st.data())
def test_inclusion_proofs_by_definition_are_accepted(size: int, data: st.DataObject) -> None:
    """A path made as RFC 6962 defines it proves its leaf at its index and at no other."""
    leaves = leaves_of(size)
    index = data.draw(st.integers(0, size - 1))
    proof, root = path(index, leaves), tree_hash(leaves)
    verify_inclusion(leaf_hash(leaves[index]), index, size, proof, root)
    other = data.draw(st.integers(0, size + 1).filter(lambda value: value != index))
    with pytest.raises(VerificationError):
        verify_inclusion(leaf_hash(leaves[index]), other, size, proof, root)


@given(sizes, st.data())
def test_consistency_proofs_by_definition_are_accepted(size: int, data: st.DataObject) -> None:
    """A consistency proof made as RFC 6962 defines it holds, and holds for no changed prefix."""
    leaves = leaves_of(size)
    old = data.draw(st.integers(1, size))
    proof, root = consistency(old, leaves), tree_hash(leaves)
    verify_consistency(old, tree_hash(leaves[:old]), size, root, proof)
    changed = tree_hash([b"changed", *leaves[1:old]])
    with pytest.raises(VerificationError):
        verify_consistency(old, changed, size, root, proof)


@given(st.integers(0, 70))
def test_streamed_tree_head_equals_the_definition(size: int) -> None:
    """The head computed leaf by leaf is the recursive one at every size, the empty log included."""
    tree = TreeHash()
    tree.extend(leaves_of(size))
    assert (tree.size, tree.root()) == (size, tree_hash(leaves_of(size)))


@given(sizes, st.lists(st.binary(min_size=32, max_size=32), max_size=8), st.data())
def test_random_proofs_are_refused(size: int, proof: list[bytes], data: st.DataObject) -> None:
    """No proof of random hashes leads to a root."""
    index = data.draw(st.integers(0, size - 1))
    if size > 1:
        with pytest.raises(VerificationError):
            verify_inclusion(leaf_hash(b"x"), index, size, proof, tree_hash(leaves_of(size)))


def test_every_log_extends_the_empty_one_and_nothing_else_of_that_size() -> None:
    """Size 0 takes an empty proof and has the root of no leaves; no tree shrinks to it."""
    empty, root = tree_hash([]), tree_hash(leaves_of(5))
    verify_consistency(0, empty, 5, root, [])
    for old_root, size, proof in ((root, 5, []), (empty, 5, [root]), (empty, 0, [])):
        with pytest.raises(VerificationError):
            verify_consistency(0, old_root, size, root, proof)
    with pytest.raises(VerificationError, match="cannot extend"):
        verify_consistency(5, root, 0, empty, [])


def test_a_proof_has_the_length_of_its_tree() -> None:
    """A proof for a whole tree is none for the half of it where the leaf lies, nor the other way about."""
    leaves = leaves_of(8)
    root, hashed = tree_hash(leaves), leaf_hash(leaves[7])
    with pytest.raises(VerificationError, match="too long"):
        verify_inclusion(hashed, 3, 4, path(7, leaves), root)
    with pytest.raises(VerificationError, match="too short"):
        verify_inclusion(hashed, 15, 16, path(7, leaves), root)
    with pytest.raises(VerificationError, match="too long"):
        verify_consistency(3, tree_hash(leaves[:7]), 4, root, consistency(7, leaves))
    with pytest.raises(VerificationError, match="too short"):
        verify_consistency(15, tree_hash(leaves[:7]), 16, root, consistency(7, leaves))


def test_the_largest_tree_is_proven() -> None:
    """Proofs by definition over 2^63 - 1 leaves hold: whatever a checkpoint may say can be proven."""
    chance, leaf, size = Random(1), leaf_hash(b"leaf"), (1 << 63) - 1
    root, proof = included(chance, size - 1, size, leaf)
    verify_inclusion(leaf, size - 1, size, proof, root)
    old_root, new_root, extension = consistent(chance, size - 1, size)
    verify_consistency(size - 1, old_root, size, new_root, extension)


def test_no_tree_is_larger_than_a_checkpoint_may_say() -> None:
    """Proofs by definition over 2^63 leaves are refused, right as they are."""
    chance, leaf, size = Random(1), leaf_hash(b"leaf"), 1 << 63
    root, proof = included(chance, size - 1, size, leaf)
    with pytest.raises(VerificationError, match="larger"):
        verify_inclusion(leaf, size - 1, size, proof, root)
    old_root, new_root, extension = consistent(chance, size - 1, size)
    with pytest.raises(VerificationError, match="larger"):
        verify_consistency(size - 1, old_root, size, new_root, extension)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_hashes_of_another_length_are_refused(length: int) -> None:
    """Nothing but 32 bytes is a hash, wherever it stands, and is refused before it is hashed."""
    root, odd, leaf = tree_hash(leaves_of(3)), bytes(length), leaf_hash(b"leaf")
    for hashed, proof, whole in ((odd, [leaf], root), (leaf, [odd], root), (leaf, [leaf], odd)):
        with pytest.raises(VerificationError, match="32 bytes"):
            verify_inclusion(hashed, 0, 3, proof, whole)
        with pytest.raises(VerificationError, match="32 bytes"):
            verify_consistency(2, hashed, 3, whole, proof)
