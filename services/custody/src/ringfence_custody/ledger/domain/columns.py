"""Batches as they come in: columns of n rows.

An empty column means that every row has the default; one that holds a single value, that every row has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from struct import Struct
from typing import Any

from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID

from ringfence_custody.ledger.domain.errors import ColumnsMalformed

MAX_ROWS = 8_190


@lru_cache(maxsize=256)
def _splitter(count: int) -> Struct:
    return Struct(f"{ID_BYTES}s" * count)


def split_ids(packed: bytes) -> Sequence[bytes]:
    """Returns the 16-byte ids in a column."""
    return _splitter(len(packed) // ID_BYTES).unpack(packed)


@dataclass(frozen=True, slots=True)
class TransferColumns:
    """Transfers to create; units and bounds as in the proto message of this name."""

    id: bytes
    debit_account_id: bytes = b""
    credit_account_id: bytes = b""
    amount_minor: Sequence[int] = ()
    pending_id: bytes = b""
    user_data_128: bytes = b""
    user_data_64: Sequence[int] = ()
    user_data_32: Sequence[int] = ()
    timeout_seconds: Sequence[int] = ()
    ledger: Sequence[int] = ()
    code: Sequence[int] = ()
    flags: Sequence[int] = ()
    value_date_days: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.id) // ID_BYTES

    def check(self) -> None:
        """Raises ColumnsMalformed unless every column fits the ids."""
        ids = ("debit_account_id", "credit_account_id", "pending_id", "user_data_128")
        numbers = ("amount_minor", "user_data_64", "user_data_32", "timeout_seconds")
        _check(self, ids, (*numbers, "ledger", "code", "flags", "value_date_days"))


def joined(batches: Sequence[TransferColumns]) -> TransferColumns:
    """Returns several batches, one after the other, as one; all of them name value dates, or none does."""
    if len(batches) == 1:
        return batches[0]
    counts = list(map(len, batches))
    columns: dict[str, Any] = {"id": b"".join(batch.id for batch in batches)}
    for each in fields(TransferColumns)[1:]:
        values = [getattr(batch, each.name) for batch in batches]
        columns[each.name] = (_joined_ids if isinstance(values[0], bytes) else _joined_numbers)(values, counts)
    return TransferColumns(**columns)


def _joined_ids(columns: Sequence[bytes], counts: Sequence[int]) -> bytes:
    if len(columns[0]) <= ID_BYTES and columns.count(columns[0]) == len(columns):
        return columns[0]
    return b"".join(
        column if len(column) > ID_BYTES else (column or ZERO_ID) * count
        for column, count in zip(columns, counts, strict=True)
    )


def _joined_numbers(columns: Sequence[Sequence[int]], counts: Sequence[int]) -> Sequence[int]:
    if len(columns[0]) <= 1 and columns.count(columns[0]) == len(columns):
        return columns[0]
    return [number for column, count in zip(columns, counts, strict=True) for number in row_numbers(column, count)]


@dataclass(frozen=True, slots=True)
class AccountColumns:
    """Accounts to open; units and bounds as in the proto message of this name."""

    id: bytes
    owner_id: bytes = b""
    account_class: Sequence[int] = ()
    ledger: Sequence[int] = ()
    code: Sequence[int] = ()
    flags: Sequence[int] = ()
    user_data_128: bytes = b""
    user_data_64: Sequence[int] = ()
    user_data_32: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.id) // ID_BYTES

    def check(self) -> None:
        """Raises ColumnsMalformed unless every column fits the ids."""
        numbers = ("account_class", "ledger", "code", "flags", "user_data_64", "user_data_32")
        _check(self, ("owner_id", "user_data_128"), numbers)


_BOUNDS = {
    "code": (0, 2**16 - 1),
    "flags": (0, 2**16 - 1),
    "ledger": (0, 2**32 - 1),
    "timeout_seconds": (0, 2**32 - 1),
    "user_data_32": (0, 2**32 - 1),
    "value_date_days": (-(2**31), 2**31 - 1),
}


def _check(columns: TransferColumns | AccountColumns, ids: Sequence[str], numbers: Sequence[str]) -> None:
    count = len(columns)
    if not 1 <= count <= MAX_ROWS or len(columns.id) % ID_BYTES:
        raise ColumnsMalformed(f"a batch has 1 to {MAX_ROWS} rows with ids of {ID_BYTES} bytes", field="id")
    for name in ids:
        if (size := len(getattr(columns, name))) not in (0, ID_BYTES, count * ID_BYTES):
            raise ColumnsMalformed(f"{name} has {size} bytes for {count} rows", field=name)
    for name in numbers:
        values = getattr(columns, name)
        if not values:
            continue
        if len(values) not in (1, count):
            raise ColumnsMalformed(f"{name} has {len(values)} values for {count} rows", field=name)
        low, high = _BOUNDS.get(name, (0, 2**64 - 1))
        if not (low <= min(values) and max(values) <= high):
            raise ColumnsMalformed(f"{name} has a value outside {low} to {high}", field=name)


def row_ids(column: bytes, count: int) -> list[bytes]:
    """Returns the ids of all rows: none means zero everywhere, one that every row has it."""
    return list(split_ids(column)) if len(column) > ID_BYTES else [column or ZERO_ID] * count


def row_numbers(column: Sequence[int], count: int) -> list[int]:
    """Returns the numbers of all rows: none means 0 everywhere, one that every row has it."""
    return list(column) if len(column) > 1 else [*(column or (0,))] * count
