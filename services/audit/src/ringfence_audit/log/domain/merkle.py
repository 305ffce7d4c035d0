"""The RFC 6962 §2.1 Merkle tree, kept as tiles so that memory stays bounded however long the log grows.

A tile (C2SP tlog-tiles) holds up to 256 hashes of complete subtrees of height 8 times its level; the hashes between two
levels are folded when they are asked for. Writing needs the right edge alone (`Frontier`, under 8 KiB a level), a proof
needs one or two tiles a level, which are read together (`TileTree`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from ringfence_audit.log.domain.errors import LogDamaged

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
TILE_BYTES = TILE_WIDTH * HASH_BYTES
EMPTY_ROOT = sha256(b"").digest()
FOLDED_TILES = 1_024
"""At 16 KiB each: 16 MiB."""
HEAD_LEAVES = 32
"""Leaves under each of the heads within a full tile of the lowest level."""
FOLDED_HEADS = 512
"""Over 4 KiB each at most: 2 MiB."""
TILES_AT_ONCE = 256
"""At 8 KiB each: 2 MiB. All that a proof of one leaf, or of one size, needs is fewer."""

TileName = tuple[int, int]
"""Level and index."""
TileReader = Callable[[Collection[TileName]], Mapping[TileName, bytes]]
"""Reads those of some tiles that there are; of one longer than the asked size needs only the first hashes count."""


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
        hashes = _paired(hashes)
    return hashes


def tree_head(hashes: bytes) -> bytes:
    """Gives the head over any number of leaf hashes, one after the other (RFC 6962 §2.1)."""
    return tree_rows(hashes)[-1] or EMPTY_ROOT


def tree_rows(hashes: bytes) -> list[bytes]:
    """Gives all hashes of the tree over some, row by row: these first, the head last.

    Neighbours are paired, and the last of an odd row goes up as it is: the same tree as splitting at powers of two.
    """
    found = [hashes]
    while len(found[-1]) > HASH_BYTES:
        row = found[-1]
        paired = len(row) - len(row) % (2 * HASH_BYTES)
        found.append(_paired(row[:paired]) + row[paired:])
    return found


def head_in(found: Sequence[bytes], start: int, end: int) -> bytes:
    """Gives the head of a subtree, over the hashes start..end, from all rows of its tree."""
    height = (end - start - 1).bit_length()
    return found[height][(start >> height) * HASH_BYTES :][:HASH_BYTES]


def _paired(hashes: bytes) -> bytes:
    """Hashes each two neighbours of an even row."""
    return b"".join([sha256(b"\x01" + hashes[at : at + 64]).digest() for at in range(0, len(hashes), 64)])


@lru_cache(FOLDED_HEADS)
def _head(hashes: bytes) -> bytes:
    """Folds, once, what comes again and again: the right edge, for each leaf that comes and each proof under a size."""
    return fold(hashes)


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
        yield _head(hashes[start:end])
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
        self._folded: dict[TileName, list[bytes]] = {}

    def root(self, size: int) -> bytes:
        """Gives the tree head over the first `size` leaves."""
        return next(self.heads([(0, size)])) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Gives the audit path of a leaf, its sibling first (RFC 6962 §2.1.1).

        Raises ValueError where the leaf is not among the first `size`.
        """
        if not 0 <= index < size:
            raise ValueError(f"leaf {index} is not in a tree of {size}")
        path: list[tuple[int, int]] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + split(end - start)
            if index < middle:
                path.append((middle, end))
                end = middle
            else:
                path.append((start, middle))
                start = middle
        return list(self.heads(path[::-1]))

    def consistency_proof(self, old_size: int, new_size: int) -> list[bytes]:
        """Proves that the older tree is a prefix of the newer (RFC 6962 §2.1.2); empty from size 0 or to itself.

        Raises ValueError where the sizes are out of order.
        """
        if not 0 <= old_size <= new_size:
            raise ValueError(f"no consistency from {old_size} to {new_size}")
        if old_size in (0, new_size):
            return []
        proof: list[tuple[int, int]] = []
        start, end, whole = 0, new_size, True
        while end != old_size:
            middle = start + split(end - start)
            if old_size <= middle:
                proof.append((middle, end))
                end = middle
            else:
                proof.append((start, middle))
                start, whole = middle, False
        if not whole:
            proof.append((start, end))
        return list(self.heads(proof[::-1]))

    def proven_extension(self, old_size: int, new_size: int, new_root: bytes) -> list[bytes]:
        """Gives the consistency proof to a tree whose head is known; raises LogDamaged where the tiles lead elsewhere.

        Nobody is to be shown one that does not hold: it would look as if the log had another history.
        """
        proof = self.consistency_proof(old_size, new_size)
        if proof and extended_root(old_size, self.root(old_size), new_size, proof) != new_root:
            raise LogDamaged(
                "the tiles do not lead to the head of the tree", from_size=str(old_size), size=str(new_size)
            )
        return proof

    def root_under(self, size: int, new_size: int, new_root: bytes) -> bytes:
        """Gives the tree head over the first leaves of a tree whose head is known; raises LogDamaged likewise."""
        if size == new_size:
            return new_root
        self.proven_extension(size, new_size, new_root)
        return self.root(size)

    def heads(self, ranges: Iterable[tuple[int, int]]) -> Iterator[bytes]:
        """Yields the heads over the leaves start..end of ranges, as `_pieces` takes them; many tiles are read together.

        Raises LogDamaged where a tile is not there.
        """
        some: list[Sequence[_Piece]] = []
        names: set[TileName] = set()
        for start, end in ranges:
            pieces = _pieces(start, end)
            some.append(pieces)
            names.update([piece.tile for piece in pieces])
            if len(names) >= TILES_AT_ONCE:
                yield from self._hashed(some, names)
                some, names = [], set()
        yield from self._hashed(some, names)

    def _hashed(self, ranges: Sequence[Sequence[_Piece]], names: Collection[TileName]) -> Iterator[bytes]:
        folded = {name: rows for name in names if (rows := self._folded.get(name)) is not None}
        unread = [name for name in names if name not in folded]
        tiles = self._read(unread) if unread else {}
        for pieces in ranges:
            head = self._complete(pieces[-1], folded, tiles)
            for piece in pieces[-2::-1]:
                head = node_hash(self._complete(piece, folded, tiles), head)
            yield head

    def _complete(self, piece: _Piece, folded: dict[TileName, list[bytes]], tiles: Mapping[TileName, bytes]) -> bytes:
        """Gives the head of a complete subtree, from the one tile that holds it.

        All rows of a full tile above the leaves are folded once: proofs of many leaves come by the same few tiles again
        and again. One that may still grow is not.
        """
        if piece.tile not in folded:
            hashes = tiles.get(piece.tile, b"")
            if not piece.rest or not piece.tile[0] or len(hashes) != TILE_BYTES:
                first = piece.offset * HASH_BYTES
                found = hashes[first : first + (HASH_BYTES << piece.rest)]
                if len(found) != HASH_BYTES << piece.rest:
                    tile = "/".join(map(str, piece.tile))
                    raise LogDamaged("a tile is not there, or shorter than the log", tile=tile)
                return _head(found)
            if len(self._folded) >= FOLDED_TILES:
                self._folded.clear()
            self._folded[piece.tile] = folded[piece.tile] = tree_rows(hashes)
        return folded[piece.tile][piece.rest][(piece.offset >> piece.rest) * HASH_BYTES :][:HASH_BYTES]


