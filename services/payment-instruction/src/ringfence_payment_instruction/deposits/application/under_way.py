"""Counts what clients have under way: whoever has nothing may be erased."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ringfence_kernel.values.columns import split_ids
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.deposits.domain.evidence import OPEN
from ringfence_payment_instruction.deposits.domain.state import State
from ringfence_payment_instruction.submissions.application.submissions import Submissions


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Counts payments and deposits that have not ended. What has left memory has ended.

    A deposit in suspense ends when it is cleared: until then lists ask whom the bank has named, under its client's key.
    """

    submissions: Submissions
    state: State

    async def count(self, tenant: bytes, owners: Sequence[bytes]) -> list[int]:
        """Returns how many of the tenant's payments and deposits are each owner's, by the owner or to the owner."""

        def count(unit: Unit) -> list[int]:
            found = Counter(each for pair in self._payments(tenant) for each in pair)
            found.update(self._deposits(tenant))
            return [found[owner] for owner in owners]

        return await self.submissions.writer.commit(count)

    def _payments(self, tenant: bytes) -> Iterator[set[bytes]]:
        for submission in self.submissions.state.submissions.values():
            if submission.tenant != tenant or submission.is_closed():
                continue
            for index in range(len(submission)):
                if not submission.is_done(index):
                    sealed = submission.sealed(index)
                    yield {sealed.debtor_owner, sealed.creditor_owner}

    def _deposits(self, tenant: bytes) -> Iterator[bytes]:
        for file in self.state.evidence.values():
            if file.event.tenant == tenant:
                owners = split_ids(file.event.owners)
                yield from (owner for owner, each in zip(owners, file.outcomes, strict=True) if each in OPEN)
        for each in self.state.suspended.values():
            if each.tenant == tenant:
                yield each.owner
