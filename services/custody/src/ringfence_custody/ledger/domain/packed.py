"""Transfers as columns: the batch that is being filled, and the batches that were committed."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID

from ringfence_custody.ledger.domain.columns import row_ids, split_ids
from ringfence_custody.ledger.domain.events import TransfersCreated
from ringfence_custody.ledger.domain.result_codes import PENDING


class Transfer(NamedTuple):
    """A transfer as stored; accounts are dense indexes, `row` counts the transfers of the book from 0."""

    id: bytes
    debit: int
    credit: int
    amount: int
    pending_id: bytes
    user_data_128: bytes
    user_data_64: int
    user_data_32: int
    timeout: int
    code: int
    flags: int
    value_date: int
    timestamp: int
    row: int
    owner: bytes = ZERO_ID
    """Who reserved it: of a pending transfer alone."""


COLUMNS = Transfer._fields[: Transfer._fields.index("row")]


def packed_numbers(kind: str, values: Sequence[int]) -> bytes:
    """Returns numbers as a column (docs/ledger.md): empty when all are 0, one value when all are the same."""
    if values and values.count(values[0]) == len(values):
        values = values[:1] if values[0] else ()
    column = array(kind, values)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def packed_ids(ids: Sequence[bytes]) -> bytes:
    """Returns ids as a column: empty when all are zero, one id when all are the same."""
    if ids and ids.count(ids[0]) == len(ids):
        return b"" if ids[0] == ZERO_ID else ids[0]
    return b"".join(ids)


def number_column(kind: str, column: bytes, count: int) -> array[int]:
    """Returns the numbers of a column of `count` rows."""
    values = array(kind)
    if len(column) <= values.itemsize:
        column = (column or bytes(values.itemsize)) * count
    values.frombytes(column)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def as_array(kind: str, column: bytes, count: int) -> NDArray[Any]:
    """Returns the numbers of a column of `count` rows as an array, without a copy where every row has its own."""
    values = np.frombuffer(column, f"<{kind}")
    return values if len(values) > 1 else np.full(count, values[0] if len(values) else 0, f"<{kind}")


class TransferBatch:
    """Transfers of one commit as columns; random access by row and by id."""

    __slots__ = ("_indexed", "_row_of", "burnt", "first_row", "number", "owners", "resolved", *COLUMNS)

    def __init__(self, number: int, first_row: int) -> None:
        """Starts empty."""
        self.number, self.first_row = number, first_row
        self.burnt: dict[bytes, None] = {}
        # What the rows post or void, by id, until they are committed: taking them back must not need the store.
        self.resolved: dict[bytes, Transfer] = {}
        # Who reserved the pending rows; a row that is not in it was reserved before there were owners.
        self.owners: dict[int, bytes] = {}
        self.id: list[bytes] = []
        self.debit: list[int] = []
        self.credit: list[int] = []
        self.amount: list[int] = []
        self.pending_id: list[bytes] = []
        self.user_data_128: list[bytes] = []
        self.user_data_64: list[int] = []
        self.user_data_32: list[int] = []
        self.timeout: list[int] = []
        self.code: list[int] = []
        self.flags: list[int] = []
        self.value_date: list[int] = []
        self.timestamp: list[int] = []
        self._row_of: dict[bytes, int] = {}
        self._indexed = 0

    def __len__(self) -> int:
        return len(self.id)

    def row_of(self, identifier: bytes) -> int | None:
        """Returns the row of an id within the batch, or None."""
        if self._indexed < len(self.id):
            self._row_of.update(zip(self.id[self._indexed :], range(self._indexed, len(self.id)), strict=True))
            self._indexed = len(self.id)
        return self._row_of.get(identifier)

    def transfer(self, row: int) -> Transfer:
        """Returns the transfer at a row of the batch."""
        return Transfer(
            self.id[row],
            self.debit[row],
            self.credit[row],
            self.amount[row],
            self.pending_id[row],
            self.user_data_128[row],
            self.user_data_64[row],
            self.user_data_32[row],
            self.timeout[row],
            self.code[row],
            self.flags[row],
            self.value_date[row],
            self.timestamp[row],
            self.first_row + row,
            self.owners.get(row, ZERO_ID),
        )

    def cut(self, count: int) -> None:
        """Forgets all rows from `count` on."""
        for name in COLUMNS:
            del getattr(self, name)[count:]
        self.owners = {row: owner for row, owner in self.owners.items() if row < count}
        self._row_of, self._indexed = {}, 0

    def event(self) -> TransfersCreated:
        """Returns the batch packed."""
        first, last = (self.timestamp[0], self.timestamp[-1]) if self.timestamp else (0, -1)
        dense = range(first, first + len(self))
        delays = [] if last - first == len(self) - 1 else list(map(int.__sub__, self.timestamp, dense))
        return TransfersCreated(
            number=self.number,
            first_row=self.first_row,
            timestamp_ns=first,
            id=b"".join(self.id),
            debit_account=packed_numbers("I", self.debit),
            credit_account=packed_numbers("I", self.credit),
            amount_minor=packed_numbers("Q", self.amount),
            delay_ns=packed_numbers("Q", delays),
            pending_id=packed_ids(self.pending_id),
            user_data_128=packed_ids(self.user_data_128),
            user_data_64=packed_numbers("Q", self.user_data_64),
            user_data_32=packed_numbers("I", self.user_data_32),
            timeout_seconds=packed_numbers("I", self.timeout),
            code=packed_numbers("H", self.code),
            flags=packed_numbers("H", self.flags),
            value_date_days=packed_numbers("i", self.value_date),
            burnt=b"".join(self.burnt),
            pending_owner=packed_ids([self.owners.get(row, ZERO_ID) for row in pending_rows(self.flags)]),
        )


def unpacked(event: TransfersCreated) -> TransferBatch:
    """Returns a committed batch for random access."""
    batch = TransferBatch(event.number, event.first_row)
    count = len(event.id) // ID_BYTES
    batch.burnt = dict.fromkeys(split_ids(event.burnt))
    batch.id = list(split_ids(event.id))
    batch.debit = number_column("I", event.debit_account, count).tolist()
    batch.credit = number_column("I", event.credit_account, count).tolist()
    batch.amount = number_column("Q", event.amount_minor, count).tolist()
    batch.pending_id = row_ids(event.pending_id, count)
    batch.user_data_128 = row_ids(event.user_data_128, count)
    batch.user_data_64 = number_column("Q", event.user_data_64, count).tolist()
    batch.user_data_32 = number_column("I", event.user_data_32, count).tolist()
    batch.timeout = number_column("I", event.timeout_seconds, count).tolist()
    batch.code = number_column("H", event.code, count).tolist()
    batch.flags = number_column("H", event.flags, count).tolist()
    batch.value_date = number_column("i", event.value_date_days, count).tolist()
    batch.timestamp = timestamps(event)
    if event.pending_owner:
        rows = pending_rows(batch.flags)
        batch.owners = dict(zip(rows, row_ids(event.pending_owner, len(rows)), strict=True))
    return batch


def pending_rows(flags: Sequence[int]) -> list[int]:
    """Returns the rows that reserve."""
    return [row for row, each in enumerate(flags) if each & PENDING] if any(flags) else []


def timestamps(event: TransfersCreated) -> list[int]:
    """Returns the time of every row, UTC nanoseconds."""
    count = len(event.id) // ID_BYTES
    dense = range(event.timestamp_ns, event.timestamp_ns + count)
    return list(map(int.__add__, dense, number_column("Q", event.delay_ns, count))) if event.delay_ns else list(dense)
