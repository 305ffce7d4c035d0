"""Combined proofs: of many leaves in one tree, each hash once (docs/formats.md).

Leaves that are found by an id lie far apart, most of them alone in their tile. Of such a tile only some hashes are
read: the heads within it, and what is under those over the leaves.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeAlias

from ringfence_audit.log.domain.merkle import (
    HASH_BYTES,
    HEAD_LEAVES,
    TILE_WIDTH,
    TILES_AT_ONCE,
    TileTree,
    fold,
    node_hash,
    split,
)

MANY_TILES = 8
"""Of the lowest level: of fewer all hashes are read."""

Within: TypeAlias = tuple[bytes, Mapping[int, bytes]]
"""The heads within a full tile of the lowest level, and by their numbers the hashes under some of them."""
WithinReader = Callable[[Mapping[int, Collection[int]]], Mapping[int, Within]]
"""Reads that of those of some full tiles that have heads: all of these, and what is under some."""


class _Part(NamedTuple):
    """Leaves start..end: none of those that are proven, or a full tile with those from `first` and before `last`."""

    start: int
    end: int
    first: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class CombinedProofs:
    """Proves leaves together, from the tiles of a tree."""

    tree: TileTree
    within: WithinReader = lambda wanted: {}

    def proof(self, indexes: Sequence[int], size: int) -> list[bytes]:
        """Gives the heads of the widest subtrees that hold none of some leaves, left to right.

        The leaves ascend, one at least, each below `size`. Raises LogDamaged where a tile is not there.
        """
        parts = list(_parts(0, size, indexes))
        tiles = {
            part.start // TILE_WIDTH: [index - part.start for index in indexes[part.first : part.last]]
            for part in parts
            if part.last
        }
        siblings = self._within(tiles) if len(tiles) >= MANY_TILES else {}
        gaps: list[tuple[int, int]] = []
        for start, end, _, last in parts:
            if not last:
                gaps.append((start, end))
            elif start // TILE_WIDTH not in siblings:
                gaps += apart(start, end, indexes)
        heads, proof = self.tree.heads(gaps), list[bytes]()
        for start, end, _, last in parts:
            if not last:
                proof.append(next(heads))
            elif found := siblings.get(start // TILE_WIDTH):
                proof += found
            else:
                proof += [next(heads) for _ in apart(start, end, indexes)]
        return proof

    def _within(self, tiles: Mapping[int, Sequence[int]]) -> Mapping[int, list[bytes]]:
        """Gives what each tile adds to a proof of the leaves at some offsets; what is read of many is held a while."""
        found, left = dict[int, list[bytes]](), iter(tiles.items())
        while some := dict(islice(left, TILES_AT_ONCE)):
            wanted = {tile: {offset // HEAD_LEAVES for offset in offsets} for tile, offsets in some.items()}
            for tile, (heads, under) in self.within(wanted).items():
                if under.keys() >= wanted[tile]:
                    found[tile] = _siblings(some[tile], heads, under)
        return found


def apart(start: int, end: int, indexes: Sequence[int]) -> list[tuple[int, int]]:
    """Gives the widest subtrees of leaves start..end that hold none of some, which ascend, each once: left to right.

    Their heads are a combined proof; for one leaf they are those of its audit path (RFC 6962 §2.1.1).
    """
    return [(part.start, part.end) for part in _parts(start, end, indexes, 1) if part.first == part.last]


def combined_root(proven: Sequence[tuple[int, bytes]], size: int, hashes: Sequence[bytes]) -> bytes:
    """Gives the tree head that leaf hashes at their indexes and their combined proof lead to."""
    indexes, rest = [index for index, _ in proven], iter(hashes)

    def head(start: int, end: int, first: int, last: int) -> bytes:
        if first == last:
            return next(rest)
        if end - start == 1:
            return proven[first][1]
        middle = start + split(end - start)
        at = bisect_left(indexes, middle, first, last)
        left = head(start, middle, first, at)
        return node_hash(left, head(middle, end, at, last))

    return head(0, size, 0, bisect_left(indexes, size))


def _parts(start: int, end: int, indexes: Sequence[int], width: int = TILE_WIDTH) -> Iterator[_Part]:
    """Yields the widest subtrees without any of some leaves, and those of a width with some, left to right."""
    waiting = [(start, end, bisect_left(indexes, start), bisect_left(indexes, end))]
    while waiting:
        start, end, first, last = waiting.pop()
        while first < last and end - start not in (1, width):
            middle = start + split(end - start)
            at = bisect_left(indexes, middle, first, last)
            waiting.append((middle, end, at, last))
            end, last = middle, at
        if first == last:
            yield _Part(start, end)
        elif end - start == width:
            yield _Part(start, end, first, last)


def _siblings(offsets: Sequence[int], heads: bytes, under: Mapping[int, bytes]) -> list[bytes]:
    """Gives the heads of the widest subtrees of a full tile that hold none of the leaves at some offsets."""
    found: list[bytes] = []
    for start, end in apart(0, TILE_WIDTH, offsets):
        number, at = divmod(start, HEAD_LEAVES)
        if end - start < HEAD_LEAVES:
            hashes = under[number][at * HASH_BYTES :][: (end - start) * HASH_BYTES]
        else:
            hashes = heads[number * HASH_BYTES : end // HEAD_LEAVES * HASH_BYTES]
        found.append(fold(hashes))
    return found
