"""Transfers that pass whatever the others of their batch do: found by one look at the whole batch, moved all at once.

A plain transfer, posted or pending, is sure to pass when, on both of its accounts, all that the batch could possibly
take fits into what is free before the batch begins: credits, posts and voids only add room. Its place in the batch then
makes no difference, nor does it change anybody else's verdict. The rest, and what touches an account where the sum does
not fit, is decided row by row (create_transfers.py); a test holds the two ways together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ringfence_kernel.values.ids import ZERO_ID

from ringfence_custody.ledger.domain.accounts import Accounts, Flags, Numbers
from ringfence_custody.ledger.domain.columns import TransferColumns
from ringfence_custody.ledger.domain.purposes import RulePack
from ringfence_custody.ledger.domain.result_codes import (
    BALANCING_CREDIT,
    BALANCING_DEBIT,
    CLOSING_CREDIT,
    CLOSING_DEBIT,
    PENDING,
    POST,
    VOID,
)

UNFORESEEABLE = BALANCING_DEBIT | BALANCING_CREDIT | CLOSING_DEBIT | CLOSING_CREDIT
"""Flags of rows whose effect depends on those before, or reaches beyond their amount."""
LARGE = 2**48
"""Amounts from here on are not added up: a batch of them would overflow."""


class Amounts(NamedTuple):
    """Amounts in minor units, each from one account to another, by dense index."""

    debit: Numbers
    credit: Numbers
    amount: Numbers


@dataclass(frozen=True, slots=True)
class Movements:
    """What is posted and reserved at once, to be taken back when the batch cannot be finished.

    `crossed` is what is posted between two classes: (ledger, debit class, credit class, amount in minor units).
    """

    posted: Amounts
    reserved: Amounts
    reserved_rows: Sequence[int]
    crossed: Sequence[tuple[int, int, int, int]]


class Look:
    """One look at a whole batch: its columns as arrays, and what the accounts had before."""

    def __init__(
        self,
        accounts: Accounts,
        columns: TransferColumns,
        rules: RulePack,
        debit: Sequence[int],
        credit: Sequence[int],
        unusual: Sequence[int],
    ) -> None:
        """Takes the batch with the indexes of its accounts, 0 for unknown ones, and the rows that are not plain."""
        self.accounts, self.rules, self.count = accounts, rules, len(columns)
        self.debit, self.credit = np.array(debit, np.int64), np.array(credit, np.int64)
        amount = _numbers(columns.amount_minor, self.count, np.uint64)
        self.large = amount >= LARGE
        self.amount: Numbers = np.where(self.large, 0, amount).astype(np.int64)
        self.flags: Numbers = _numbers(columns.flags, self.count, np.int64)
        self.plain = ~self.large & (self.debit != self.credit)
        self.plain[unusual] = False
        # A purpose in a ledger, with or without a mandate, is a number of 49 bits.
        self.purpose: Numbers = _numbers(columns.code, self.count, np.int64) << 33
        self.purpose |= _numbers(columns.ledger, self.count, np.int64) << 1
        self.purpose |= _present(columns.user_data_128, self.count)

    def movements(self) -> tuple[Movements, list[int]]:
        """Returns what is sure to pass, and the rows that are not, in order."""
        passing, pending = np.zeros(self.count, np.bool_), self.flags & PENDING != 0
        fitting = self.plain & ~self._touches_doubt()
        crossed = []
        for ledger, debit_class, credit_class, rows in self._lanes():
            rows &= fitting
            passing |= rows
            if debit_class != credit_class:
                crossed.append((ledger, debit_class, credit_class, int(self.amount[rows & ~pending].sum())))
        reserved = passing & pending
        reserved_rows: list[int] = np.flatnonzero(reserved).tolist()
        left: list[int] = np.flatnonzero(~passing).tolist()
        return Movements(self._amounts(passing & ~pending), self._amounts(reserved), reserved_rows, crossed), left

    def _amounts(self, rows: Flags) -> Amounts:
        return Amounts(self.debit[rows], self.credit[rows], self.amount[rows])

    def _lanes(self) -> list[tuple[int, int, int, Flags]]:
        """Returns ledger, debit class, credit class, and the rows whose purpose lets money pass between them."""
        keys = self.accounts.view("debit_key")[self.debit] + self.accounts.view("credit_key")[self.credit]
        lanes = []
        for purpose in np.unique(self.purpose).tolist():
            code, ledger, mandated = purpose >> 33, purpose >> 1 & 2**32 - 1, bool(purpose & 1)
            for key, (debit_class, credit_class) in self.rules.lanes(code, ledger, mandated).items():
                rows = (self.purpose == purpose) & (keys == key)
                lanes.append((ledger, debit_class, credit_class, rows))
        return lanes

    def _touches_doubt(self) -> Flags:
        """Returns the rows with an account where not all that the batch could take is sure to fit."""
        accounts, debit, credit = self.accounts, self.debit, self.credit
        moving = np.flatnonzero(self.flags & (POST | VOID) == 0)
        outgoing, incoming, doubt = accounts.scratch()
        np.add.at(outgoing, debit[moving], self.amount[moving])
        np.add.at(incoming, credit[moving], self.amount[moving])
        unforeseeable = self.large | (self.flags & UNFORESEEABLE != 0)
        doubt[debit[unforeseeable]] = doubt[credit[unforeseeable]] = True
        doubt[debit[outgoing[debit] > accounts.room_to_debit(debit)]] = True
        doubt[credit[incoming[credit] > accounts.room_to_credit(credit)]] = True
        touches: Flags = doubt[debit] | doubt[credit]
        for each in (outgoing, incoming, doubt):
            each[debit] = each[credit] = 0
        return touches


def _numbers(column: Sequence[int], count: int, kind: type[Any]) -> NDArray[Any]:
    """Returns a column as an array of all rows."""
    return np.array(column, kind) if len(column) > 1 else np.full(count, column[0] if column else 0, kind)


def _present(column: bytes, count: int) -> Flags:
    """Returns the rows whose id is not zero."""
    if len(column) <= len(ZERO_ID):
        return np.full(count, any(column))
    halves = np.frombuffer(column, np.uint64).reshape(-1, 2)
    present: Flags = halves[:, 0] | halves[:, 1] != 0
    return present
