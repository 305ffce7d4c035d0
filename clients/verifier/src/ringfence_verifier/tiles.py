"""Trees read from tiles (C2SP tlog-tiles), and one subtree's place in a larger tree (draft merkle-tree-certs §4.4).

A tile holds up to 256 hashes of complete subtrees of height 8 times its level. Those that are not full are the right
edge of a tree: they alone lead to its root, and the root vouches for each full tile below, one level after the other.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

from ringfence_verifier.errors import VerificationError
from ringfence_verifier.proofs import EMPTY_ROOT, HASH_BYTES, MAX_SIZE

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
HIGHEST_LEVEL = 63
REMEMBERED_TILES = 64
_PATH = re.compile(
    r"tile/(?:(entries)|(0|[1-9][0-9]?))/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)
ReadTile = Callable[[int, int, int], bytes]
"""Reads the first hashes of the tile at (level, index, width)."""


def tile_path(level: int, index: int, width: int, *, of_entries: bool = False) -> str:
    """Spells the path of a tile, or of the entries under one of level 0, without a slash before it."""
    parts = [f"{index % 1000:03d}"]
    while index := index // 1000:
        parts.append(f"x{index % 1000:03d}")
    spelled = "/".join(reversed(parts))
    partial = f".p/{width}" if width < TILE_WIDTH else ""
    return f"tile/{'entries' if of_entries else level}/{spelled}{partial}"


def read_tile_path(path: str) -> tuple[int, int, int, bool] | None:
    """Reads (level, index, width, whether of entries) out of what `tile_path` spells; None for any other spelling."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    level, index = int(match[2] or 0), int(match[3].replace("x", "").replace("/", ""))
    width, of_entries = int(match[4] or TILE_WIDTH), bool(match[1])
    is_tile = level <= HIGHEST_LEVEL and index <= MAX_SIZE // TILE_WIDTH and width <= TILE_WIDTH
    spelled = tile_path(level, index, width, of_entries=of_entries)
    return (level, index, width, of_entries) if is_tile and spelled == path else None


