"""Finds leaves by the ids they name and the times they state. All calls block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ringfence_audit.index.application.ports import KeyQuery, Keys
from ringfence_audit.log.application.queries import ANSWER_BYTES
from ringfence_audit.log.application.queries import Queries as LogQueries
from ringfence_audit.log.domain.leaf import STATE_KIND, decode

MOST_EXAMINED = 20_000


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
    """Searches the log by its index."""

    def __init__(self, keys: Keys, log: LogQueries) -> None:
        self._keys = keys
        self._log = log

    def position_of(self, leaf: int) -> int:
        """Gives the position of the log's event that holds a leaf: how far the index must have come to find it."""
        return self._log.position_of(leaf)

    def search(self, query: SearchQuery) -> Found:
        """Finds leaves in order of the log; a page may be short where much had to be examined. Raises LogDamaged."""
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
        if not key:
            yield from self._log.leaves_between(query.from_leaf, query.until_leaf, query.from_ns, query.until_ns)
            return
        at = query.from_leaf
        while indexes := self._keys.find(_key_query(query, key, at)):
            yield from self._log.leaves_at(indexes)
            at = indexes[-1] + 1


def _key_query(query: SearchQuery, key: bytes, at: int) -> KeyQuery:
    return KeyQuery(key, at, query.until_leaf, query.from_ns, query.until_ns, query.page_size)


def _matches(leaf: bytes, query: SearchQuery) -> bool:
    """Tells whether a leaf is of the tenant and time asked for; the log's own machinery is never searched for."""
    kind, fields = decode(leaf)
    time_ns = fields.get("time_ns")
    if (
        kind == STATE_KIND
        or not isinstance(time_ns, int)
        or time_ns < query.from_ns
        or (query.until_ns and time_ns >= query.until_ns)
    ):
        return False
    return query.tenant is None or fields.get("tenant_id") == query.tenant
