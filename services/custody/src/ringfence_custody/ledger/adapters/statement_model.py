"""The read model of statements: filled from events by COPY, a row per transfer and one per account that it moved."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np
import psycopg
from psycopg.rows import DictRow
from ringfence_kernel.projecting.plans import PREDICTABLE
from ringfence_kernel.values.recorded import Recorded

from ringfence_custody.ledger.adapters.statement_rows import (
    COPY_ENTRIES,
    COPY_TRANSFERS,
    HEADER,
    TRAILER,
    Numbers,
    Rows,
    entries_of,
    transfers_of,
)
from ringfence_custody.ledger.adapters.statement_sql import BALANCES, END_OF_TIME
from ringfence_custody.ledger.domain.events import TransfersCreated

BOOK = "SELECT book FROM books WHERE book_id = %s"
NEW_BOOK = "INSERT INTO books SELECT count(*) + 1, %s FROM books RETURNING book"
SLICE_BITS = 20
NEW_SLICES = "INSERT INTO slices SELECT %s, * FROM unnest(%s::int[], %s::bigint[])"


class LastBalances:
    """Posted balance of each account of a book after the last entry, as far as it was asked for."""

    def __init__(self) -> None:
        """Knows none."""
        self.of_account = np.zeros(0, np.int64)
        self._known = np.zeros(0, np.bool_)

    def unknown(self, accounts: Numbers) -> Numbers:
        """Makes room for these accounts, sorted, and returns those whose balance is not known."""
        if len(accounts) and (missing := int(accounts[-1]) + 1 - len(self._known)) > 0:
            missing += len(self._known) // 2
            self.of_account = np.concatenate([self.of_account, np.zeros(missing, np.int64)])
            self._known = np.concatenate([self._known, np.zeros(missing, np.bool_)])
        return accounts[~self._known[accounts]]

    def learn(self, accounts: Sequence[int], balances: Sequence[int]) -> None:
        """Takes balances as known."""
        self.of_account[accounts] = balances
        self._known[accounts] = True


class StatementModel:
    """Transfers and the balances after them.

    Balances after the last entries are kept in memory from page to page, and looked up in the tables when the page does
    not follow the one before: after a start, a failed commit, or a page of another process.
    """

    name = "statements"
    tables: Sequence[str] = ("books", "transfers", "slices", "entries")

    def __init__(self, slice_bits: int = SLICE_BITS) -> None:
        """Starts without balances; a slice has 2^slice_bits transfers."""
        self._slice_bits = slice_bits
        self._position = -1
        self._balances: dict[bytes, LastBalances] = {}

    def project(self, connection: psycopg.Connection[DictRow], recorded: Sequence[Recorded]) -> None:
        """Writes the transfers of these events; other events leave no row."""
        if not recorded:
            return
        if self._position != recorded[0].position - 1:
            self._balances.clear()
        self._position = -1
        by_book: dict[bytes, list[tuple[int, TransfersCreated]]] = {}
        for each in recorded:
            if isinstance(each.event, TransfersCreated) and each.event.id:
                by_book.setdefault(each.stream, []).append((each.position, each.event))
        for book_id, events in by_book.items():
            self._project_book(connection, book_id, events)
        self._position = recorded[-1].position

    def _project_book(
        self, connection: psycopg.Connection[DictRow], book_id: bytes, events: list[tuple[int, TransfersCreated]]
    ) -> None:
        book = _book(connection, book_id)
        rows = transfers_of(book, events, self._slice_bits)
        self._note_slices(connection, book, events[0][1].first_row, rows)
        _copy(connection, COPY_TRANSFERS, rows)
        balances = self._balances.setdefault(book_id, LastBalances())
        accounts = np.unique(np.concatenate([rows["debit_account"], rows["credit_account"]])).astype(np.int64)
        if unknown := balances.unknown(accounts).tolist():
            connection.execute(PREDICTABLE)
            found = connection.execute(BALANCES, {"book": book, "as_of": END_OF_TIME, "accounts": unknown}).fetchall()
            balances.learn([row["account"] for row in found], [row["balance_minor"] for row in found])
        _copy(connection, COPY_ENTRIES, entries_of(rows, balances.of_account))

    def _note_slices(self, connection: psycopg.Connection[DictRow], book: int, first_row: int, rows: Rows) -> None:
        """Notes when the slices that begin within these rows began."""
        bits = self._slice_bits
        begun = range(-(-first_row >> bits), -(-(first_row + len(rows)) >> bits))
        if begun:
            first = [(each << bits) - first_row for each in begun]
            connection.execute(NEW_SLICES, (book, list(begun), rows["timestamp_ns"][first].tolist()))


def _book(connection: psycopg.Connection[DictRow], book_id: bytes) -> int:
    """Returns the number of a book, giving it the next one when it is new; the cursor's lock keeps others out."""
    name = (UUID(bytes=book_id),)
    row = connection.execute(BOOK, name).fetchone() or connection.execute(NEW_BOOK, name).fetchone()
    if row is None:
        raise AssertionError("a row was inserted")
    return int(row["book"])


def _copy(connection: psycopg.Connection[DictRow], statement: str, rows: Rows) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(HEADER)
        copy.write(rows.tobytes())
        copy.write(TRAILER)
