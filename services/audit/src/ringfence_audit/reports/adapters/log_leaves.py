"""Leaves about an id, found by the search index and read from the log."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ringfence_audit.index.application.ports import Keys
from ringfence_audit.index.domain.keys import kind_key
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.application.texts import Texts

LEAVES_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class IndexedLeaves:
    """The log by its index."""

    keys: Keys
    log: Queries
    kept: Texts

    def about(self, key: bytes, until_leaf: int) -> Iterable[tuple[int, bytes]]:
        """Yields the leaves that name an id, with their indexes, in order, below an index; raises LogDamaged."""
        at = 0
        while at < until_leaf:
            located = self.keys.find([key], at, until_leaf, LEAVES_AT_ONCE)
            yield from self.log.leaves_at(located.indexes)
            at = located.next_leaf

    def of_kinds(self, tenant: bytes, kinds: Iterable[str], until_leaf: int) -> Iterable[tuple[int, bytes]]:
        """Yields the leaves of some kinds about a platform, in order, below an index; raises LogDamaged."""
        return heapq.merge(*(self.about(kind_key(kind, tenant), until_leaf) for kind in kinds))

    def texts(self, indexes: Sequence[int]) -> Mapping[int, Mapping[str, str]]:
        """Gives the texts that leaves commit to, by index and field, as far as they are kept."""
        return {
            leaf: {each.field: each.content.decode() for each in found if each.is_text and each.salt}
            for leaf, found in self.kept.of_leaves(indexes).items()
        }
