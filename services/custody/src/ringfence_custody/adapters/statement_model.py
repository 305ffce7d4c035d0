"""The read model of statements: filled from events by COPY, a row per transfer with the balances after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import Struct
from uuid import UUID

import psycopg
from psycopg.rows import DictRow
from ringfence_kernel.codec import Recorded

from ringfence_custody.domain.events import TransfersCreated
from ringfence_custody.domain.packed import TransferBatch, unpacked
from ringfence_custody.domain.statuses import PENDING, VOID

# Rows are packed for binary COPY by hand, one `pack` a row: the ledger outruns a general-purpose writer.
COLUMNS = (
    "book_id, id, row, position, timestamp_ns, debit_account, credit_account, amount_minor, pending_id, user_data_128,"
    " user_data_64, user_data_32, timeout_seconds, code, flags, value_date_days, moves, debit_balance_minor,"
    " credit_balance_minor"
)
COPY = f"COPY transfers ({COLUMNS}) FROM STDIN (FORMAT BINARY)"
COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER = b"\xff\xff"
FIELDS = 19
ROW = Struct(">h i16s i16s iq iq iq ii ii iq i16s i16s iQ iq iq ii ii ii i?")
"""The number of fields, then each with its length, in the order of the table; u64 user data as its signed twin."""
BALANCES = Struct(">iq iq").pack
NO_BALANCES = Struct(">ii").pack(-1, -1)
KNOWN_BALANCES = "SELECT account, balance_minor FROM account_balances WHERE book_id = %s AND account = ANY(%s)"
SAVE_BALANCES = (
    "INSERT INTO account_balances SELECT %s, * FROM unnest(%s::int[], %s::bigint[])"
    " ON CONFLICT (book_id, account) DO UPDATE SET balance_minor = excluded.balance_minor"
)
SIGN = 1 << 63


class StatementModel:
    """Transfers and the balances after them."""

    name = "statements"
    tables: Sequence[str] = ("transfers", "account_balances")

    def project(self, connection: psycopg.Connection[DictRow], recorded: Sequence[Recorded]) -> None:
        """Writes the transfers of these events; other events leave no row."""
        by_book: dict[bytes, list[tuple[int, TransferBatch]]] = {}
        for each in recorded:
            if isinstance(each.event, TransfersCreated):
                by_book.setdefault(each.stream, []).append((each.position, unpacked(each.event)))
        for book_id, batches in by_book.items():
            self._project_book(connection, UUID(bytes=book_id), batches)

    def _project_book(
        self, connection: psycopg.Connection[DictRow], book_id: UUID, batches: list[tuple[int, TransferBatch]]
    ) -> None:
        touched = {account for _, batch in batches for account in (*batch.debit, *batch.credit)}
        balances = dict.fromkeys(touched, 0)
        for row in connection.execute(KNOWN_BALANCES, (book_id, list(touched))):
            balances[row["account"]] = row["balance_minor"]
        with connection.cursor() as cursor, cursor.copy(COPY) as copy:
            copy.write(COPY_HEADER)
            for position, batch in batches:
                copy.write(b"".join(_rows(book_id.bytes, position, batch, balances)))
            copy.write(COPY_TRAILER)
        connection.execute(SAVE_BALANCES, (book_id, list(balances), list(balances.values())))


def _rows(book_id: bytes, position: int, batch: TransferBatch, balances: dict[int, int]) -> Iterator[bytes]:
    """Yields the rows of a batch in order, packed in two pieces each, and moves the balances on."""
    pack = ROW.pack
    columns = zip(
        batch.id,
        batch.timestamp,
        batch.debit,
        batch.credit,
        batch.amount,
        batch.pending_id,
        batch.user_data_128,
        batch.user_data_64,
        batch.user_data_32,
        batch.timeout,
        batch.code,
        batch.flags,
        batch.value_date,
        strict=True,
    )
    for row, (
        identifier,
        time_ns,
        debit,
        credit,
        amount,
        pending,
        user_128,
        user_64,
        user_32,
        timeout,
        code,
        flags,
        day,
    ) in enumerate(columns, start=batch.first_row):
        moves = not flags & (PENDING | VOID)
        if moves:
            balances[debit] -= amount
            balances[credit] += amount
        # fmt: off
        yield pack(
            FIELDS, 16, book_id, 16, identifier, 8, row, 8, position, 8, time_ns, 4, debit, 4, credit, 8, amount,
            16, pending, 16, user_128, 8, user_64, 8, user_32, 8, timeout, 4, code, 4, flags, 4, day, 1, moves,
        )
        # fmt: on
        yield BALANCES(8, balances[debit], 8, balances[credit]) if moves else NO_BALANCES
