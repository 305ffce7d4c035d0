"""The books, which follow the log on their own: what custody has closed, and folds to go on from, as rows.

The fold itself is in memory. A process that did not make it goes on from the newest row, and reads the events since.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ringfence_kernel.projecting.projector import PAGE_EVENTS, decode
from ringfence_kernel.store import read_page
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.recorded import Recorded

from ringfence_audit.books.adapters.stored_folds import SPACING, newest_fold, save_fold
from ringfence_audit.books.domain.fold import Block, Closing, Fold
from ringfence_audit.log.domain.books import BOOKS_KIND
from ringfence_audit.log.domain.events import EVENTS, Growth, Taken, leaves_of
from ringfence_audit.log.domain.leaf import encode

SOURCE = "custody"
BLOCK_LEAVES = 8_192
"""Taken at once."""
SAVE_CLOSING = "INSERT INTO books_closings VALUES (%s, %s, %s, %s, %s, %s, %s)"


class BooksModel:
    """Which books custody has closed, and whether the log's leaves come to the same."""

    name = "books"
    tables: Sequence[str] = ("books_closings", "books_folds")

    def __init__(self) -> None:
        """Begins with nothing; what has been projected before is read when it is needed."""
        self._fold, self._position = Fold(), 0
        self._codec = EventCodec(EVENTS)

    def project(self, connection: Any, recorded: Sequence[Recorded]) -> None:
        """Writes the rows of these events."""
        first = recorded[0].position
        if self._position != first - 1:
            self._go_on(connection, first)
        self._position = -1  # whatever stops it half way
        self._take(connection, recorded)
        self._position = recorded[-1].position

    def _go_on(self, connection: Any, first: int) -> None:
        """Comes to where these events begin, without writing rows that are there."""
        self._fold, at = newest_fold(connection, first)
        while at < first - 1:
            page = [each for each in read_page(connection, at, PAGE_EVENTS) if each.position < first]
            for block in blocks(decode(self._codec, page)):
                deque(self._fold.take(block), maxlen=0)
            at = page[-1].position

    def _take(self, connection: Any, recorded: Sequence[Recorded]) -> None:
        for block in blocks(recorded):
            for closing in self._fold.take(block):
                connection.execute(SAVE_CLOSING, _row(closing))
            if block.is_mark:
                save_fold(connection, self._fold, block.position)


def blocks(recorded: Iterable[Recorded]) -> Iterator[Block]:
    """Cuts events into blocks; one ends where folds are saved, whatever events come together."""
    leaves, event, position = list[tuple[int, bytes]](), None, 0
    for each in recorded:
        if not isinstance(each.event, Growth):
            continue
        event, position = each.event, each.position
        own = leaves_of(event) if isinstance(event, Taken) and event.source == SOURCE else ()
        leaves += enumerate(own, event.first_leaf)
        is_mark = _end(event) // SPACING > event.first_leaf // SPACING
        if is_mark or len(leaves) >= BLOCK_LEAVES:
            yield Block(leaves, _end(event), position, is_mark)
            leaves, event = [], None
    if event is not None:
        yield Block(leaves, _end(event), position)


def _end(event: Growth) -> int:
    """Gives the size of the log after an event."""
    return event.first_leaf + (event.count if isinstance(event, Taken) else 1)


def _row(closing: Closing) -> tuple[object, ...]:
    books, closed_ns = closing.books, closing.said.get("closed_ns")
    stated = {
        **books.stated(),
        "tenant_id": closing.tenant,
        "ledger": closing.ledger,
        "day": closing.said.get("day"),
        "demand_id": closing.said.get("demand_id"),
        "as_of_position": closing.said.get("as_of_position"),
        "is_same": int(closing.is_same),
        "is_covered": int(books.is_covered),
    }
    leaf = encode(BOOKS_KIND, stated)
    return closing.leaf, closing.tenant, closing.ledger, closed_ns, closing.is_same, books.is_covered, leaf
