"""The RFC 6962 §2.1 Merkle tree, kept as tiles so that memory stays bounded however long the log grows.

A tile (C2SP tlog-tiles) holds up to 256 hashes of complete subtrees of height 8 times its level; the hashes between two
levels are folded when they are asked for. Writing needs the right edge alone (`Frontier`, under 8 KiB a level), a proof
reads one or two tiles a level (`TileTree`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
TILE_BYTES = TILE_WIDTH * HASH_BYTES
EMPTY_ROOT = sha256(b"").digest()
FOLDED_TILES = 1_024
"""At 16 KiB each: 16 MiB."""

TileReader = Callable[[int, int], bytes]
"""Reads the tile (level, index); a tile longer than the asked size needs is read for its first hashes only."""


def leaf_hash(leaf: bytes) -> bytes:
    """Hashes one leaf (RFC 6962 §2.1: prefix 0x00)."""
    return sha256(b"\x00" + leaf).digest()


def leaf_hashes(leaves: Iterable[bytes]) -> bytes:
    """Hashes leaves in order into one string of 32-byte hashes."""
    return b"".join([sha256(b"\x00" + leaf).digest() for leaf in leaves])


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hashes two children (RFC 6962 §2.1: prefix 0x01)."""
    return sha256(b"\x01" + left + right).digest()


def fold(hashes: bytes) -> bytes:
    """Gives the root of the complete subtree over 2^k hashes."""
    while len(hashes) > HASH_BYTES:
        hashes = b"".join([sha256(b"\x01" + hashes[at : at + 64]).digest() for at in range(0, len(hashes), 64)])
    return hashes


