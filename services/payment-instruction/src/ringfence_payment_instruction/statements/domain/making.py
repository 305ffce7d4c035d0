"""A row for custody: what it rests on, under which id it is posted, and how it moves the mirror."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ringfence_kernel.values.ids import ZERO_ID, repayment_id

from ringfence_payment_instruction.deposits.domain.evidence import (
    BankEntry,
    Disposition,
    entry_digest,
    row_id,
)
from ringfence_payment_instruction.deposits.domain.matching import MatchedEntry, Payment
from ringfence_payment_instruction.statements.domain.movements import Movements
from ringfence_payment_instruction.statements.domain.naming import part_of, whole_of
from ringfence_payment_instruction.statements.domain.sources import ComingBack, Rows, Sources, Way, coming_back
from ringfence_payment_instruction.statements.domain.statement import BOOKED, CREDIT, DEBIT, Entry
from ringfence_payment_instruction.submissions.domain.orders import Alias


class RowMaking:
    """Makes rows of what one telling, or one decision of people, is about; `data` are its entries by movement."""

    def __init__(self, before: Movements, after: Movements, sources: Sources) -> None:
        """Starts with no rows; `after` has what the telling has changed, `before` all the rest."""
        self.before, self.after, self.sources = before, after, sources
        self.found = Rows()
        self.data: dict[bytes, Entry] = dict(sources.entries)

    def row(
        self,
        movement_id: bytes,
        part: int,
        disposition: Disposition,
        amount_minor: int,
        client: Alias | None = None,
        *,
        reason: str = "",
        payment: Payment | None = None,
        origin: bytes = ZERO_ID,
        way: Way = Way.FORTH,
        detail: int | None = None,
    ) -> None:
        """Adds a row, and how it moves the mirror: not where it is of a `detail` of the entry's alone."""
        found = self._named(movement_id, detail)
        if found.amount_minor != amount_minor:
            found = replace(found, amount_minor=amount_minor)
        row = MatchedEntry(
            repayment_id(origin) if disposition is Disposition.REPAY else row_id(movement_id, part, disposition),
            entry_digest(found),
            found,
            self.sources.mirror,
            disposition,
            client,
            payment.ref if payment else None,
            payment.instruction_id if payment else self._returned_payment(movement_id, disposition),
            reason,
            origin,
        )
        self.found.rows.append(row)
        if detail is None:
            self.found.move(movement_id, row.id, way)

    def _returned_payment(self, movement_id: bytes, disposition: Disposition) -> bytes:
        """Returns our payment whose money comes back, zero where none is named, or several."""
        named = self.coming_back(movement_id) if disposition is Disposition.RESTORE else []
        return named[0].payment.instruction_id if len(named) == 1 else ZERO_ID

    def _named(self, movement_id: bytes, detail: int | None) -> BankEntry:
        entry, heading = self.data.get(movement_id), self.sources.heading
        if entry is not None:
            return whole_of(heading, entry) if detail is None else part_of(heading, entry, detail)
        movement = self.after.known.get(movement_id) or self.before.known[movement_id]
        direction = CREDIT if movement.told.incoming else DEBIT
        return BankEntry(
            str(heading.account), "", 0, self.sources.currency, direction, movement.told.reversal, BOOKED,
            movement.told.day,
        )  # fmt: skip

    def owed(self, takings: Iterable[bytes], most_minor: int) -> dict[bytes, int]:
        """Returns what nobody gave for the rows of takings whose money comes back, so that the platform has owed it.

        It goes first, and is no more than what comes back. Notes what has to be known for that.
        """
        found: dict[bytes, int] = {}
        for taking in takings:
            self.found.undone[taking] = None
            amount = min(self.sources.lacking.get(taking, 0), most_minor)
            if amount:
                found[taking], most_minor = amount, most_minor - amount
        return found

    def repay(self, movement_id: bytes, owed: Mapping[bytes, int], way: Way = Way.FORTH) -> None:
        """Adds the rows by which what the platform has owed comes back."""
        for taking, amount in owed.items():
            self.row(movement_id, 0, Disposition.REPAY, amount, origin=taking, way=way)

    def coming_back(self, movement_id: bytes) -> list[ComingBack]:
        """Returns what comes back by a movement for payments of ours."""
        entry, sources = self.data.get(movement_id), self.sources
        return [] if entry is None else list(coming_back(entry, sources.payments, sources.mirror, sources.currency))

    def brought(self, movement_id: bytes) -> bytes:
        """Returns the row that has brought a movement's money."""
        known = self.before.known.get(movement_id)
        return self.found.moved_by.get(movement_id) or (known.entry_id if known is not None else ZERO_ID)

    def is_return(self, movement_id: bytes) -> bool:
        """Tells whether a movement's entry says that it returns something."""
        entry = self.data.get(movement_id)
        return entry is not None and any(each.returned is not None for each in entry.details)

    def client(self, account: bytes) -> Alias | None:
        """Returns whose account it is, None for none."""
        if account == ZERO_ID:
            return None
        owner = self.sources.owners.get(account) or self.before.owners.get(account, self.sources.mirror.tenant)
        return Alias(self.sources.mirror.tenant, account, owner, False)
