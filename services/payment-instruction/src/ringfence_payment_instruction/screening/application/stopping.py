"""What stops a payment: one answer for the lane that stops it and for whoever decides about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ringfence_payment_instruction.screening.application.looking import Look
from ringfence_payment_instruction.screening.application.ports import Suspended
from ringfence_payment_instruction.screening.domain.listed import Hit
from ringfence_payment_instruction.screening.domain.screened_fields import Side
from ringfence_payment_instruction.submissions.application.personal import Clear
from ringfence_payment_instruction.submissions.domain.orders import OF_OPERATORS
from ringfence_payment_instruction.submissions.domain.submission import Submission

Clients = Mapping[Side, bytes]
Behind = Mapping[int, Collection[Hit]]
"""What names anybody behind the bank's entry that a row clears, by row."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """Finds what stops payments, and what would but for two people."""

    suspended: Suspended

    async def behind(self, submission: Submission, indexes: Iterable[int]) -> Behind:
        """Looks at everybody behind the entries that rows clear: more than what the rows themselves name.

        Raises ClientNotIndexed, KeysUnavailable, IdentityUnavailable, StoreUnavailable.
        """
        clearing = [index for index in indexes if submission.purpose(index) in OF_OPERATORS]
        return {index: await self.suspended.hits(submission.tenant, submission.mandate(index)) for index in clearing}

    def hits(
        self, submission: Submission, index: int, row: Clear, look: Look, behind: Behind
    ) -> Iterator[tuple[Hit, bool]]:
        """Yields what names somebody in a row, or behind it, and whether two people have found that it does not."""
        released = submission.released.get(index, ())
        for hit in look.found(row, clients_of(submission, index)):
            # What was released of a bank's entry is about whom the bank has named, not about the client who gets it.
            is_of_entry = index in behind and not hit.is_registered
            yield (
                hit,
                hit.is_cleared
                or hit.entry in released
                or (is_of_entry and self.suspended.is_released(submission.mandate(index), hit.entry)),
            )
        for hit in behind.get(index, ()):
            yield hit, hit.entry in released


def clients_of(submission: Submission, index: int) -> Clients:
    """Returns the clients of the tenant that an instruction is about: whoever else it names is a stranger."""
    owners = zip((Side.DEBTOR, Side.CREDITOR), submission.owners(index), strict=True)
    return {side: owner for side, owner in owners if owner != submission.tenant}
