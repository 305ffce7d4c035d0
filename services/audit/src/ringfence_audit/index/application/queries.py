"""Finds leaves by the ids they name and the times they state. All calls block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import chain, groupby, islice, takewhile

from ringfence_audit.index.application.about import FOUND_TOGETHER
from ringfence_audit.index.application.ports import Keys
from ringfence_audit.index.domain.keys import leaf_ids
from ringfence_audit.index.domain.ranges import BUNDLE_LEAVES
from ringfence_audit.log.application.queries import ANSWER_BYTES
from ringfence_audit.log.application.queries import Queries as LogQueries
from ringfence_audit.log.domain.leaf import STATE_KIND, decode
from ringfence_audit.log.domain.state import SignedHead

MOST_EXAMINED = 20_000
FEWEST_TOGETHER = 64
"""Leaves that are read together, at least: most of a bundle may be of other platforms."""
MOST_ACCOUNTS = 1_000
"""Of an owner, that are looked up; where there are more, all leaves are looked through, page by page."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What to find: ids of 16 bytes or None for any, in half-open ranges of time and index; `until_ns` 0: no end.

    `fact_kind` is the kind of the leaves, empty for any.
    """

    subject: bytes | None
    tenant: bytes | None
    from_ns: int
    until_ns: int
    page_size: int
    from_leaf: int
    until_leaf: int
    fact_kind: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Leaves with their indexes, in order; `next_leaf` is where the next page begins, or None at the end."""

    leaves: list[tuple[int, bytes]]
    next_leaf: int | None


@dataclass(slots=True)
class _Bound:
    """Where a page ends though it is not full, because no more is looked up for it; None while it is."""

    leaf: int | None = None

    def holds(self, index: int) -> bool:
        """Tells whether a leaf is before it."""
        return self.leaf is None or index < self.leaf


class Queries:
    """Searches the log by its index."""

    def __init__(self, keys: Keys, log: LogQueries) -> None:
        self._keys = keys
        self._log = log

    def position_of(self, leaf: int) -> int:
        """Gives the position of the log's event that holds a leaf: how far the index must have come to find it."""
        return self._log.position_of(leaf)

    def proof(self, leaves: Sequence[tuple[int, bytes]], signed: SignedHead) -> list[bytes]:
        """Gives the hashes that prove found leaves together under a checkpoint, none of none; raises LogDamaged."""
        return self._log.combined_proof(leaves, signed) if leaves else []

    def not_indexed(self, until_leaf: int) -> int:
        """Gives how many leaves below an index a search would have to look through."""
        return max(until_leaf - self._keys.size(), 0)

    def search(self, query: SearchQuery) -> Found:
        """Finds leaves in order of the log; a page may be short where much had to be examined. Raises LogDamaged."""
        found: list[tuple[int, bytes]] = []
        size, bound = 0, _Bound()
        for examined, (index, leaf) in enumerate(self._candidates(query, bound)):
            if len(found) == query.page_size or examined == MOST_EXAMINED:
                return Found(found, index)
            if is_asked_for(leaf, query):
                size += len(leaf)
                if found and size > ANSWER_BYTES:
                    return Found(found, index)
                found.append((index, leaf))
        return Found(found, bound.leaf)

    def _candidates(self, query: SearchQuery, bound: _Bound) -> Iterator[tuple[int, bytes]]:
        if not (query.subject or query.tenant):
            yield from self._log.leaves_between(query.from_leaf, query.until_leaf, query.from_ns, query.until_ns)
            return
        span = range(query.from_leaf, query.until_leaf)
        if query.from_ns or query.until_ns:
            span = self._log.narrowed(span, query.from_ns, query.until_ns)
        indexed = range(span.start, min(max(self._keys.size(), span.start), span.stop))
        if query.subject:
            found = self._of_subject(query.subject, indexed, bound)
        else:
            found = self._of_tenant(query.tenant or b"", indexed)
        # What the index does not have yet is looked through.
        indexes = takewhile(bound.holds, chain(found, range(indexed.stop, span.stop)))
        while together := list(islice(indexes, max(query.page_size, FEWEST_TOGETHER))):
            yield from self._log.leaves_at(together)

    def _of_subject(self, subject: bytes, span: range, bound: _Bound) -> Iterator[int]:
        """Yields where leaves about a subject may be: found by its id, or its accounts', or of it as a platform."""
        keys = [subject, *self._keys.accounts_of(subject, MOST_ACCOUNTS + 1)]
        if len(keys) > MOST_ACCOUNTS + 1:
            yield from span
            return
        both = merge(self._of_keys(keys, span, bound), self._of_tenant(subject, span))
        yield from (index for index, _ in groupby(both))

    def _of_keys(self, keys: Sequence[bytes], span: range, bound: _Bound) -> Iterator[int]:
        """Yields what keys find; sets the bound where all that one call looks up did not find as much as it may."""
        at = span.start
        while at < span.stop:
            located = self._keys.find(keys, at, span.stop, FOUND_TOGETHER)
            yield from located.indexes
            at = located.next_leaf
            if at < span.stop and len(located.indexes) < FOUND_TOGETHER:
                bound.leaf = at
                return

    def _of_tenant(self, tenant: bytes, span: range) -> Iterator[int]:
        at = span.start
        while bundles := self._keys.bundles_of(tenant, at, span.stop, FOUND_TOGETHER):
            for first in bundles:
                yield from range(max(first, span.start), min(first + BUNDLE_LEAVES, span.stop))
            at = bundles[-1] + BUNDLE_LEAVES


def is_asked_for(leaf: bytes, query: SearchQuery) -> bool:
    """Tells whether a leaf is of the ids and time asked for; the log's own machinery is never searched for."""
    kind, fields = decode(leaf)
    time_ns = fields.get("time_ns")
    if (
        kind == STATE_KIND
        or not isinstance(time_ns, int)
        or time_ns < query.from_ns
        or (query.until_ns and time_ns >= query.until_ns)
    ):
        return False
    if query.fact_kind and query.fact_kind != kind:
        return False
    if query.subject is not None and query.subject not in leaf_ids(fields):
        return False
    return query.tenant is None or fields.get("tenant_id") == query.tenant
