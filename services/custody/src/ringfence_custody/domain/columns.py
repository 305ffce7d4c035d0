"""Batches as they come in: columns of n rows; an empty column means that every row has the default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct

from ringfence_kernel.ids import ID_BYTES

from ringfence_custody.domain.errors import ColumnsMalformed

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
        numbers = ("amount_minor", "user_data_64", "timeout_seconds", "ledger", "code", "flags", "value_date_days")
        _check(self, ids, numbers)


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

    def __len__(self) -> int:
        return len(self.id) // ID_BYTES

    def check(self) -> None:
        """Raises ColumnsMalformed unless every column fits the ids."""
        _check(self, ("owner_id", "user_data_128"), ("account_class", "ledger", "code", "flags", "user_data_64"))


_BOUNDS = {
    "code": (0, 2**16 - 1),
    "flags": (0, 2**16 - 1),
    "ledger": (0, 2**32 - 1),
    "timeout_seconds": (0, 2**32 - 1),
    "value_date_days": (-(2**31), 2**31 - 1),
}


def _check(columns: TransferColumns | AccountColumns, ids: Sequence[str], numbers: Sequence[str]) -> None:
    count = len(columns)
    if not 1 <= count <= MAX_ROWS or len(columns.id) % ID_BYTES:
        raise ColumnsMalformed(f"a batch has 1 to {MAX_ROWS} rows with ids of {ID_BYTES} bytes", field="id")
    for name in ids:
        if (size := len(getattr(columns, name))) and size != count * ID_BYTES:
            raise ColumnsMalformed(f"{name} has {size} bytes for {count} rows", field=name)
    for name in numbers:
        values = getattr(columns, name)
        if values and len(values) != count:
            raise ColumnsMalformed(f"{name} has {len(values)} values for {count} rows", field=name)
        low, high = _BOUNDS.get(name, (0, 2**64 - 1))
        if values and not (low <= min(values) and max(values) <= high):
            raise ColumnsMalformed(f"{name} has a value outside {low} to {high}", field=name)
