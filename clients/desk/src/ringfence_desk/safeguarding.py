"""Classes of accounts, and the equation that tells whether clients' money is there (docs/ledger.md, invariants)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

BANK_MIRROR, CLIENT, SUSPENSE, GUARANTEE, SHORTFALL = "BANK_MIRROR", "CLIENT", "SUSPENSE", "GUARANTEE", "SHORTFALL"
DEBIT_CLASSES = frozenset({BANK_MIRROR, SHORTFALL})
"""What is on these grows by debits: what a bank holds, what a platform owes."""
OWN_THERE = frozenset({"PLATFORM", "FEE"})
"""A platform's own money at its banks, which is there for no client."""
OWN_CLASSES = OWN_THERE | {GUARANTEE}
"""All that is a platform's own; a guarantee is set aside to cover what clients have overdrawn."""


def grown_minor(account_class: str, owed_minor: int) -> int:
    """Gives a balance on the side on which its class grows, of credits less debits; minor units.

    A class may be written in capitals, as facts have it, or in small letters, as books do.
    """
    return -owed_minor if account_class.upper() in DEBIT_CLASSES else owed_minor


@dataclass(frozen=True, kw_only=True)
class Equation:
    """What is there for a book's clients, and what they are owed; minor units.

    `bank_minor` is at the banks, `made_good_minor` what the platform owes for what is missing there, `own_minor` its
    own money at the banks. `clients_minor` is what is positive of each client's balance: one client's overdraft is
    never another's money.
    """

    bank_minor: int
    made_good_minor: int
    own_minor: int
    clients_minor: int

    @classmethod
    def of(cls, balances: Mapping[str, int], clients_minor: int) -> Equation:
        """Makes it of balances by class, each on the side on which the class grows; 0 where one has no accounts."""
        return cls(
            bank_minor=balances.get(BANK_MIRROR, 0),
            made_good_minor=balances.get(SHORTFALL, 0),
            own_minor=sum(balances.get(each, 0) for each in OWN_THERE),
            clients_minor=clients_minor,
        )

    @property
    def all_minor(self) -> int:
        """All that is there, at the banks or owed by the platform, whosoever it is."""
        return self.bank_minor + self.made_good_minor

    @property
    def there_minor(self) -> int:
        """What is there for clients, at the banks or owed by the platform; its own money is not."""
        return self.all_minor - self.own_minor

    @property
    def difference_minor(self) -> int:
        """What is there beyond what clients are owed, below 0 what is missing."""
        return self.there_minor - self.clients_minor

    @property
    def is_covered(self) -> bool:
        """Tells whether clients are owed no more than is there for them."""
        return self.difference_minor >= 0
