"""One platform's accounts as its leaves tell them: columns by row, and the reservations that are open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ringfence_audit.books.domain.columns import Numbers
from ringfence_audit.books.domain.figures import ID_BYTES, RECORD_BYTES, Books, ClassTotals, balances_root
from ringfence_audit.books.domain.ids import IdTable, halves

NumberT = TypeVar("NumberT", bound=np.generic)
SUM_NAMES = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")
DEBITS_PENDING, DEBITS_POSTED, CREDITS_PENDING, CREDITS_POSTED = range(4)
_HALF, _LOW = 32, (1 << 32) - 1


class Reservation(NamedTuple):
    """A pending transfer that is open: the rows of its accounts, and its amount in minor units."""

    debit: int
    credit: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Opened:
    """An account as its leaf states it; `leaf` is the leaf's index."""

    id: bytes
    ledger: int
    account_class: int
    leaf: int


@dataclass(slots=True)
class Book:
    """Row 0 is nobody: what an unknown account is debited or credited goes there, and counts nowhere.

    Sums are modulo 2^64, in the order of SUM_NAMES; custody keeps them below 2^63.
    """

    table: IdTable = field(default_factory=IdTable)
    ledger: NDArray[np.int32] = field(default_factory=lambda: np.zeros(1, np.int32))
    account_class: NDArray[np.int16] = field(default_factory=lambda: np.zeros(1, np.int16))
    since: Numbers = field(default_factory=lambda: np.zeros(1, np.int64))
    """The leaf that opened the account: what came before does not know it."""
    sums: list[Numbers] = field(default_factory=lambda: [np.zeros(1, np.int64) for _ in SUM_NAMES])
    open: dict[bytes, Reservation] = field(default_factory=dict)

    def add(self, opened: Mapping[bytes, Opened]) -> None:
        """Adds accounts, those that are not there yet."""
        known = self.table.rows(halves(b"".join(opened)))
        new = [each for each, row in zip(opened.values(), known.tolist(), strict=True) if not row]
        if not new:
            return
        self.table.add(halves(b"".join([each.id for each in new])))
        needed = self.table.count + 1
        if needed > len(self.ledger):
            self._grow(2 * needed)
        rows = slice(needed - len(new), needed)
        self.ledger[rows] = [each.ledger for each in new]
        self.account_class[rows] = [each.account_class for each in new]
        self.since[rows] = [each.leaf for each in new]

    def rows(self, ids: NDArray[np.uint64], leaves: Numbers) -> Numbers:
        """Gives the rows of accounts that leaves name; 0 where the account was not opened before the leaf."""
        rows = self.table.rows(ids)
        return np.where(self.since[rows] < leaves, rows, 0)

    def post_all(self, debit: Numbers, credit: Numbers, amount: Numbers) -> None:
        """Posts many amounts."""
        np.add.at(self.sums[DEBITS_POSTED], debit, amount)
        np.add.at(self.sums[CREDITS_POSTED], credit, amount)

    def move(self, debit: int, credit: int, pending: int, posted: int) -> None:
        """Adds to what is pending and posted on both sides, minor units."""
        for column, row, amount in (
            (DEBITS_PENDING, debit, pending),
            (CREDITS_PENDING, credit, pending),
            (DEBITS_POSTED, debit, posted),
            (CREDITS_POSTED, credit, posted),
        ):
            if amount:
                self.sums[column][row : row + 1] += amount

    def reserve(self, transfer: bytes, reservation: Reservation) -> None:
        """Takes note of a reservation."""
        self.release(transfer)
        self.open[transfer] = reservation
        self.move(reservation.debit, reservation.credit, reservation.amount_minor, 0)

    def release(self, transfer: bytes) -> None:
        """Frees what a transfer has reserved; nothing where it is not open."""
        reserved = self.open.pop(transfer, None)
        if reserved is not None:
            self.move(reserved.debit, reserved.credit, -reserved.amount_minor, 0)

    def ledgers(self) -> list[int]:
        """Gives the currencies of its accounts, ISO 4217 numeric, in order."""
        found: list[int] = np.unique(self.ledger[1 : self.table.count + 1]).tolist()
        return found

    def read(self, ledger: int, classes: list[str]) -> Books:
        """Gives what its accounts of a currency come to; `classes` names the numbers of classes."""
        rows, records = self._records(ledger)
        of_class = self.account_class[rows]
        totals = {classes[each]: self._totals(rows[of_class == each]) for each in np.unique(of_class).tolist()}
        return Books(len(rows), balances_root(records), totals)

    def records(self, ledger: int) -> bytes:
        """Gives the records of its accounts of a currency, over which `balances_root` is."""
        return self._records(ledger)[1]

    def balances(self, account: bytes) -> tuple[int, int, int, int] | None:
        """Gives the four sums of an account; None where it is unknown."""
        row = int(self.table.rows(halves(account))[0])
        if not row:
            return None
        pending_debits, posted_debits, pending_credits, posted_credits = (
            int(column.view(np.uint64)[row]) for column in self.sums
        )
        return pending_debits, posted_debits, pending_credits, posted_credits

    def _records(self, ledger: int) -> tuple[Numbers, bytes]:
        """Gives the rows of its accounts of a currency by their ids, and their records."""
        rows = np.flatnonzero(self.ledger[: self.table.count + 1] == ledger)
        rows = rows[rows > 0]
        ids = self.table.ids()[rows - 1].view(">u8").reshape(-1, 2)
        order = np.lexsort((ids[:, 1], ids[:, 0]))
        rows, ids = rows[order], ids[order]
        records = np.empty((len(rows), RECORD_BYTES), np.uint8)
        records[:, :ID_BYTES] = ids.view(np.uint8).reshape(-1, ID_BYTES)
        sums = np.stack([column[rows] for column in self.sums], axis=1).astype(">u8")
        records[:, ID_BYTES:] = sums.view(np.uint8).reshape(-1, RECORD_BYTES - ID_BYTES)
        return rows, records.tobytes()

    def _totals(self, rows: Numbers) -> ClassTotals:
        columns = [column[rows].view(np.uint64) for column in self.sums]
        balances = self.sums[CREDITS_POSTED][rows] - self.sums[DEBITS_POSTED][rows]
        pending_debits, posted_debits, pending_credits, posted_credits = map(_sum, columns)
        positive = _sum(np.maximum(balances, 0).view(np.uint64))
        return ClassTotals(len(rows), pending_debits, posted_debits, pending_credits, posted_credits, positive)

    def _grow(self, length: int) -> None:
        self.ledger, self.account_class = _grown(self.ledger, length), _grown(self.account_class, length)
        self.since = _grown(self.since, length)
        self.sums = [_grown(column, length) for column in self.sums]


def _grown(column: NDArray[NumberT], length: int) -> NDArray[NumberT]:
    longer = np.zeros(length, column.dtype)
    longer[: len(column)] = column
    return longer


def _sum(column: NDArray[np.uint64]) -> int:
    """Adds up exactly."""
    return (int((column >> np.uint64(_HALF)).sum()) << _HALF) + int((column & np.uint64(_LOW)).sum())
