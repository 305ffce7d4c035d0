"""Reads what custody has closed, and computes books of past instants; every call blocks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ringfence_kernel.projecting.projector import PAGE_EVENTS, decode
from ringfence_kernel.store import EventStore, read_page
from ringfence_kernel.store.codec import EventCodec

from ringfence_audit.books.adapters.books_model import blocks
from ringfence_audit.books.adapters.stored_folds import NEVER_NS, newest_fold
from ringfence_audit.books.application.ports import Closed, PastBooks
from ringfence_audit.books.domain.figures import Books
from ringfence_audit.books.domain.fold import Block, Bound
from ringfence_audit.books.domain.shown import Shown, shown
from ringfence_audit.log.domain.events import EVENTS
from ringfence_audit.log.domain.leaf import decode as read_leaf

AFTER = "SELECT * FROM books_closings WHERE leaf >= %s ORDER BY leaf LIMIT %s"
NEWEST = (
    "WITH RECURSIVE newest AS ("
    "(SELECT * FROM books_closings ORDER BY tenant_id DESC, ledger DESC, leaf DESC LIMIT 1)"
    " UNION ALL SELECT before.* FROM newest, LATERAL ("
    "SELECT * FROM books_closings WHERE (tenant_id, ledger) < (newest.tenant_id, newest.ledger)"
    " ORDER BY tenant_id DESC, ledger DESC, leaf DESC LIMIT 1) AS before"
    ") SELECT * FROM newest ORDER BY tenant_id, ledger"
)
"""Goes from book to book by the index, backwards: it is asked every two seconds, and closings are without end."""
LAST = (
    "SELECT * FROM books_closings WHERE tenant_id = %s AND ledger = %s AND leaf < %s AND closed_ns <= %s"
    " ORDER BY leaf DESC LIMIT 1"
)
REACHES = "SELECT max(position) AS position FROM leaf_pages WHERE first_leaf < %s AND earliest_ns <= %s"
SIZE = "SELECT first_leaf + leaves AS size FROM leaf_pages WHERE position = %s"


class BooksReader:
    """The books' tables, and the events since a fold."""

    def __init__(self, store: EventStore) -> None:
        self._store, self._codec = store, EventCodec(EVENTS)

    def after(self, leaf: int, limit: int) -> Sequence[Closed]:
        """Gives closings from a leaf on, in order of the log."""
        return self._found(AFTER, leaf, limit)

    def newest(self) -> Sequence[Closed]:
        """Gives the newest closing of each platform and currency."""
        return self._found(NEWEST)

    def position_below(self, size: int) -> int:
        """Gives the position in the log's feed of the newest leaf below an index."""
        with self._store.connection() as connection:
            found = connection.execute(REACHES, (size, NEVER_NS)).fetchone()
        return (found and found["position"]) or 0

    def last(self, tenant: bytes, ledger: int, size: int, until_ns: int) -> Closed | None:
        """Gives the newest closing of a platform and currency by a time, below a leaf."""
        return next(iter(self._found(LAST, tenant, ledger, size, until_ns)), None)

    def books(self, tenant: bytes, ledger: int, account: bytes | None, size: int, until_ns: int) -> PastBooks:
        """Goes on from the newest fold that is of no later instant, with the leaves of one platform."""
        with self._store.connection() as connection:
            last = connection.execute(REACHES, (size, until_ns)).fetchone()
            end = (last and last["position"]) or 0
            reached = connection.execute(SIZE, (end,)).fetchone()
            fold, at = newest_fold(connection, end + 1, until_ns)
            for block in self._blocks(connection, at, end):
                deque(fold.take(block, Bound(tenant, until_ns)), maxlen=0)
        book = fold.books.get(tenant)
        balances = book.balances(account) if book and account else None
        return PastBooks(min(size, reached["size"] if reached else 0), fold.read(tenant, ledger), balances)

    def every(self, keys: Sequence[tuple[bytes, int]], size: int) -> list[Books]:
        """Goes on from the newest fold, with the leaves of all platforms."""
        with self._store.connection() as connection:
            last = connection.execute(REACHES, (size, NEVER_NS)).fetchone()
            end = (last and last["position"]) or 0
            fold, at = newest_fold(connection, end + 1, NEVER_NS)
            for block in self._blocks(connection, at, end):
                deque(fold.take(block), maxlen=0)
        return [fold.read(*each) for each in keys]

    def shown(self, closed: Closed, account: bytes) -> Shown:
        """Goes on from the newest fold of before a closing, with the leaves of one platform below its own."""
        with self._store.connection() as connection:
            last = connection.execute(REACHES, (closed.leaf, NEVER_NS)).fetchone()
            end = (last and last["position"]) or 0
            # The event at the end may have the closing, and leaves after it.
            fold, at = newest_fold(connection, end)
            for block in self._blocks(connection, at, end):
                leaves = [each for each in block.leaves if each[0] < closed.leaf]
                deque(fold.take(replace(block, leaves=leaves), Bound(closed.tenant, NEVER_NS)), maxlen=0)
        book = fold.books.get(closed.tenant)
        return shown(book.records(closed.ledger) if book else b"", account)

    def _blocks(self, connection: Any, at: int, end: int) -> Iterator[Block]:
        """Yields what the log has taken over after a position, up to another."""
        while at < end:
            page = [each for each in read_page(connection, at, PAGE_EVENTS) if each.position <= end]
            yield from blocks(decode(self._codec, page))
            at = page[-1].position

    def _found(self, query: str, *values: Any) -> list[Closed]:
        with self._store.connection() as connection:
            return [_closed(row) for row in connection.execute(query, values).fetchall()]


def _closed(row: Any) -> Closed:
    _, stated = read_leaf(bytes(row["stated"]))
    flags = row["is_same"], row["is_covered"]
    return Closed(row["leaf"], bytes(row["tenant_id"]), row["ledger"], row["closed_ns"], *flags, stated)
