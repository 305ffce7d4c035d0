"""Answers from the log: receipts, proofs and leaves.

Every read was recorded before it comes here, and is answered as of where the log stood then. All calls block.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby, islice

from ringfence_audit.log.application.ports import Bundles, StoredLeaves, Tiles
from ringfence_audit.log.domain.bundles import BUNDLE_LEAVES
from ringfence_audit.log.domain.combined import CombinedProofs, combined_root
from ringfence_audit.log.domain.errors import CheckpointPending, LeafUnknown, LogDamaged
from ringfence_audit.log.domain.merkle import (
    HASH_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    TileName,
    TileTree,
    fold,
    leaf_hash,
    leaf_hashes,
    root_of,
)
from ringfence_audit.log.domain.reads import is_read_of
from ringfence_audit.log.domain.receipt import receipt
from ringfence_audit.log.domain.sight import Sight
from ringfence_audit.log.domain.state import LogPosition, SignedHead

ANSWER_BYTES = 3 * 1024 * 1024
MOST_FACTS = 20_000
"""Of one answer, page or report: who needs more asks for it in parts, or for a dossier."""
PAGES_PER_LIST = 1_000
BUNDLES_AT_ONCE = 256


class Queries:
    """Reads the log's tables and events.

    Single leaves come from their bundles, where those have come so far, and are held to their hashes in the tree.
    """

    def __init__(self, tiles: Tiles, leaves: StoredLeaves, bundles: Bundles) -> None:
        self._tiles = tiles
        self._leaves = leaves
        self._bundles = bundles
        self._tree = TileTree(tiles.tiles)
        self._combined = CombinedProofs(self._tree, bundles.within)
        self._stated = "", ""
        """The newest checkpoint that was asked for, and the receipt of its state."""

    def position_of(self, index: int) -> int:
        """Gives the position of the log's event that holds a leaf."""
        return self._tiles.pages(index, 1)[0].position

    def receipt(self, index: int, stood: LogPosition) -> tuple[bytes, str]:
        """Gives a leaf and its receipt under the latest checkpoint.

        Raises LeafUnknown, CheckpointPending where no checkpoint covers the leaf yet, and LogDamaged.
        """
        if index >= stood.size:
            raise LeafUnknown(leaf_index=str(index))
        signed = stood.signed_head()
        if index >= signed.size:
            raise CheckpointPending(leaf_index=str(index))
        # First the proof: all its tiles are read at once, and that over the leaf is among them.
        proof = self._tree.inclusion_proof(index, signed.size)
        [(_, leaf)] = self.leaves_at([index])
        if root_of(leaf_hash(leaf), index, signed.size, proof) != signed.root:
            raise self._damage_above(index, signed.size)
        return leaf, receipt(leaf, index, proof, signed.note)

    def require_shown(self, index: int, stood: LogPosition, sight: Sight, reader: bytes) -> None:
        """Raises LeafUnknown for a leaf that is not shown, as for one that is not there or that nothing covers yet.

        What a reader has read by the same grant is told to it, also before a checkpoint covers it.
        """
        if index < stood.size:
            [(_, leaf)] = self.leaves_at([index])
            is_covered = index < stood.signed_head().size
            if is_read_of(leaf, reader, sight.grant_id) or (is_covered and sight.shows(leaf)):
                return
        raise LeafUnknown(leaf_index=str(index))

    def state_receipt(self, signed: SignedHead) -> str:
        """Gives the receipt of the leaf that states what the log knew under a checkpoint; empty where there is none.

        It is made once for whoever polls, unless it does not lead to the signed root.
        """
        if not signed.state_leaf:
            return ""
        note, made = self._stated
        if note != signed.note:
            index = signed.size - 1
            proof = self._tree.inclusion_proof(index, signed.size)
            made = receipt(signed.state_leaf, index, proof, signed.note)
            if root_of(leaf_hash(signed.state_leaf), index, signed.size, proof) == signed.root:
                self._stated = signed.note, made
        return made

    def key_receipts(self, stood: LogPosition) -> list[str]:
        """Gives receipts by which who knows one of the log's keys learns the next: that it was announced, as the key
        before has signed, and that this one has ended, as the next has; in order of the log.

        What no checkpoint covers yet is left out.
        """
        if stood.signed is None:
            return []
        newest, found = (stood.signed.size, stood.signed.note), list[str]()
        # While two keys sign, the newest checkpoint is one of both.
        under = [(each.last_size, each.last_note) if each.end_leaf else newest for each in stood.rotations]
        for each, by_previous, by_this in zip(stood.rotations, under, [*under[1:], newest], strict=True):
            found += self._receipt_under(each.leaf, each.index, *by_previous)
            found += self._receipt_under(each.end_leaf, each.end_index, *by_this)
        return found

    def _receipt_under(self, leaf: bytes, index: int, size: int, note: str) -> list[str]:
        if not leaf or index >= size:
            return []
        return [receipt(leaf, index, self._tree.inclusion_proof(index, size), note)]

    def combined_proof(self, leaves: Sequence[tuple[int, bytes]], signed: SignedHead) -> list[bytes]:
        """Proves that leaves stand at their indexes, which ascend, in the log under a checkpoint.

        Raises LogDamaged where that does not lead to its root.
        """
        indexes = [index for index, _ in leaves]
        try:
            proof = self._combined.proof(indexes, signed.size)
        except ValueError as error:
            raise LogDamaged(leaf_index=str(indexes[0])) from error
        proven = [(index, leaf_hash(leaf)) for index, leaf in leaves]
        if combined_root(proven, signed.size, proof) != signed.root:
            raise self._damage_within(leaves) or self._damage_above(indexes[0], signed.size)
        return proof

    def consistency_proof(self, from_size: int, to_size: int, stood: LogPosition) -> list[bytes]:
        """Proves that a newer size extends an older one; raises LeafUnknown where the log is shorter than asked."""
        if to_size > stood.size:
            raise LeafUnknown(leaf_index=str(to_size - 1))
        return self._tree.consistency_proof(from_size, to_size)

    def list_leaves(self, from_index: int, limit: int, stood: LogPosition) -> list[tuple[int, bytes]]:
        """Gives leaves in order as far as the latest checkpoint, and checks every event between and after them.

        An event is checked with the last of its leaves: a reader who lists the whole log has so had every stored event
        checked. Raises CheckpointPending, LogDamaged.
        """
        found: list[tuple[int, bytes]] = []
        size, end = 0, stood.signed_head().size
        pages = self._tiles.pages(from_index, PAGES_PER_LIST) if from_index < end else []
        until = from_index + limit
        if limit <= BUNDLE_LEAVES and pages and until < min(pages[0].first_leaf + pages[0].count, end):
            return self._as_many_as_fit(range(from_index, until))
        after = self._tiles.position_before(pages[0]) if pages else 0
        for page, leaves in self._leaves.walk(pages, after):
            for index in range(max(from_index, page.first_leaf), min(page.first_leaf + page.count, end)):
                leaf = leaves[index - page.first_leaf]
                size += len(leaf)
                if len(found) == limit or (found and size > ANSWER_BYTES):
                    return found
                found.append((index, leaf))
        if pages and pages[-1].first_leaf + pages[-1].count >= end:
            self._leaves.check_after(pages[-1].position)
        return found

    def leaves_between(
        self, from_leaf: int, until_leaf: int, from_ns: int, until_ns: int
    ) -> Iterator[tuple[int, bytes]]:
        """Yields the leaves, with their indexes, of all pages in both ranges (halves open, `until_ns` 0: no end).

        Some may be of other times than those asked for. Raises LogDamaged.
        """
        at = from_leaf
        while at < until_leaf and (pages := self._tiles.pages_between(at, until_leaf, from_ns, until_ns)):
            for page, leaves in self._leaves.of_pages(pages):
                end = min(page.first_leaf + page.count, until_leaf)
                yield from ((index, leaves[index - page.first_leaf]) for index in range(max(at, page.first_leaf), end))
            at = pages[-1].first_leaf + pages[-1].count

    def narrowed(self, leaves: range, from_ns: int, until_ns: int) -> range:
        """Gives the part of a range that may have leaves of these times (half open, `until_ns` 0: no end)."""
        return self._tiles.narrowed(leaves, from_ns, until_ns)

    def leaves_at(self, indexes: Sequence[int], *, to_prove: bool = False) -> Iterator[tuple[int, bytes]]:
        """Yields leaves by ascending index, and reads each bundle once, as far as is needed; raises LogDamaged.

        Those that are `to_prove` are held to nothing yet: whoever asks gives them to `combined_proof`.

        Bundles are read together, however far apart they are, and one is held at a time.
        """
        numbered = groupby(indexes, lambda index: index // BUNDLE_LEAVES)
        while some := dict(islice(((bundle, list(within)) for bundle, within in numbered), BUNDLES_AT_ONCE)):
            tiles = {} if to_prove else self._tiles.tiles([(0, bundle) for bundle in some])
            wanted = {bundle: [index % BUNDLE_LEAVES for index in within] for bundle, within in some.items()}
            for bundle, leaves in self._bundles.leaves(wanted):
                first, tile = bundle * BUNDLE_LEAVES, tiles.get((0, bundle), b"")
                found = {
                    first + at: leaf if to_prove else self._held(leaf, tile, first + at) for at, leaf in leaves.items()
                }
                found |= self._of_events([index for index in some[bundle] if index not in found])
                yield from ((index, found[index]) for index in some[bundle])

    def _as_many_as_fit(self, indexes: Sequence[int]) -> list[tuple[int, bytes]]:
        """Gives leaves as long as they fit into an answer, one at least."""
        found: list[tuple[int, bytes]] = []
        size = 0
        for index, leaf in self.leaves_at(indexes):
            size += len(leaf)
            if found and size > ANSWER_BYTES:
                break
            found.append((index, leaf))
        return found

    def _held(self, leaf: bytes, tile: bytes, index: int) -> bytes:
        """Returns a leaf of a bundle as its tile has it; raises LogDamaged."""
        at = index % BUNDLE_LEAVES * HASH_BYTES
        hashed = tile[at : at + HASH_BYTES]
        if leaf_hash(leaf) != hashed:
            raise self._damage(index, hashed)
        return leaf

    def _damage(self, index: int, hashed: bytes) -> LogDamaged:
        """Tells which of a leaf's bundle and tile, that disagree, is not what the log's own event says."""
        bundle, truth = index // BUNDLE_LEAVES, leaf_hash(self._of_events([index])[index])
        if hashed == truth:
            return LogDamaged("an entry bundle was changed", bundle=str(bundle), leaf_index=str(index))
        return LogDamaged("a tile was changed", tile=f"0/{bundle}", leaf_index=str(index))

    def _damage_above(self, index: int, size: int) -> LogDamaged:
        """Names the tile, of those that prove a leaf, that is not what stands below it: leaves, or other tiles."""
        touched: set[TileName] = set()

        def read(names: Collection[TileName]) -> Mapping[TileName, bytes]:
            touched.update(names)
            return self._tiles.tiles(names)

        TileTree(read).inclusion_proof(index, size)
        for level, tile in sorted(touched):
            below = self._below(level, tile, size)
            if self._tiles.tile(level, tile)[: len(below)] != below:
                return LogDamaged("a tile was changed", tile=f"{level}/{tile}", leaf_index=str(index))
        return LogDamaged("the tiles do not lead to the signed root", size=str(size), leaf_index=str(index))

    def _damage_within(self, leaves: Sequence[tuple[int, bytes]]) -> LogDamaged | None:
        """Names the first leaf, tile or heads of a bundle that are not what the events say; None where all are."""
        bundles = sorted({index // BUNDLE_LEAVES for index, _ in leaves})
        for index, leaf in leaves:
            self._held(leaf, self._tiles.tile(0, index // BUNDLE_LEAVES), index)
        for bundle, (heads, _) in sorted(self._bundles.within(dict.fromkeys(bundles, ())).items()):
            hashes = self._tiles.tile(0, bundle)
            if hashes != self._below(0, bundle, (bundle + 1) * BUNDLE_LEAVES):
                return LogDamaged("a tile was changed", tile=f"0/{bundle}")
            under = len(hashes) // (len(heads) // HASH_BYTES)
            if heads != b"".join([fold(hashes[at : at + under]) for at in range(0, len(hashes), under)]):
                return LogDamaged("the heads within an entry bundle were changed", bundle=str(bundle))
        return None

    def _below(self, level: int, tile: int, size: int) -> bytes:
        """Computes the hashes of a tile from what stands below it, as far as a tree of this size has any."""
        first, end = tile * TILE_WIDTH, min((tile + 1) * TILE_WIDTH, size >> (TILE_HEIGHT * level))
        if level:
            names = [(level - 1, below) for below in range(first, end)]
            tiles = self._tiles.tiles(names)
            return b"".join([fold(tiles.get(name, b"")) for name in names])
        return leaf_hashes(self._of_events(range(first, end)).values())

    def _of_events(self, indexes: Sequence[int]) -> dict[int, bytes]:
        """Returns leaves from the events that hold them, each read once; raises LogDamaged."""
        found: dict[int, bytes] = {}
        wanted = iter(indexes)
        index = next(wanted, None)
        for page, leaves in self._leaves.of_pages(self._tiles.pages_of(indexes) if indexes else []):
            while index is not None and index < page.first_leaf + page.count:
                found[index] = leaves[index - page.first_leaf]
                index = next(wanted, None)
        return found
