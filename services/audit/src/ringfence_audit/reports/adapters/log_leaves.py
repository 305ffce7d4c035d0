"""Leaves about an id, found by the search index and read from the log."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from ringfence_audit.index.application.about import leaves_about
from ringfence_audit.index.application.ports import Keys
from ringfence_audit.index.application.queries import Queries as SearchQueries
from ringfence_audit.index.application.queries import SearchQuery
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
        return self._within(key, range(until_leaf), LEAVES_AT_ONCE)

    def first_about(self, key: bytes, most: int, until_leaf: int) -> Iterable[tuple[int, bytes]]:
        """Yields the first of these, `most` at most; no more are looked up. Raises LogDamaged."""
        return islice(self._within(key, range(until_leaf), most), most)

    def about_between(self, key: bytes, from_ns: int, until_ns: int, until_leaf: int) -> Iterable[tuple[int, bytes]]:
        """Yields those among which all are that are dated in a half-open time, in order; raises LogDamaged."""
        return self._within(key, self.log.narrowed(range(until_leaf), from_ns, until_ns), LEAVES_AT_ONCE)

    def of_kinds(self, tenant: bytes, kinds: Iterable[str], until_leaf: int) -> Iterable[tuple[int, bytes]]:
        """Yields the leaves of some kinds about a platform, in order, below an index; raises LogDamaged."""
        return heapq.merge(*(self.about(kind_key(kind, tenant), until_leaf) for kind in kinds))

    def of_platform(self, tenant: bytes, from_ns: int, until_ns: int, until_leaf: int) -> Iterable[tuple[int, bytes]]:
        """Yields the leaves of a platform that are dated in a half-open time, in order; raises LogDamaged."""
        search, at = SearchQueries(self.keys, self.log), 0
        while True:
            found = search.search(SearchQuery(None, tenant, from_ns, until_ns, LEAVES_AT_ONCE, at, until_leaf))
            yield from found.leaves
            if found.next_leaf is None:
                return
            at = found.next_leaf

    def texts(self, indexes: Sequence[int]) -> Mapping[int, Mapping[str, str]]:
        """Gives the texts that leaves commit to, by index and field, as far as they are kept."""
        return {
            leaf: {each.field: each.content.decode() for each in found if each.is_text and each.salt}
            for leaf, found in self.kept.of_leaves(indexes).items()
        }

    def _within(self, key: bytes, span: range, together: int) -> Iterator[tuple[int, bytes]]:
        return leaves_about(self.keys, self.log, [key], span, together)
