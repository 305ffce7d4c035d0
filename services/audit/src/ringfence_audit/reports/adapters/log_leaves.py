"""Leaves about an id, found by the search index and read from the log."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from ringfence_audit.index.application.ports import Keys
from ringfence_audit.index.domain.keys import kind_key
from ringfence_audit.log.application.queries import Queries

LEAVES_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class IndexedLeaves:
    """The log by its index."""

    keys: Keys
    log: Queries

    def about(self, key: bytes, until_leaf: int) -> Iterable[tuple[int, bytes]]:
        """Yields the leaves that name an id, with their indexes, in order, below an index; raises LogDamaged."""
        at = 0
        while at < until_leaf:
            indexes = self.keys.find([key], at, until_leaf, LEAVES_AT_ONCE)
            yield from self.log.leaves_at(indexes)
            at = indexes[-1] + 1 if len(indexes) == LEAVES_AT_ONCE else until_leaf

    def of_kinds(self, tenant: bytes, kinds: Iterable[str], until_leaf: int) -> Iterable[tuple[int, bytes]]:
        """Yields the leaves of some kinds about a platform, in order, below an index; raises LogDamaged."""
        return heapq.merge(*(self.about(kind_key(kind, tenant), until_leaf) for kind in kinds))