@dataclass(frozen=True, slots=True)
class Tile:
    """Up to 256 consecutive hashes of one level; full tiles never change again."""

    level: int
    index: int
    hashes: bytes


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a log: its size and the unfinished tile of every level, lowest level first."""

    size: int = 0
    tiles: tuple[bytes, ...] = ()

    def extended(self, hashes: bytes) -> tuple[Frontier, list[Tile]]:
        """Gives the edge after appending leaf hashes, and every tile that this filled or began, lowest level first."""
        changed: list[Tile] = []
        edges: list[bytes] = []
        size = self.size + len(hashes) // HASH_BYTES
        level = 0
        while hashes or level < len(self.tiles):
            kept = self.tiles[level] if level < len(self.tiles) else b""
            first_tile = (self.size >> (TILE_HEIGHT * level)) // TILE_WIDTH
            grown = kept + hashes
            parts = [grown[at : at + TILE_BYTES] for at in range(0, len(grown), TILE_BYTES)]
            if hashes:
                changed.extend(Tile(level, first_tile + offset, part) for offset, part in enumerate(parts))
            full = [part for part in parts if len(part) == TILE_BYTES]
            edges.append(parts[-1] if len(full) < len(parts) else b"")
            hashes = b"".join([fold(part) for part in full])
            level += 1
        return Frontier(size, tuple(edges)), changed

    def root(self) -> bytes:
        """Gives the tree head MTH over all leaves (RFC 6962 §2.1)."""
        root = b""
        for tile in self.tiles:
            for peak in _peaks_from_right(tile):
                root = node_hash(peak, root) if root else peak
        return root or EMPTY_ROOT


def _peaks_from_right(hashes: bytes) -> Iterator[bytes]:
    """Splits a row of hashes into its complete subtrees, smallest and rightmost first."""
    end = len(hashes)
    while end:
        count = end // HASH_BYTES
        start = end - (count & -count) * HASH_BYTES
        yield fold(hashes[start:end])
        end = start


def frontier_tiles(size: int) -> list[tuple[int, int]]:
    """Names the unfinished tile (level, index) of every level of a log of `size` leaves; empty tiles included."""
    levels = 0
    while size >> (TILE_HEIGHT * levels):
        levels += 1
    return [(level, (size >> (TILE_HEIGHT * level)) // TILE_WIDTH) for level in range(levels)]


class TileTree:
    """Answers for any size up to the stored one, reading at most a few tiles a level: O(log n) hashes of proof."""

    def __init__(self, read: TileReader) -> None:
        self._read = read
        self._folded: dict[tuple[int, int], list[bytes]] = {}

    def root(self, size: int) -> bytes:
        """Gives the tree head over the first `size` leaves."""
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Gives the audit path of a leaf, its sibling first (RFC 6962 §2.1.1).

        Raises ValueError where the leaf is not among the first `size`.
        """
        if not 0 <= index < size:
            raise ValueError(f"leaf {index} is not in a tree of {size}")
        path: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        return path[::-1]

    def combined_proof(self, indexes: Sequence[int], size: int) -> list[bytes]:
        """Gives the heads of the widest subtrees that hold none of some leaves, left to right (docs/formats.md).

        The leaves ascend, one at least, each below `size`.
        """
        return list(self._apart(0, size, indexes))

    def consistency_proof(self, old_size: int, new_size: int) -> list[bytes]:
        """Proves that the older tree is a prefix of the newer (RFC 6962 §2.1.2); empty from size 0 or to itself.

        Raises ValueError where the sizes are out of order.
        """
        if not 0 <= old_size <= new_size:
            raise ValueError(f"no consistency from {old_size} to {new_size}")
        if old_size in (0, new_size):
            return []
        proof: list[bytes] = []
        start, end, whole = 0, new_size, True
        while end != old_size:
            middle = start + _split(end - start)
            if old_size <= middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start, whole = middle, False
        if not whole:
            proof.append(self._range(start, end))
        return proof[::-1]

    def _apart(self, start: int, end: int, indexes: Sequence[int]) -> Iterator[bytes]:
        at = bisect_left(indexes, start)
        if at == len(indexes) or indexes[at] >= end:
            yield self._range(start, end)
        elif end - start > 1:
            middle = start + _split(end - start)
            yield from self._apart(start, middle, indexes)
            yield from self._apart(middle, end, indexes)

    def _range(self, start: int, end: int) -> bytes:
        """Hashes leaves start..end, where start is a multiple of the range's widest complete subtree."""
        count = end - start
        if count & (count - 1) == 0:
            return self._complete(start, count.bit_length() - 1)
        middle = start + _split(count)
        return node_hash(self._range(start, middle), self._range(middle, end))

    def _complete(self, start: int, height: int) -> bytes:
        """Folds the complete subtree of 2^height leaves from the one tile that holds it."""
        level, rest = divmod(height, TILE_HEIGHT)
        tile, offset = divmod(start >> (TILE_HEIGHT * level), TILE_WIDTH)
        if level and rest and (rows := self._rows(level, tile)):
            return rows[rest][(offset >> rest) * HASH_BYTES :][:HASH_BYTES]
        first = offset * HASH_BYTES
        hashes = self._read(level, tile)[first : first + (HASH_BYTES << rest)]
        if len(hashes) != HASH_BYTES << rest:
            raise ValueError(f"tile {level}/{tile} is shorter than the log")
        return fold(hashes)

    def _rows(self, level: int, tile: int) -> list[bytes]:
        """Gives all hashes in a full tile above the leaves, its own first; nothing of one that may still grow.

        Proofs of many leaves come by the same few tiles again and again.
        """
        rows = self._folded.get((level, tile))
        if rows is None:
            hashes = self._read(level, tile)
            if len(hashes) != TILE_BYTES:
                return []
            rows = [hashes]
            for height in range(1, TILE_HEIGHT):
                row = rows[-1]
                rows.append(b"".join([fold(row[at : at + 64]) for at in range(0, TILE_BYTES >> height - 1, 64)]))
            if len(self._folded) == FOLDED_TILES:
                self._folded.clear()
            self._folded[level, tile] = rows
        return rows


def combined_root(proven: Sequence[tuple[int, bytes]], size: int, hashes: Sequence[bytes]) -> bytes:
    """Gives the tree head that leaf hashes at their indexes and their combined proof lead to."""
    indexes, rest = [index for index, _ in proven], iter(hashes)

    def head(start: int, end: int) -> bytes:
        at = bisect_left(indexes, start)
        if at == len(indexes) or indexes[at] >= end:
            return next(rest)
        if end - start == 1:
            return proven[at][1]
        middle = start + _split(end - start)
        left = head(start, middle)
        return node_hash(left, head(middle, end))

    return head(0, size)


def root_of(hashed: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Gives the root that the audit path of a leaf leads to (RFC 9162 §2.1.3.2); empty where it has another length."""
    at, last = index, size - 1
    for sibling in proof:
        if not last:
            return b""
        if at & 1 or at == last:
            hashed = node_hash(sibling, hashed)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            hashed = node_hash(hashed, sibling)
        at, last = at >> 1, last >> 1
    return b"" if last else hashed


def _split(count: int) -> int:
    """Gives the largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)
