"""A fold as bytes, and back: 58 bytes an account, and what is open."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from ringfence_audit.books.domain.book import Book, Reservation
from ringfence_audit.books.domain.fold import Fold
from ringfence_audit.books.domain.ids import halves

FORMAT = 1


def saved(fold: Fold) -> bytes:
    """Gives a fold as bytes that follow from its leaves alone."""
    books = {tenant: _columns(fold.books[tenant]) for tenant in sorted(fold.books)}
    return msgspec.msgpack.encode([FORMAT, fold.size, fold.latest_ns, fold.classes, books])


def restored(content: bytes) -> Fold:
    """Takes up what `saved` gave; raises ValueError for something else."""
    try:
        form, size, latest_ns, classes, books = msgspec.msgpack.decode(content)
        if form != FORMAT:
            raise ValueError(f"books of format {form}")
        return Fold(size, latest_ns, {tenant: _book(columns) for tenant, columns in books.items()}, classes)
    except (msgspec.MsgspecError, TypeError, AttributeError) as error:
        raise ValueError("no saved books") from error


def _columns(book: Book) -> list[Any]:
    rows = slice(book.table.count + 1)
    of_accounts = (book.ledger[rows], book.account_class[rows], book.since[rows])
    numbers = [*(column.tobytes() for column in of_accounts), *(column[rows].tobytes() for column in book.sums)]
    reserved = [(transfer, *each) for transfer, each in book.open.items()]
    return [book.table.ids().tobytes(), numbers, reserved]


def _book(columns: list[Any]) -> Book:
    ids, (ledger, account_class, since, *sums), reserved = columns
    book = Book(
        ledger=np.frombuffer(ledger, np.int32).copy(),
        account_class=np.frombuffer(account_class, np.int16).copy(),
        since=np.frombuffer(since, np.int64).copy(),
        sums=[np.frombuffer(column, np.int64).copy() for column in sums],
    )
    book.table.add(halves(ids))
    book.open = {transfer: Reservation(*each) for transfer, *each in reserved}
    return book
