"""Answers from the log: receipts, proofs and leaves.

Every read was recorded before it comes here, and is answered as of where the log stood then. All calls block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ringfence_audit.log.application.ports import StoredLeaves, Tiles
from ringfence_audit.log.domain.errors import CheckpointPending, LeafUnknown, LogDamaged
from ringfence_audit.log.domain.merkle import TileTree, combined_root, leaf_hash
from ringfence_audit.log.domain.receipt import receipt
from ringfence_audit.log.domain.state import LogPosition, SignedHead

ANSWER_BYTES = 3 * 1024 * 1024
PAGES_PER_LIST = 1_000


class Queries:
    """Reads the log's tables and events."""

    def __init__(self, tiles: Tiles, leaves: StoredLeaves) -> None:
        self._tiles = tiles
        self._leaves = leaves
        self._tree = TileTree(tiles.tile)

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
        [(_, leaf)] = self.leaves_at([index])
        return leaf, receipt(leaf, index, self._tree.inclusion_proof(index, signed.size), signed.note)

    def state_receipt(self, signed: SignedHead) -> str:
        """Gives the receipt of the leaf that states what the log knew under a checkpoint; empty where there is none."""
        if not signed.state_leaf:
            return ""
        index = signed.size - 1
        return receipt(signed.state_leaf, index, self._tree.inclusion_proof(index, signed.size), signed.note)

    def combined_proof(self, leaves: Sequence[tuple[int, bytes]], signed: SignedHead) -> list[bytes]:
        """Proves that leaves stand at their indexes, which ascend, in the log under a checkpoint.

        Raises LogDamaged where that does not lead to its root.
        """
        indexes = [index for index, _ in leaves]
        try:
            proof = self._tree.combined_proof(indexes, signed.size)
        except ValueError as error:
            raise LogDamaged(leaf_index=str(indexes[0])) from error
        proven = [(index, leaf_hash(leaf)) for index, leaf in leaves]
        if combined_root(proven, signed.size, proof) != signed.root:
            raise LogDamaged(leaf_index=str(indexes[0]))
        return proof

    def consistency_proof(self, from_size: int, to_size: int, stood: LogPosition) -> list[bytes]:
        """Proves that a newer size extends an older one; raises LeafUnknown where the log is shorter than asked."""
        if to_size > stood.size:
            raise LeafUnknown(leaf_index=str(to_size - 1))
        return self._tree.consistency_proof(from_size, to_size)

    def list_leaves(self, from_index: int, limit: int, stood: LogPosition) -> list[tuple[int, bytes]]:
        """Gives leaves in order as far as the latest checkpoint, and checks every event between and after them.

        A reader who lists the whole log has so had every stored event checked. Raises CheckpointPending, LogDamaged.
        """
        found: list[tuple[int, bytes]] = []
        size, end = 0, stood.signed_head().size
        pages = self._tiles.pages(from_index, PAGES_PER_LIST) if from_index < end else []
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
        while pages := self._tiles.pages_between(at, until_leaf, from_ns, until_ns):
            for page, leaves in self._leaves.of_pages(pages):
                end = min(page.first_leaf + page.count, until_leaf)
                yield from ((index, leaves[index - page.first_leaf]) for index in range(max(at, page.first_leaf), end))
            at = pages[-1].first_leaf + pages[-1].count

    def narrowed(self, leaves: range, from_ns: int, until_ns: int) -> range:
        """Gives the part of a range that may have leaves of these times (half open, `until_ns` 0: no end)."""
        return self._tiles.narrowed(leaves, from_ns, until_ns)

    def leaves_at(self, indexes: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """Yields leaves by ascending index, and reads each event once, many together; raises LogDamaged."""
        at = 0
        for page, leaves in self._leaves.of_pages(self._tiles.pages_of(indexes)):
            while at < len(indexes) and indexes[at] < page.first_leaf + page.count:
                yield indexes[at], leaves[indexes[at] - page.first_leaf]
                at += 1
