"""How decisions on a book become events of its stream, after the transfers that the same group decided before."""

from __future__ import annotations

from typing import Any

from ringfence_kernel.writing.writer import Unit

from ringfence_custody.ledger.domain.book import Book


def record(unit: Unit, book_id: bytes, book: Book, event: Any) -> None:
    """Records an event, if there is one, after the transfers that the group decided in the book before it."""
    if event is not None:
        seal(unit, book_id, book)
        unit.record(book_id, event)


def seal(unit: Unit, book_id: bytes, book: Book) -> None:
    """Records everything decided in a book as one event; raises InvariantBroken before anything is committed."""
    event = book.seal()
    if event is not None:
        unit.journal.call(book.unseal)
        unit.record(book_id, event)