class _Piece(NamedTuple):
    """A complete subtree: 2^rest hashes of a tile, from this one on."""

    tile: TileName
    offset: int
    rest: int


def _pieces(start: int, end: int) -> list[_Piece]:
    """Gives the widest complete subtrees of leaves start..end, left to right.

    They get narrower: `start` is a multiple of the width of the first.
    """
    pieces: list[_Piece] = []
    while start < end:
        height = (end - start).bit_length() - 1
        level, rest = divmod(height, TILE_HEIGHT)
        index, offset = divmod(start >> (TILE_HEIGHT * level), TILE_WIDTH)
        pieces.append(_Piece((level, index), offset, rest))
        start += 1 << height
    return pieces


def extended_root(old_size: int, old_root: bytes, new_size: int, proof: Sequence[bytes]) -> bytes:
    """Gives the root of the newer tree that a consistency proof leads to (RFC 9162 §2.1.4.2), from a size above 0.

    Empty where it leads to another root of the older one, or has another length.
    """
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    older = newer = path[0]
    for sibling in path[1:]:
        if not last:
            return b""
        if node & 1 or node == last:
            older, newer = node_hash(sibling, older), node_hash(sibling, newer)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            newer = node_hash(newer, sibling)
        node, last = node >> 1, last >> 1
    return newer if not last and older == old_root else b""


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


def split(count: int) -> int:
    """Gives the largest power of two below a count: where RFC 6962 splits a tree."""
    return 1 << ((count - 1).bit_length() - 1)
