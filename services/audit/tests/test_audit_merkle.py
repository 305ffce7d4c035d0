"""The tiled Merkle tree, against the recursive definition of RFC 6962 and against published cases."""

from __future__ import annotations

import json
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Collection
from hashlib import sha256
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ringfence_audit.log.domain.combined import CombinedProofs
from ringfence_audit.log.domain.errors import LogDamaged
from ringfence_audit.log.domain.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    TILE_BYTES,
    TILES_AT_ONCE,
    Frontier,
    TileName,
    TileTree,
    extended_root,
    frontier_tiles,
    leaf_hash,
    leaf_hashes,
    node_hash,
)

Tiles = dict[tuple[int, int], bytes]


def split(count: int) -> int:
    """Gives the largest power of two below a count, by counting up to it."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def tree_head(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, written as its definition."""
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256(b"").digest()
    middle = split(len(hashes))
    return node_hash(tree_head(hashes[:middle]), tree_head(hashes[middle:]))


def path(index: int, hashes: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 §2.1.1, written as its definition."""
    if len(hashes) == 1:
        return []
    middle = split(len(hashes))
    if index < middle:
        return [*path(index, hashes[:middle]), tree_head(hashes[middle:])]
    return [*path(index - middle, hashes[middle:]), tree_head(hashes[:middle])]


def subproof(old: int, hashes: list[bytes], whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962 §2.1.2, written as its definition."""
    if old == len(hashes):
        return [] if whole else [tree_head(hashes)]
    middle = split(len(hashes))
    if old <= middle:
        return [*subproof(old, hashes[:middle], whole), tree_head(hashes[middle:])]
    return [*subproof(old - middle, hashes[middle:], False), tree_head(hashes[:middle])]


def grown(batches: list[bytes]) -> tuple[Frontier, Tiles]:
    """Appends batches of leaf hashes and stores every tile that changed."""
    frontier, tiles = Frontier(), Tiles()
    for batch in batches:
        frontier, changed = frontier.extended(batch)
        tiles.update({(tile.level, tile.index): tile.hashes for tile in changed})
    return frontier, tiles


def tree_of(tiles: Tiles) -> TileTree:
    """Reads tiles from a dictionary."""
    return TileTree(lambda names: {name: tiles[name] for name in names})


HASHES = [leaf_hash(f"leaf {number}".encode()) for number in range(1_500)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=4), st.data())
def test_tiles_give_the_proofs_of_the_definition(batch_sizes: list[int], data: st.DataObject) -> None:
    """However the leaves came in, every size's root and proofs equal the recursive definition's."""
    size = min(sum(batch_sizes), len(HASHES))
    row, batches = b"".join(HASHES[:size]), []
    for batch_size in batch_sizes:
        batches.append(row[: batch_size * HASH_BYTES])
        row = row[batch_size * HASH_BYTES :]
    frontier, tiles = grown(batches)
    tree = tree_of(tiles)
    at = data.draw(st.integers(1, size))
    index, old = data.draw(st.integers(0, at - 1)), data.draw(st.integers(1, at))
    assert (frontier.size, frontier.root()) == (size, tree_head(HASHES[:size]))
    assert tree.root(at) == tree_head(HASHES[:at])
    assert tree.inclusion_proof(index, at) == path(index, HASHES[:at])
    assert tree.consistency_proof(old, at) == subproof(old, HASHES[:at])


@given(st.integers(0, 1_500))
def test_a_frontier_is_restored_from_its_stored_tiles(size: int) -> None:
    """The unfinished tiles of a size, read back from the stored ones, are the frontier that goes on from there."""
    frontier, tiles = grown([b"".join(HASHES[:size])] if size else [])
    restored = Frontier(size, tuple(tiles.get(name, b"") for name in frontier_tiles(size)))
    assert restored.root() == frontier.root()
    assert restored.extended(HASHES[0])[0].root() == tree_head([*HASHES[:size], HASHES[0]])


def test_the_empty_log_has_the_hash_of_nothing_as_its_root() -> None:
    """RFC 6962 §2.1: the hash of an empty list is the hash of an empty string."""
    assert Frontier().root() == EMPTY_ROOT == tree_of({}).root(0)
    assert tree_of({}).consistency_proof(0, 0) == []


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_no_proof_for_a_leaf_outside_the_tree(index: int, size: int) -> None:
    """A leaf that the tree does not have gets no proof."""
    with pytest.raises(ValueError, match="not in a tree"):
        tree_of(grown([b"".join(HASHES[:3])])[1]).inclusion_proof(index, size)


def test_a_tile_shorter_than_the_log_is_never_proved_from() -> None:
    """Where stored tiles lag behind the size asked for, the answer is an error and not a wrong hash."""
    tree = tree_of({(0, 0): b"".join(HASHES[:3])})
    with pytest.raises(LogDamaged, match="shorter") as damaged:
        tree.inclusion_proof(0, 4)
    assert damaged.value.metadata == {"tile": "0/0"}


