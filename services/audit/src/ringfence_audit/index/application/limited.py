"""Finds leaves for readers of some platforms: nothing that they can count or time depends on the leaves of others.

A platform's leaves are found by the bundles that hold one, and these are looked through whole, whatever is asked for:
where a page ends and what it costs hangs on where the platform's own leaves are. All calls block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from heapq import merge
from itertools import groupby, islice

from ringfence_audit.index.application.about import FOUND_TOGETHER, indexes_about
from ringfence_audit.index.application.ports import Keys
from ringfence_audit.index.application.queries import Found, SearchQuery, is_asked_for
from ringfence_audit.index.domain.ranges import BUNDLE_LEAVES
from ringfence_audit.log.application.queries import ANSWER_BYTES
from ringfence_audit.log.application.queries import Queries as LogQueries
from ringfence_audit.log.domain.sight import Sight

READ_TOGETHER = 16
MOST_BUNDLES = 256
"""Bundles that are looked through for one page: 65,536 leaves."""


class LimitedQueries:
    """Searches the facts of some platforms."""

    def __init__(self, keys: Keys, log: LogQueries, most_bundles: int = MOST_BUNDLES) -> None:
        self._keys = keys
        self._log = log
        self._most_bundles = most_bundles

    def search(self, query: SearchQuery, sight: Sight) -> Found:
        """Finds leaves in order of the log; the index has to have come to their end. Raises LogDamaged."""
        platforms = sight.platforms or frozenset()
        if query.tenant is not None:
            platforms &= {query.tenant}
        span = range(query.from_leaf, query.until_leaf)
        if query.from_ns or query.until_ns:
            span = self._log.narrowed(span, query.from_ns, query.until_ns)
        wanted = _Wanted(query, sight, platforms)
        return self._found(self.bundles(platforms, span), span, query.page_size, wanted.has)

    def list_leaves(self, sight: Sight, from_leaf: int, limit: int, until_leaf: int) -> list[tuple[int, bytes]]:
        """Gives the first leaves from one on, in order; none where there are none. Raises LogDamaged."""
        query = SearchQuery(None, None, 0, 0, limit, from_leaf, until_leaf)
        platforms, at = sight.platforms or frozenset(), from_leaf
        while True:
            span = range(at, until_leaf)
            wanted = _Wanted(query, sight, platforms)
            found = self._found(self.bundles(platforms, span), span, limit, wanted.has)
            if found.leaves or found.next_leaf is None:
                return found.leaves
            at = found.next_leaf

    def bundles(self, platforms: frozenset[bytes], span: range) -> Iterator[int]:
        """Yields the first leaves of the bundles that hold one of some platforms, or that name one as a principal."""
        of_each = [self._of_platform(platform, span) for platform in sorted(platforms)]
        named = [self._of_keys(sorted(platforms), span)] if platforms else []
        return (first for first, _ in groupby(merge(*of_each, *named)))

    def has_fact(self, subject: bytes, platforms: frozenset[bytes], until_leaf: int) -> bool:
        """Tells whether some platforms have a fact about an id; of others' facts none is read. Raises LogDamaged."""
        sight, at = Sight(platforms), 0
        while at < until_leaf:
            # Where there is no bundle of theirs there is nothing to ask.
            at = max(at, next(self.bundles(platforms, range(at, until_leaf)), until_leaf))
            located = self._keys.find([subject], at, until_leaf, FOUND_TOGETHER)
            theirs = self._in_bundles(located.indexes, platforms)
            if any(sight.shows(leaf) for _, leaf in self._log.leaves_at(theirs)):
                return True
            at = located.next_leaf
        return False

    def _in_bundles(self, indexes: Sequence[int], platforms: frozenset[bytes]) -> list[int]:
        """Gives those of some indexes that are in bundles which hold a leaf of some platforms."""
        if not indexes:
            return []
        theirs = set(self.bundles(platforms, range(_first_of(indexes[0]), indexes[-1] + 1)))
        return [index for index in indexes if _first_of(index) in theirs]

    def spans(self, platforms: frozenset[bytes], within: range) -> Iterator[range]:
        """Yields the parts of bundles that hold a fact of some platforms, in order; the index has come so far."""
        for first in self.bundles(platforms, within):
            yield range(max(first, within.start), min(first + BUNDLE_LEAVES, within.stop))

    def _found(self, bundles: Iterator[int], span: range, page_size: int, is_wanted: Callable[[bytes], bool]) -> Found:
        found: list[tuple[int, bytes]] = []
        size, looked = 0, 0
        while together := list(islice(bundles, READ_TOGETHER)):
            if looked >= self._most_bundles:
                return Found(found, max(together[0], span.start))
            looked += len(together)
            for index, leaf in self._log.leaves_at(_indexes(together, span)):
                if not is_wanted(leaf):
                    continue
                size += len(leaf)
                if found and (len(found) == page_size or size > ANSWER_BYTES):
                    return Found(found, found[-1][0] + 1)
                found.append((index, leaf))
        return Found(found, None)

    def _of_platform(self, platform: bytes, span: range) -> Iterator[int]:
        at = span.start
        while bundles := self._keys.bundles_of(platform, at, span.stop, FOUND_TOGETHER):
            yield from bundles
            at = bundles[-1] + BUNDLE_LEAVES

    def _of_keys(self, keys: Sequence[bytes], span: range) -> Iterator[int]:
        for indexes in indexes_about(self._keys, keys, span):
            yield from dict.fromkeys(map(_first_of, indexes))


class _Wanted:
    """Tells which leaves a reader is shown of those that are looked through; most are told apart without decoding."""

    def __init__(self, query: SearchQuery, sight: Sight, platforms: frozenset[bytes]) -> None:
        self._query = query
        self._sight = Sight(platforms) if query.tenant is not None else sight
        self._platforms = tuple(platforms)

    def has(self, leaf: bytes) -> bool:
        """Tells whether a leaf is shown, and asked for."""
        if not any(platform in leaf for platform in self._platforms):
            return False
        if self._query.subject is not None and self._query.subject not in leaf:
            return False
        return self._sight.shows(leaf) and is_asked_for(leaf, self._query)


def _first_of(index: int) -> int:
    """Gives the first leaf of the bundle that a leaf is in."""
    return index - index % BUNDLE_LEAVES


def _indexes(bundles: Sequence[int], span: range) -> list[int]:
    return [
        index for first in bundles for index in range(max(first, span.start), min(first + BUNDLE_LEAVES, span.stop))
    ]
