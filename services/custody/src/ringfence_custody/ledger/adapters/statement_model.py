"""The read model of statements: filled from events by COPY, a row per transfer and one for either of its accounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
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
    ledgers_of,
    transfers_of,
)
from ringfence_custody.ledger.adapters.statement_sql import BALANCES, END_OF_TIME, LEDGERS
from ringfence_custody.ledger.domain.events import AccountsCreated, TransfersCreated

BOOK = "SELECT book FROM books WHERE book_id = %s"
NEW_BOOK = "INSERT INTO books SELECT count(*) + 1, %s FROM books RETURNING book"
SLICE_BITS = 20
NEW_ACCOUNTS = "INSERT INTO account_ledgers SELECT %s, * FROM unnest(%s::int[], %s::smallint[])"
NEW_SLICES = "INSERT INTO slices SELECT %s, * FROM unnest(%s::int[], %s::bigint[])"


class ByAccount:
    """A number of each account of a book, as far as it was asked for."""

    def __init__(self) -> None:
        """Knows none."""
        self.numbers = np.zeros(0, np.int64)
        self._known = np.zeros(0, np.bool_)

    def unknown(self, accounts: Numbers) -> Numbers:
        """Makes room for these accounts, sorted, and returns those whose number is not known."""
        if len(accounts) and (missing := int(accounts[-1]) + 1 - len(self._known)) > 0:
            missing += len(self._known) // 2
            self.numbers = np.concatenate([self.numbers, np.zeros(missing, np.int64)])
            self._known = np.concatenate([self._known, np.zeros(missing, np.bool_)])
        return accounts[~self._known[accounts]]

    def learn(self, accounts: Sequence[int] | Numbers, numbers: Sequence[int] | Numbers) -> None:
        """Takes numbers of accounts for which there is room as known."""
        self.numbers[accounts] = numbers
        self._known[accounts] = True


@dataclass(frozen=True, slots=True)
class Happened:
    """What a page of the feed has of one book: accounts opened, and transfers with their feed positions."""

    accounts: list[AccountsCreated] = field(default_factory=list)
    transfers: list[tuple[int, TransfersCreated]] = field(default_factory=list)


class StatementModel:
    """Transfers and the balances after them.

    Balances after the last entries and ledgers of accounts are kept in memory from page to page, and looked up in the
    tables when the page does not follow the one before: after a start, a failed commit, or a page of another process.
    """

    name = "statements"
    tables: Sequence[str] = ("books", "account_ledgers", "transfers", "slices", "entries")

    def __init__(self, slice_bits: int = SLICE_BITS) -> None:
        """Starts without balances; a slice has 2^slice_bits transfers."""
        self._slice_bits = slice_bits
        self._position = -1
        self._balances: defaultdict[bytes, ByAccount] = defaultdict(ByAccount)
        self._ledgers: defaultdict[bytes, ByAccount] = defaultdict(ByAccount)

    def project(self, connection: psycopg.Connection[DictRow], recorded: Sequence[Recorded]) -> None:
        """Writes accounts and transfers of these events; other events leave no row."""
        if not recorded:
            return
        if self._position != recorded[0].position - 1:
            self._balances.clear()
            self._ledgers.clear()
        self._position = -1
        by_book: defaultdict[bytes, Happened] = defaultdict(Happened)
        for each in recorded:
            if isinstance(each.event, AccountsCreated):
                by_book[each.stream].accounts.append(each.event)
            elif isinstance(each.event, TransfersCreated) and each.event.id:
                by_book[each.stream].transfers.append((each.position, each.event))
        for book_id, happened in by_book.items():
            book = _book(connection, book_id)
            if happened.accounts:
                self._open(connection, book, book_id, happened.accounts)
            if happened.transfers:
                self._move(connection, book, book_id, happened.transfers)
        self._position = recorded[-1].position

    def _open(
        self, connection: psycopg.Connection[DictRow], book: int, book_id: bytes, events: Sequence[AccountsCreated]
    ) -> None:
        accounts, ledgers = ledgers_of(events)
        connection.execute(NEW_ACCOUNTS, (book, accounts.tolist(), ledgers.tolist()))
        self._ledgers[book_id].unknown(accounts)
        self._ledgers[book_id].learn(accounts, ledgers)

    def _move(
        self,
        connection: psycopg.Connection[DictRow],
        book: int,
        book_id: bytes,
        events: Sequence[tuple[int, TransfersCreated]],
    ) -> None:
        rows = transfers_of(book, events, self._slice_bits)
        self._note_slices(connection, book, events[0][1].first_row, rows)
        accounts = np.unique(np.concatenate([rows["debit_account"], rows["credit_account"]])).astype(np.int64)
        ledgers, balances = self._ledgers[book_id], self._balances[book_id]
        _look_up(connection, LEDGERS, {"book": book}, ledgers, accounts)
        rows["ledger"] = ledgers.numbers[rows["debit_account"]]
        _copy(connection, COPY_TRANSFERS, rows)
        _look_up(connection, BALANCES, {"book": book, "as_of": END_OF_TIME}, balances, accounts)
        _copy(connection, COPY_ENTRIES, entries_of(rows, balances.numbers))

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


def _look_up(
    connection: psycopg.Connection[DictRow], question: str, known: dict[str, int], numbers: ByAccount, accounts: Numbers
) -> None:
    """Learns the numbers of those accounts whose number is not known."""
    if unknown := numbers.unknown(accounts).tolist():
        connection.execute(PREDICTABLE)
        found = connection.execute(question.encode(), {**known, "accounts": unknown}).fetchall()
        numbers.learn([row["account"] for row in found], [row["number"] for row in found])


def _copy(connection: psycopg.Connection[DictRow], statement: str, rows: Rows) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(HEADER)
        copy.write(rows.tobytes())
        copy.write(TRAILER)