class CountedReads:
    """Tiles of a log of some size, of no hash in particular, which are read together or one by one."""

    def __init__(self, size: int) -> None:
        """Begins with none read."""
        self.size = size
        self.reads: list[set[TileName]] = []

    def __call__(self, names: Collection[TileName]) -> dict[TileName, bytes]:
        """Reads some, as wide as they are."""
        self.reads.append(set(names))
        widths = {(level, index): min((self.size >> 8 * level) - 256 * index, 256) for level, index in names}
        return {name: bytes(width * HASH_BYTES) for name, width in widths.items()}


@given(st.integers(9_000_000, 11_000_000).flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size))))
def test_all_tiles_of_a_proof_are_read_together_and_once(drawn: tuple[int, int]) -> None:
    """However ragged the right edge is: that of a leaf, that between two sizes, and the root, of 10 million leaves."""
    index, size = drawn
    asked: list[Callable[[TileTree], object]] = [
        lambda tree: tree.inclusion_proof(index, size),
        lambda tree: tree.consistency_proof(index, size),
        lambda tree: tree.root(size),
        lambda tree: CombinedProofs(tree).proof([index], size),
    ]
    for ask in asked:
        counted = CountedReads(size)
        ask(TileTree(counted))
        assert len(counted.reads) <= 1
        assert sum(map(len, counted.reads)) <= 6


def test_a_proof_of_many_leaves_reads_a_bounded_number_of_tiles_at_a_time() -> None:
    """A leaf in every third bundle of a million: two megabytes of tiles at a time, and folded ones not again."""
    size = 1_000_003
    counted = CountedReads(size)
    indexes = range(5, size, 3 * 256)
    assert CombinedProofs(TileTree(counted)).proof(indexes, size)
    assert max(map(len, counted.reads)) <= TILES_AT_ONCE + 8
    assert len(counted.reads) <= len(indexes) // TILES_AT_ONCE + 2
    full = Counter(name for names in counted.reads for name in names if name[0] and name[1] + 1 << 16 <= size)
    assert set(full.values()) == {1}


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 600).flatmap(lambda new: st.tuples(st.integers(1, new - 1), st.just(new))), st.data())
def test_a_proof_leads_to_the_newer_root_and_to_no_other(sizes: tuple[int, int], data: st.DataObject) -> None:
    """As the definition has it; one hash changed, left out or added leads elsewhere."""
    old, new = sizes
    old_root, root, proof = tree_head(HASHES[:old]), tree_head(HASHES[:new]), subproof(old, HASHES[:new])
    assert extended_root(old, old_root, new, proof) == root
    at = data.draw(st.integers(0, len(proof) - 1))
    for wrong in ([*proof[:at], bytes(32), *proof[at + 1 :]], [*proof[:at], *proof[at + 1 :]], [*proof, root]):
        if wrong:
            assert extended_root(old, old_root, new, wrong) != root
    assert extended_root(old, bytes(32), new, proof) != root


def test_published_happy_paths_are_reproduced(foreign_data: Callable[[str], Path]) -> None:
    """The published trees' proofs are the very proofs this tree makes for the same leaves."""
    entries = [b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43", bytes(range(0x50, 0x58))]
    entries.append(bytes(range(0x60, 0x70)))
    tree = tree_of(grown([leaf_hashes(entries)])[1])
    for file in foreign_data("merkle/rfc6962").glob("*/*/happy-path.json"):
        case = json.loads(file.read_text())
        expected = [b64decode(node) for node in case["proof"] or []]
        if "leafIdx" in case and case["treeSize"] > 1:
            assert tree.inclusion_proof(case["leafIdx"], case["treeSize"]) == expected
            assert tree.root(case["treeSize"]) == b64decode(case["root"])
        elif "size1" in case:
            assert tree.consistency_proof(case["size1"], case["size2"]) == expected


def test_a_million_leaves_append_fast_and_prove_fast() -> None:
    """A million leaves hash and append at over 50,000 a second, and a proof over them takes under 5 ms."""
    leaves = [number.to_bytes(250, "big") for number in range(16_384)]
    started = perf_counter()
    frontier, tiles = Frontier(), Tiles()
    for _ in range(64):
        frontier, changed = frontier.extended(leaf_hashes(leaves))
        tiles.update({(tile.level, tile.index): tile.hashes for tile in changed})
    per_second = frontier.size / (perf_counter() - started)
    tree, size = tree_of(tiles), frontier.size - 1
    started = perf_counter()
    for index in range(0, size, size // 50):
        tree.inclusion_proof(index, size)
    proof_seconds = (perf_counter() - started) / 51
    assert per_second > 50_000
    assert proof_seconds < 0.005
    assert max(map(len, frontier.tiles)) <= TILE_BYTES
