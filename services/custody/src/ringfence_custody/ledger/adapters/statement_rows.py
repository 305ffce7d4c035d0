"""Rows of the statements' tables as numpy arrays in the format of binary COPY: no loop over rows in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID

from ringfence_custody.ledger.domain.events import AccountsCreated, TransfersCreated
from ringfence_custody.ledger.domain.result_codes import PENDING, VOID

Rows = NDArray[np.void]
Numbers = NDArray[np.int64]

# PostgreSQL documents the format under COPY, "Binary Format": a row is the number of its fields, then each after its
# length; all big-endian. Every field has a fixed width, so that a row has, and none is NULL.
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
UUID, BIGINT, INT, SMALLINT, BOOLEAN = "V16", ">i8", ">i4", ">i2", "?"
TRANSFER = {
    "timestamp_ns": BIGINT,
    "position": BIGINT,
    "amount_minor": BIGINT,
    "user_data_64": BIGINT,
    "id": UUID,
    "pending_id": UUID,
    "user_data_128": UUID,
    "book": INT,
    "slice": INT,
    "debit_account": INT,
    "credit_account": INT,
    "user_data_32": INT,
    "timeout_seconds": INT,
    "value_date_days": INT,
    "code": SMALLINT,
    "flags": SMALLINT,
    "ledger": SMALLINT,
}
ENTRY = {
    "timestamp_ns": BIGINT,
    "balance_minor": BIGINT,
    "book": INT,
    "account": INT,
    "code": SMALLINT,
    "debit": BOOLEAN,
}
# How events pack what is copied as it is; unsigned numbers are read as their signed twins.
PACKED = {
    "id": UUID,
    "pending_id": UUID,
    "user_data_128": UUID,
    "amount_minor": "<i8",
    "user_data_64": "<i8",
    "debit_account": "<i4",
    "credit_account": "<i4",
    "user_data_32": "<i4",
    "timeout_seconds": "<i4",
    "value_date_days": "<i4",
    "code": "<u2",
    "flags": "<i2",
}


def _template(fields: Mapping[str, str]) -> Rows:
    """Returns one row with its number of fields and their lengths."""
    parts = [("fields", ">i2")]
    for name, kind in fields.items():
        parts += [(f"length of {name}", ">i4"), (name, kind)]
    row = np.zeros((), np.dtype(parts))
    row["fields"] = len(fields)
    for name, kind in fields.items():
        row[f"length of {name}"] = np.dtype(kind).itemsize
    return row


_TRANSFER, _ENTRY = _template(TRANSFER), _template(ENTRY)
COPY_TRANSFERS = f"COPY transfers ({', '.join(TRANSFER)}) FROM STDIN (FORMAT BINARY)"
COPY_ENTRIES = f"COPY entries ({', '.join(ENTRY)}) FROM STDIN (FORMAT BINARY)"


def transfers_of(book: int, events: Sequence[tuple[int, TransfersCreated]], slice_bits: int) -> Rows:
    """Returns a row per transfer of these events of a book, in order; each comes with its feed position."""
    first_row = events[0][1].first_row
    counts = [len(event.id) // ID_BYTES for _, event in events]
    rows = np.full(sum(counts), _TRANSFER)
    rows["book"] = book
    rows["slice"] = np.arange(first_row, first_row + len(rows)) >> slice_bits
    start = 0
    for (position, event), count in zip(events, counts, strict=True):
        _fill(rows[start : start + count], position, event, count)
        start += count
    return rows


def _fill(rows: Rows, position: int, event: TransfersCreated, count: int) -> None:
    rows["position"] = position
    rows["timestamp_ns"] = np.arange(event.timestamp_ns, event.timestamp_ns + count) + _column(event.delay_ns, "<i8")
    for name, kind in PACKED.items():
        rows[name] = _column(getattr(event, name), kind)


def _column(packed: bytes, kind: str) -> NDArray[Any]:
    """Returns the values of a column, or the single one that every row has."""
    return np.frombuffer(packed or ZERO_ID[: np.dtype(kind).itemsize], kind)


def ledgers_of(events: Sequence[AccountsCreated]) -> tuple[Numbers, Numbers]:
    """Returns the accounts that these events of a book opened, and the ledger of each."""
    opened = [(event, len(event.id) // ID_BYTES) for event in events]
    accounts = [np.arange(event.first_index, event.first_index + count) for event, count in opened]
    ledgers = [np.broadcast_to(_column(event.ledger, "<u4"), count) for event, count in opened]
    return np.concatenate(accounts), np.concatenate(ledgers).astype(np.int64)


def entries_of(transfers: Rows, last_balances: Numbers) -> Rows:
    """Returns two rows per transfer, in order of account, then time.

    `last_balances` has the balance of each account before them, and is brought to the one after them.
    """
    # A column is taken out of the rows before it is put in order: a page of rows is too large to jump about in.
    account = np.stack([transfers["debit_account"], transfers["credit_account"]], axis=1).ravel()
    order = np.argsort(account := account.astype(np.int32), kind="stable")
    account, transfer, debit = account[order], order >> 1, order & 1 == 0
    moves = transfers["flags"] & (PENDING | VOID) == 0
    amount = np.where(moves, transfers["amount_minor"].astype(np.int64), 0)[transfer]
    rows = np.full(len(order), _ENTRY)
    rows["account"], rows["debit"] = account, debit
    rows["timestamp_ns"] = transfers["timestamp_ns"].copy()[transfer]
    rows["code"] = np.where(moves, transfers["code"], -transfers["code"])[transfer]
    rows["book"] = transfers["book"][:1]
    rows["balance_minor"] = _running(account, np.where(debit, -amount, amount), last_balances)
    return rows


def _running(account: NDArray[np.int32], signed: Numbers, last_balances: Numbers) -> Numbers:
    """Returns the balance after each amount of sorted accounts; a sum that wraps around is right in the difference."""
    begins = np.flatnonzero(np.diff(account, prepend=-1))
    lengths = np.diff(begins, append=len(account))
    total = np.cumsum(signed)
    before = last_balances[account[begins]] - (total[begins] - signed[begins])
    balances: Numbers = total + np.repeat(before, lengths)
    last_balances[account[begins]] = balances[begins + lengths - 1]
    return balances
