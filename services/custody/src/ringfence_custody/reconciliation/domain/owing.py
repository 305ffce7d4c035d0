"""What a platform owes by what banks have taken: each taking, less what was given for it, or has come back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from ringfence_kernel.values.ids import ZERO_ID

from ringfence_custody.ledger.domain.events import TransfersCreated
from ringfence_custody.ledger.domain.packed import as_array
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.result_codes import PENDING, VOID
from ringfence_custody.reconciliation.domain.booked import MIRROR, SHORTFALL, BookAccounts, ids_of
from ringfence_custody.reconciliation.domain.lines import id_bytes

_GIVES = (int(AccountClass.CLIENT), int(AccountClass.SUSPENSE), MIRROR)
"""Where what is given comes from: from whom the money went to, or from the bank again; funding names no taking."""


class Owed(NamedTuple):
    """What is missing of a taking, minor units; `transfer` moved the mirror, on a day since 1970-01-01."""

    mirror: bytes
    transfer: bytes
    missing_minor: int
    day: int


class Taking(NamedTuple):
    """A row by which a bank took money, or, without a mirror, by which some was given for that; minor units."""

    entry: bytes
    mirror: bytes
    transfer: bytes
    amount_minor: int


def takings(accounts: BookAccounts, event: TransfersCreated) -> Iterator[Taking]:
    """Yields what banks took and what was given for it, in order of the rows; both name the entry of the bank."""
    count = len(event.id) // len(ZERO_ID)
    if not accounts.may_owe or not count:
        return
    debit, credit = as_array("I", event.debit_account, count), as_array("I", event.credit_account, count)
    of_debit, of_credit = accounts.classes[debit], accounts.classes[credit]
    takes = (of_debit == SHORTFALL) & (of_credit == MIRROR)
    gives = np.isin(of_debit, _GIVES) & (of_credit == SHORTFALL)
    moves = as_array("H", event.flags, count) & (PENDING | VOID) == 0
    entries, transfers = ids_of(event.user_data_128, count), ids_of(event.id, count)
    amounts = as_array("Q", event.amount_minor, count)
    for row in np.flatnonzero((takes | gives) & moves).tolist():
        mirror = accounts.mirrors[int(credit[row])] if takes[row] else b""
        own = slice(row, row + 1)
        yield Taking(id_bytes(entries[own]), mirror, id_bytes(transfers[own]), int(amounts[row]))
