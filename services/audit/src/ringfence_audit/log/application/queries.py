"""Answers from the log: receipts, proofs, leaves and search.

Every read was recorded before it comes here, and is answered as of where the log stood then. All calls block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ringfence_audit.log.application.commands import Standing
from ringfence_audit.log.application.ports import KeyQuery, LogTables, StoredLeaves
from ringfence_audit.log.domain.errors import CheckpointPending, LeafUnknown
from ringfence_audit.log.domain.leaf import decode
from ringfence_audit.log.domain.merkle import TileTree
from ringfence_audit.log.domain.receipt import receipt
from ringfence_audit.log.domain.state import SignedHead

ANSWER_BYTES = 3 * 1024 * 1024
MOST_EXAMINED = 20_000
PAGES_PER_LIST = 1_000


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What to find: ids of 16 bytes or None for any, in half-open ranges of time and index; `until_ns` 0: no end."""

    subject: bytes | None
    tenant: bytes | None
    from_ns: int
    until_ns: int
    page_size: int
    from_leaf: int
    until_leaf: int


@dataclass(frozen=True, slots=True)
class Found:
    """Leaves with their indexes, in order; `next_leaf` is where the next page begins, or None at the end."""

    leaves: list[tuple[int, bytes]]
    next_leaf: int | None


class Queries:
    """Reads the log's tables and events."""

    def __init__(self, tables: LogTables, leaves: StoredLeaves) -> None:
        self._tables = tables
        self._leaves = leaves
        self._tree = TileTree(tables.tile)

    def position_of(self, index: int) -> int:
        """Gives the position of the log's event that holds a leaf."""
        return self._tables.pages(index, 1)[0].position

    def receipt(self, index: int, standing: Standing) -> tuple[bytes, str]:
        """Gives a leaf and its receipt under the latest checkpoint.

        Raises LeafUnknown, CheckpointPending where no checkpoint covers the leaf yet, and LogDamaged.
        """
        if index >= standing.size:
            raise LeafUnknown(leaf_index=str(index))
        signed = signed_head(standing)
        if index >= signed.size:
            raise CheckpointPending(leaf_index=str(index))
        [(_, leaf)] = self._leaves_at([index])
        return leaf, receipt(leaf, index, self._tree.inclusion_proof(index, signed.size), signed.note)

    def consistency_proof(self, from_size: int, to_size: int, standing: Standing) -> list[bytes]:
        """Proves that a newer size extends an older one; raises LeafUnknown where the log is shorter than asked."""
        if to_size > standing.size:
            raise LeafUnknown(leaf_index=str(to_size - 1))
        return self._tree.consistency_proof(from_size, to_size)

    def list_leaves(self, from_index: int, limit: int, standing: Standing) -> list[tuple[int, bytes]]:
        """Gives leaves in order as far as the latest checkpoint, and checks every event between and after them.

        A reader who lists the whole log has so had every stored event checked. Raises CheckpointPending, LogDamaged.
        """
        found: list[tuple[int, bytes]] = []
        size, end = 0, signed_head(standing).size
        pages = self._tables.pages(from_index, PAGES_PER_LIST) if from_index < end else []
        after = self._tables.position_before(pages[0]) if pages else 0
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

    def search(self, query: SearchQuery) -> Found:
        """Finds leaves in order of the log; a page may be short where much had to be examined."""
        found: list[tuple[int, bytes]] = []
        size = 0
        for examined, (index, leaf) in enumerate(self._candidates(query)):
            size += len(leaf)
            if len(found) == query.page_size or examined == MOST_EXAMINED or (found and size > ANSWER_BYTES):
                return Found(found, index)
            if _matches(leaf, query):
                found.append((index, leaf))
        return Found(found, None)

    def _candidates(self, query: SearchQuery) -> Iterator[tuple[int, bytes]]:
        key = query.subject or query.tenant
        at = query.from_leaf
        while key and (indexes := self._tables.find(_key_query(query, key, at))):
            yield from self._leaves_at(indexes)
            at = indexes[-1] + 1
        while not key and (pages := self._tables.pages_between(at, query.until_leaf, query.from_ns, query.until_ns)):
            for page in pages:
                end = min(page.first_leaf + page.count, query.until_leaf)
                leaves = self._leaves.of_page(page)
                yield from ((index, leaves[index - page.first_leaf]) for index in range(max(at, page.first_leaf), end))
            at = pages[-1].first_leaf + pages[-1].count

    def _leaves_at(self, indexes: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """Reads leaves by ascending index, each event once."""
        first, leaves = 0, list[bytes]()
        for index in indexes:
            if not first <= index < first + len(leaves):
                [page] = self._tables.pages(index, 1)
                first, leaves = page.first_leaf, self._leaves.of_page(page)
            yield index, leaves[index - first]


def signed_head(standing: Standing) -> SignedHead:
    """Gives the latest checkpoint; raises CheckpointPending where there is none yet."""
    if standing.signed is None:
        raise CheckpointPending("no checkpoint has been signed yet")
    return standing.signed


def _key_query(query: SearchQuery, key: bytes, at: int) -> KeyQuery:
    return KeyQuery(key, at, query.until_leaf, query.from_ns, query.until_ns, query.page_size)


def _matches(leaf: bytes, query: SearchQuery) -> bool:
    """Tells whether a leaf is of the tenant and time asked for; machinery without a time is never searched for."""
    _, fields = decode(leaf)
    time_ns = fields.get("time_ns")
    if not isinstance(time_ns, int) or time_ns < query.from_ns or (query.until_ns and time_ns >= query.until_ns):
        return False
    return query.tenant is None or fields.get("tenant_id") == query.tenant