def widths(size: int) -> Iterator[tuple[int, int]]:
    """Yields the index and width of each tile of a level that has `size` hashes."""
    for index in range(size // TILE_WIDTH):
        yield index, TILE_WIDTH
    if size % TILE_WIDTH:
        yield size // TILE_WIDTH, size % TILE_WIDTH


def edge_root(size: int, read: ReadTile) -> bytes:
    """Gives the root of the tree of `size` leaves from the tiles of its right edge."""
    root = b""
    for level in range((size.bit_length() + TILE_HEIGHT - 1) // TILE_HEIGHT):
        hashes = size >> TILE_HEIGHT * level
        width = hashes % TILE_WIDTH
        if width:
            tile = read(level, hashes // TILE_WIDTH, width)
            root = _joined(tile, root)
    return root or EMPTY_ROOT


def fold(hashes: bytes) -> bytes:
    """Gives the root over 32-byte hashes, one at least; they need not be a power of two (RFC 9162 §2.1.1)."""
    return _joined(hashes, b"")


def _joined(hashes: bytes, right: bytes) -> bytes:
    """Folds the complete subtrees of a row, from the right, onto what stands right of them."""
    end = len(hashes) // HASH_BYTES
    while end:
        start = end - (end & -end)
        peak = _folded(hashes[start * HASH_BYTES : end * HASH_BYTES])
        right = _node(peak, right) if right else peak
        end = start
    return right


def _folded(hashes: bytes) -> bytes:
    while len(hashes) > HASH_BYTES:
        hashes = b"".join(sha256(b"\x01" + hashes[at : at + 64]).digest() for at in range(0, len(hashes), 64))
    return hashes


class ProvenTiles:
    """Tiles from somebody, each believed as far as a root bears it out."""

    def __init__(self, size: int, root: bytes, read: ReadTile) -> None:
        """Reads the right edge of the tree; raises VerificationError where it does not lead to the root."""
        self.size, self._read = size, read
        self._edge: dict[int, bytes] = {}
        self._known: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        if edge_root(size, self._read_edge) != root:
            raise VerificationError(f"the tiles of the log's right edge do not lead to its root at size {size}")

    def tile(self, level: int, index: int, width: int = TILE_WIDTH) -> bytes:
        """Gives the first hashes of a tile; raises VerificationError, naming it, where it is another."""
        hashes = self.size >> TILE_HEIGHT * level
        if index * TILE_WIDTH + width > hashes:
            raise VerificationError(f"{tile_path(level, index, width)} lies outside of the log")
        if index == hashes // TILE_WIDTH:
            return self._edge[level][: width * HASH_BYTES]
        return self._full(level, index)[: width * HASH_BYTES]

    def root(self, size: int) -> bytes:
        """Gives the root at a smaller size; raises VerificationError."""
        return edge_root(size, self.tile)

    def consistency(self, old_size: int) -> list[bytes]:
        """Gives the proof that the tree extends its own first leaves (RFC 9162 §2.1.4.1); raises VerificationError."""
        if not 0 < old_size < self.size:
            return []
        start, end, is_whole = 0, self.size, True
        hashes: list[bytes] = []
        while old_size != end:
            middle = start + (1 << (end - start - 1).bit_length() - 1)
            if old_size <= middle:
                hashes.append(self._subtree(middle, end))
                end = middle
            else:
                hashes.append(self._subtree(start, middle))
                start, is_whole = middle, False
        return ([] if is_whole else [self._subtree(start, end)]) + hashes[::-1]

    def _subtree(self, start: int, end: int) -> bytes:
        """Gives the root over leaves of which the first stands at a multiple of the next power of two."""
        span = 1 << (end - start).bit_length() - 1
        if span < end - start:
            return _node(self._subtree(start, start + span), self._subtree(start + span, end))
        level = (span.bit_length() - 1) // TILE_HEIGHT
        first, number = start >> TILE_HEIGHT * level, span >> TILE_HEIGHT * level
        index, at = divmod(first, TILE_WIDTH)
        return fold(self.tile(level, index, at + number)[at * HASH_BYTES :])

    def _full(self, level: int, index: int) -> bytes:
        known = self._known.get((level, index))
        if known is not None:
            return known
        above, at = divmod(index, TILE_WIDTH)
        wanted = self.tile(level + 1, above, at + 1)[at * HASH_BYTES :]
        found = self._asked(level, index, TILE_WIDTH)
        if _folded(found) != wanted:
            raise VerificationError(
                f"{tile_path(level, index, TILE_WIDTH)} is not of the log that the checkpoint is of"
            )
        self._known[level, index] = found
        if len(self._known) > REMEMBERED_TILES:
            self._known.popitem(last=False)
        return found

    def _read_edge(self, level: int, index: int, width: int) -> bytes:
        self._edge[level] = self._asked(level, index, width)
        return self._edge[level]

    def _asked(self, level: int, index: int, width: int) -> bytes:
        found = self._read(level, index, width)
        if len(found) != width * HASH_BYTES:
            raise VerificationError(f"{tile_path(level, index, width)} has another length than it has to have")
        return found


def verify_subtree(start: int, end: int, subtree: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Checks that the subtree over leaves `start` to `end` stands in the tree of `size` leaves with `root`.

    Raises VerificationError where it does not, or where there is no such subtree.
    """
    span = 1 << (end - start - 1).bit_length() if end > start else 0
    if not 0 <= start < end <= size <= MAX_SIZE or start % span:
        raise VerificationError(f"there is no subtree from {start} to {end} in a log of {size}")
    if any(len(each) != HASH_BYTES for each in (subtree, root, *proof)):
        raise VerificationError("a hash does not have 32 bytes")
    rest = list(proof)

    def taken() -> bytes:
        if not rest:
            raise VerificationError("the subtree's proof is too short")
        return rest.pop()

    def both(start: int, end: int, size: int, *, is_given: bool) -> tuple[bytes, bytes]:
        """Gives the hash of the part of the subtree that is here, and of all that is here; 63 levels deep at most."""
        if (start, end) == (0, size):
            here = subtree if is_given else taken()
            return here, here
        split = 1 << (size - 1).bit_length() - 1
        beside = taken()
        if end <= split:
            part, whole = both(start, end, split, is_given=is_given)
            return part, _node(whole, beside)
        if split <= start:
            part, whole = both(start - split, end - split, size - split, is_given=is_given)
            return part, _node(beside, whole)
        part, whole = both(0, end - split, size - split, is_given=False)
        return _node(beside, part), _node(beside, whole)

    part, whole = both(start, end, size, is_given=True)
    if rest:
        raise VerificationError("the subtree's proof is too long")
    if (part, whole) != (subtree, root):
        raise VerificationError("the entries are not those of the log: their proof does not lead to its root")


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
