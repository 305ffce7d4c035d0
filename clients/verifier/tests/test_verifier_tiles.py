"""Trees from tiles, and a subtree's place in a larger tree, held to their definitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_verifier import VerificationError
from ringfence_verifier.tiles import ProvenTiles, fold, read_tile_path, tile_path, verify_subtree

from .mirrors import Log
from .notes import consistency, tree_hash

LEAVES = [b"%d" % number for number in range(70)]


def subtree_proof(start: int, end: int, leaves: list[bytes], *, is_given: bool = True) -> list[bytes]:
    """SUBTREE_PROOF of draft-ietf-plants-merkle-tree-certs §4.4, written as its definition."""
    if (start, end) == (0, len(leaves)):
        return [] if is_given else [tree_hash(leaves)]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if end <= split:
        return [*subtree_proof(start, end, leaves[:split], is_given=is_given), tree_hash(leaves[split:])]
    if split <= start:
        rest = subtree_proof(start - split, end - split, leaves[split:], is_given=is_given)
        return [*rest, tree_hash(leaves[:split])]
    return [*subtree_proof(0, end - split, leaves[split:], is_given=False), tree_hash(leaves[:split])]


def subtrees(size: int) -> list[tuple[int, int]]:
    """All subtrees of a tree."""
    spans = [(start, end) for end in range(1, size + 1) for start in range(end)]
    return [(start, end) for start, end in spans if start % (1 << (end - start - 1).bit_length()) == 0]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 31, 33, 70])
def test_every_subtree_is_proven_and_nothing_else(size: int) -> None:
    """And with a hash more, less or changed, or under another root, none is."""
    leaves = LEAVES[:size]
    root = tree_hash(leaves)
    for start, end in subtrees(size):
        subtree, proof = tree_hash(leaves[start:end]), subtree_proof(start, end, leaves)
        verify_subtree(start, end, subtree, size, root, proof)
        changed = [[*proof[:at], bytes(32), *proof[at + 1 :]] for at in range(len(proof))]
        for wrong in ([*proof, bytes(32)], proof[:-1] if proof else [bytes(32)], *changed):
            with pytest.raises(VerificationError):
                verify_subtree(start, end, subtree, size, root, wrong)
        for wrong_subtree, wrong_root in ((bytes(32), root), (subtree, bytes(32))):
            with pytest.raises(VerificationError):
                verify_subtree(start, end, wrong_subtree, size, wrong_root, proof)


@pytest.mark.parametrize(("start", "end", "size"), [(0, 0, 5), (3, 2, 5), (0, 6, 5), (1, 3, 5), (2, 5, 8), (-2, 0, 5)])
def test_what_is_no_subtree_is_refused(start: int, end: int, size: int) -> None:
    """Its start is a multiple of its span, and it ends within the tree."""
    with pytest.raises(VerificationError, match="no subtree"):
        verify_subtree(start, end, bytes(32), size, bytes(32), [])


def test_hashes_fold_as_the_tree_is_defined() -> None:
    """Whatever their number is."""
    for count in range(1, 40):
        assert fold(b"".join(tree_hash([each]) for each in LEAVES[:count])) == tree_hash(LEAVES[:count])


@given(st.integers(0, 63), st.integers(0, 2**55), st.integers(1, 256), st.booleans())
def test_a_tile_has_one_path(level: int, index: int, width: int, of_entries: bool) -> None:
    """Which is read back as what it spells."""
    level = 0 if of_entries else level
    path = tile_path(level, index, width, of_entries=of_entries)
    expected = (level, index, width, of_entries) if index <= (2**63 - 1) // 256 else None
    assert read_tile_path(path) == expected
    for other in (f"{path}/", f"/{path}", path.replace("/", "//", 1), f"{path}.p/256", path.upper()):
        assert read_tile_path(other) is None


def test_tiles_are_believed_as_far_as_the_root_bears_them_out() -> None:
    """Of any level; one that was flipped is named by its path."""
    log = Log()
    log.leaves = [b"%d" % number for number in range(66_000)]
    size = len(log.leaves)
    root = tree_hash(log.leaves)
    for lied, wanted in (("tile/0/000", True), ("tile/0/257.p/208", True), ("tile/1/000", True), ("", False)):

        def read(level: int, index: int, width: int, lied: str = lied) -> bytes:
            found = log.get(tile_path(level, index, width))
            assert found is not None
            return bytes(32) + found[32:] if tile_path(level, index, width) == lied else found

        def walk(read: object = read) -> None:
            tiles = ProvenTiles(size, root, read)  # type: ignore[arg-type]
            assert tiles.tile(0, 0)[:32] == tree_hash(log.leaves[:1])
            assert tiles.root(600) == tree_hash(log.leaves[:600])

        if wanted:
            with pytest.raises(VerificationError, match="right edge" if ".p/" in lied else lied):
                walk()
        else:
            walk()


def test_tiles_prove_that_a_log_only_grew() -> None:
    """Between any sizes, by the hashes that RFC 9162 has; nothing is proven of no leaves, or of all."""
    log = Log()
    log.leaves = [b"%d" % number for number in range(1_300)]
    for size in (1, 2, 255, 256, 257, 513, 1_023, 1_300):
        shown = log.leaves[:size]

        def read(level: int, index: int, width: int, size: int = size) -> bytes:
            found = log.get(tile_path(level, index, width), size)
            assert found is not None
            return found

        tiles = ProvenTiles(size, tree_hash(shown), read)
        for old in {0, 1, 2, 3, 128, 255, 256, 257, 300, 512, 1_024, 1_299, size - 1, size} & set(range(size + 1)):
            assert tiles.consistency(old) == (consistency(old, shown) if old else [])
