"""What books add up to, in the form in which custody and the log compare them (docs/formats.md, books)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ringfence_audit.log.domain.leaf import Value
from ringfence_audit.log.domain.merkle import leaf_hashes, tree_head

ID_BYTES, SUMS = 16, 4
RECORD_BYTES = ID_BYTES + 8 * SUMS
"""Of an account: its id, then debits pending, debits posted, credits pending, credits posted, unsigned."""
PAGE_ACCOUNTS = 64
CLASS_PREFIX = "class_"
COUNT_BYTES, SUM_BYTES = 4, 12
MIRRORS, OWED, OWN = "bank_mirror", "shortfall", ("platform", "fee")


@dataclass(frozen=True, slots=True)
class ClassTotals:
    """Accounts of a class, their sums, and what is positive of them: max(0, credits posted - debits posted)."""

    accounts: int
    debits_pending_minor: int
    debits_posted_minor: int
    credits_pending_minor: int
    credits_posted_minor: int
    positive_minor: int

    @property
    def balance_minor(self) -> int:
        """What is owed to the holders, below zero what they owe."""
        return self.credits_posted_minor - self.debits_posted_minor

    def packed(self) -> bytes:
        """Gives them in 64 bytes."""
        sums = (
            self.debits_pending_minor,
            self.debits_posted_minor,
            self.credits_pending_minor,
            self.credits_posted_minor,
            self.positive_minor,
        )
        return self.accounts.to_bytes(COUNT_BYTES, "big") + b"".join(each.to_bytes(SUM_BYTES, "big") for each in sums)


NOBODY = ClassTotals(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Books:
    """The books of a platform and currency: how many accounts, the root over their balances, totals by class."""

    accounts: int
    balances_root: bytes
    totals: Mapping[str, ClassTotals] = field(default_factory=dict)

    def of(self, name: str) -> ClassTotals:
        """Gives the totals of a class by its name in small letters; nothing of one without accounts."""
        return self.totals.get(name, NOBODY)

    @property
    def clients_minor(self) -> int:
        """What is positive of every client's balance: one client's overdraft is never another client's money."""
        return self.of("client").positive_minor

    @property
    def safeguarded_minor(self) -> int:
        """What is at the banks for them: mirrors, and what the platform owes, less its own money there."""
        own = sum(self.of(name).balance_minor for name in OWN)
        return -self.of(MIRRORS).balance_minor - self.of(OWED).balance_minor - own

    @property
    def is_covered(self) -> bool:
        """Tells whether the safeguarding equation holds."""
        return self.clients_minor <= self.safeguarded_minor

    def stated(self) -> dict[str, Value]:
        """Gives the fields of a leaf, those that custody's closing has too."""
        totals = {f"{CLASS_PREFIX}{name}": each.packed() for name, each in self.totals.items()}
        return {"accounts": self.accounts, "balances_root": self.balances_root, **totals}


def balances_root(records: bytes) -> bytes:
    """Gives the RFC 6962 tree head over pages of accounts' records, which ascend by id."""
    size = PAGE_ACCOUNTS * RECORD_BYTES
    return tree_head(leaf_hashes(records[at : at + size] for at in range(0, len(records), size)))
