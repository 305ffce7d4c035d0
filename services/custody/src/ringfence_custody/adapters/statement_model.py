"""The read model of statements: filled from events by COPY, a row per transfer with the balances after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import DictRow
from ringfence_kernel.codec import Recorded

from ringfence_custody.domain.events import TransfersCreated
from ringfence_custody.domain.packed import TransferBatch, unpacked
from ringfence_custody.domain.statuses import PENDING, VOID

COPY = "COPY transfers FROM STDIN (FORMAT BINARY)"
TYPES = (
    "uuid uuid int8 int8 int8 int4 int4 int8 uuid uuid int8 int8 int4 int4 int4 bool int8 int8".split()  # as the table
)
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
            copy.set_types(TYPES)
            for position, batch in batches:
                for values in _rows(book_id, position, batch, balances):
                    copy.write_row(values)
        connection.execute(SAVE_BALANCES, (book_id, list(balances), list(balances.values())))


def _rows(book_id: UUID, position: int, batch: TransferBatch, balances: dict[int, int]) -> Iterator[Sequence[Any]]:
    """Yields the rows of a batch in order, and moves the balances on."""
    columns = zip(
        batch.id,
        batch.timestamp,
        batch.debit,
        batch.credit,
        batch.amount,
        batch.pending_id,
        batch.user_data_128,
        batch.user_data_64,
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
        timeout,
        code,
        flags,
        day,
    ) in enumerate(columns, start=batch.first_row):
        moves = not flags & (PENDING | VOID)
        if moves:
            balances[debit] -= amount
            balances[credit] += amount
        yield (
            book_id,
            UUID(bytes=identifier),
            row,
            position,
            time_ns,
            debit,
            credit,
            amount,
            UUID(bytes=pending),
            UUID(bytes=user_128),
            user_64 - 2 * SIGN if user_64 >= SIGN else user_64,
            timeout,
            code,
            flags,
            day,
            moves,
            balances[debit] if moves else None,
            balances[credit] if moves else None,
        )
