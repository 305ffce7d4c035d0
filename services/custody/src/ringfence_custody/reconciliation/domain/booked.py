"""What the books hold on bank mirrors: the rows of the ledger's events that moved one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.values.ids import ID_BYTES
from ringfence_kernel.writing.journal import Journal

from ringfence_custody.ledger.domain.events import AccountsCreated, TransfersCreated
from ringfence_custody.ledger.domain.packed import as_array, timestamps
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.result_codes import PENDING, POST, VOID
from ringfence_custody.reconciliation.domain.lines import LINE, Records, RowNumbers, Words, mixed

BOOKED = 2
SENT = 1
"""Mark of a line in the books: a payment that was set aside before it went out."""
MIRROR, SHORTFALL = int(AccountClass.BANK_MIRROR), int(AccountClass.SHORTFALL)


@dataclass(slots=True)
class BookAccounts:
    """The classes of a book's accounts by dense index, and which of them are mirrors, by index."""

    classes: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(64, np.uint8))
    count: int = 1
    mirrors: dict[int, bytes] = field(default_factory=dict)
    may_owe: bool = field(init=False)
    """Whether there is an account that stands for what is owed to clients."""

    def __post_init__(self) -> None:
        """Looks for it among accounts that are given."""
        self.may_owe = bool((self.classes[: self.count] == SHORTFALL).any())

    def add(self, event: AccountsCreated, journal: Journal) -> list[tuple[bytes, int]]:
        """Takes in accounts; returns the id and ledger of each mirror among them."""
        rows = len(event.id) // ID_BYTES
        classes, ledgers = as_array("B", event.account_class, rows), as_array("I", event.ledger, rows)
        journal.call(setattr, self, "count", self.count)
        while event.first_index + rows > len(self.classes):
            self.classes = np.concatenate([self.classes, np.zeros_like(self.classes)])
        self.classes[event.first_index : event.first_index + rows] = classes
        self.count = event.first_index + rows
        self.may_owe = self.may_owe or bool((classes == SHORTFALL).any())
        found = []
        for row in np.flatnonzero(classes == MIRROR).tolist():
            identifier = event.id[row * ID_BYTES : (row + 1) * ID_BYTES]
            journal.put(self.mirrors, event.first_index + row, identifier)
            found.append((identifier, int(ledgers[row])))
        return found


def booked_lines(accounts: BookAccounts, event: TransfersCreated, position: int) -> Iterator[tuple[bytes, Records]]:
    """Yields what moved each mirror, in order of the rows: reservations and their voids move nothing."""
    count = len(event.id) // ID_BYTES
    if not accounts.mirrors or not count:
        return
    debit, credit = as_array("I", event.debit_account, count), as_array("I", event.credit_account, count)
    touching = (accounts.classes[debit] == MIRROR) | (accounts.classes[credit] == MIRROR)
    rows = np.flatnonzero(touching & (as_array("H", event.flags, count) & (PENDING | VOID) == 0))
    if not len(rows):
        return
    flags, times = as_array("H", event.flags, count)[rows], timestamps(event)
    lines = np.zeros(len(rows), LINE)
    lines["id"] = ids_of(event.id, count)[rows]
    pending = ids_of(event.pending_id, count)[rows]
    lines["key"] = pending
    lines["reference"] = np.where(pending.any(axis=1, keepdims=True), 0, ids_of(event.user_data_128, count)[rows])
    lines["position"], lines["state"], lines["open"] = position, BOOKED, 1
    lines["day"] = [times[row] // DAY_NS for row in rows.tolist()]
    lines["marks"] = np.where(flags & POST, SENT, 0)
    amounts = as_array("Q", event.amount_minor, count)[rows].astype(np.int64)
    for side, other, sign in ((debit[rows], credit[rows], 1), (credit[rows], debit[rows], -1)):
        for index in np.unique(side[accounts.classes[side] == MIRROR]).tolist():
            own = np.flatnonzero(side == index)
            of_mirror = lines[own]
            of_mirror["amount_minor"] = sign * amounts[own]
            of_mirror["contra"] = accounts.classes[other[own]]
            yield accounts.mirrors[index], of_mirror


def own_lines(lines: Records, keys: Words) -> RowNumbers:
    """Returns the places of lines that name one of these keys."""
    found = np.flatnonzero(np.isin(mixed(lines["key"]), mixed(keys)))
    return found[lines["key"][found].any(axis=1)]


def ids_of(column: bytes, count: int) -> NDArray[Any]:
    """Returns a column of ids, which may be empty for zeros or hold one for all, as pairs of words."""
    words = np.frombuffer(column, "<u8").reshape(-1, 2)
    return (
        words if len(words) == count else np.broadcast_to(words if len(words) else np.zeros((1, 2), "<u8"), (count, 2))
    )
