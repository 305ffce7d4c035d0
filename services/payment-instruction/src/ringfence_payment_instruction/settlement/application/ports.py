"""What is asked of custody."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ringfence_payment_instruction.settlement.domain.transfers import Booked, Correction, PlannedTransfer, Taking


@dataclass(frozen=True, slots=True)
class BookAccounts:
    """A book's accounts without an owner, the oldest of each ledger; `other_mirrors` are mirrors with theirs."""

    mirrors: Mapping[int, bytes]
    suspense: Mapping[int, bytes]
    other_mirrors: Mapping[bytes, int] = field(default_factory=dict)

    def ledgers(self) -> dict[bytes, int]:
        """Returns the ledger of every bank mirror."""
        return {account: ledger for ledger, account in self.mirrors.items()} | dict(self.other_mirrors)


class Custody(Protocol):
    """The ledger."""

    async def create_transfers(
        self, tenant: bytes, token: str, transfers: Sequence[PlannedTransfer], identity_position: int
    ) -> list[str]:
        """Returns custody's result name per transfer, lower case, after its commit.

        `identity_position` is how far identity's feed had been taken in when they were decided. Raises
        CustodyUnavailable, StandingStale, AuthorisationRefused; the same transfers may then be asked for again.
        """

    async def book_evidence(self, tenant: bytes, transfers: Sequence[PlannedTransfer]) -> list[str]:
        """Does the same with what the bank has decided, which needs nobody's leave; raises CustodyUnavailable."""

    async def book_amounts(self, tenant: bytes, transfers: Sequence[PlannedTransfer]) -> list[Booked]:
        """Does the same, and returns how much each has moved: a balancing transfer what was free."""

    async def book_accounts(self, tenant: bytes, *, fresh: bool = False) -> BookAccounts:
        """Returns the book's bank mirrors and suspense accounts; errors as above."""

    async def frozen(self, tenant: bytes, token: str, accounts: Collection[bytes]) -> frozenset[bytes]:
        """Returns those of a book's accounts that are frozen; raises as `create_transfers`."""

    async def takings(self, tenant: bytes, entries: Sequence[bytes]) -> list[Taking]:
        """Returns what was taken and given by each entry, as it has been posted; raises CustodyUnavailable."""

    async def corrections(self, tenant: bytes, instruction_id: bytes) -> list[Correction]:
        """Returns the corrections that were posted with an instruction as their mandate; raises CustodyUnavailable."""
