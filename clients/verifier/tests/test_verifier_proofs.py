"""Inclusion and consistency proofs, against published cases and against the definitions of RFC 6962."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_verifier import VerificationError, verify_consistency, verify_inclusion
from ringfence_verifier.proofs import TreeHash, leaf_hash

from .notes import consistency, path, tree_hash

sizes = st.integers(1, 70)


def leaves_of(size: int) -> list[bytes]:
    """Distinct leaves."""
    return [f"leaf {number}".encode() for number in range(size)]


def accepted(case: dict[str, Any]) -> bool:
    """Gives the verifier's verdict on a published case."""
    proof = [b64decode(node) for node in case["proof"] or []]
    try:
        if "leafIdx" in case:
            verify_inclusion(
                b64decode(case["leafHash"]), case["leafIdx"], case["treeSize"], proof, b64decode(case["root"])
            )
        else:
            verify_consistency(case["size1"], b64decode(case["root1"]), case["size2"], b64decode(case["root2"]), proof)
    except VerificationError:
        return False
    return True


def test_published_proof_cases_get_their_verdict(merkle_data: Path) -> None:
    """Every published inclusion and consistency case is accepted or refused as its wantErr says."""
    cases = sorted((merkle_data / "rfc6962").rglob("*.json"))
    assert len(cases) > 80
    wrong = [str(file) for file in cases if accepted(case := json.loads(file.read_text())) is case["wantErr"]]
    assert wrong == []


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


def test_hashes_of_another_length_are_refused() -> None:
    """A proof hash of 31 bytes is refused before it is hashed."""
    leaves = leaves_of(2)
    with pytest.raises(VerificationError, match="32 bytes"):
        verify_inclusion(leaf_hash(leaves[0]), 0, 2, [leaf_hash(leaves[1])[:31]], tree_hash(leaves))
