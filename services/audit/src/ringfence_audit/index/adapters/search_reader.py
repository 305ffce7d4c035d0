"""Reads the search index; every call blocks."""

from __future__ import annotations

from ringfence_kernel.store import EventStore

from ringfence_audit.index.application.ports import KeyQuery

FIND = (
    "SELECT first_leaf, leaves FROM leaf_keys WHERE key = %(key)s AND first_leaf >= coalesce((SELECT max(first_leaf)"
    " FROM leaf_keys WHERE key = %(key)s AND first_leaf <= %(from_leaf)s), 0) AND first_leaf < %(until_leaf)s"
    " AND first_leaf + leaves > %(from_leaf)s"
    " AND time_ns >= %(from_ns)s AND (%(until_ns)s = 0 OR time_ns < %(until_ns)s)"
    " ORDER BY first_leaf LIMIT %(limit)s"
)


class SearchReader:
    """The search index in PostgreSQL."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def find(self, query: KeyQuery) -> list[int]:
        """Gives indexes of leaves that are about an id, in order."""
        arguments = {
            "key": query.key,
            "from_leaf": query.from_leaf,
            "until_leaf": query.until_leaf,
            "from_ns": query.from_ns,
            "until_ns": query.until_ns,
            "limit": query.limit,
        }
        with self._store.connection() as connection:
            rows = connection.execute(FIND.encode(), arguments).fetchall()
        found: list[int] = []
        for row in rows:
            first = max(row["first_leaf"], query.from_leaf)
            end = min(row["first_leaf"] + row["leaves"], query.until_leaf, first + query.limit - len(found))
            found.extend(range(first, end))
        return found
