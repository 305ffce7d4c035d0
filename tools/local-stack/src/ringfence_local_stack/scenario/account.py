"""An account as a scenario sees it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ringfence.client import Client
from ringfence.ledger import AccountClass, Balances


@dataclass(frozen=True)
class Account:
    """An account in a platform's book."""

    client: Client
    id: UUID
    account_class: AccountClass
    currency: str

    def balances(self) -> Balances:
        """Debits and credits, pending and posted."""
        (found,) = self.client.custody.accounts([self.id])
        return found.balances

    @property
    def posted_minor(self) -> int:
        """Posted balance, credits minus debits: that of a bank mirror is below zero."""
        return self.balances().posted_minor

    @property
    def reserved_minor(self) -> int:
        """What is set aside for payments on their way out."""
        return self.balances().reserved_minor
