"""What the books and the banks say at one point, in minor units of one currency and of one pool of client money."""

from __future__ import annotations

from dataclasses import dataclass, field

POOLS = ("payment-services", "e-money")
"""Relevant funds are kept apart by what they were received for (CASS 15.8.3R(2)); the first is the default."""


@dataclass(frozen=True, slots=True)
class MirrorBalance:
    """A bank mirror, its number among those of its currency and pool, and what was debited and credited to it."""

    mirror: bytes
    number: int
    debits_minor: int
    credits_minor: int

    @property
    def balance_minor(self) -> int:
        """What the bank holds by our books."""
        return self.debits_minor - self.credits_minor


@dataclass(frozen=True, slots=True)
class BookFigures:
    """What the books say at a position of custody's feed.

    `clients_minor` adds up what is positive of every client's balance: one client's overdraft is never another's money.
    `mirrors` are the bank mirrors in the order in which they were opened; `own_minor` is the platform's own money among
    them (own account, fees, guarantees), `owed_minor` what the platform owes for a shortfall.
    """

    clients_minor: int
    suspense_minor: int
    own_minor: int
    owed_minor: int
    held_minor: int
    mirrors: tuple[MirrorBalance, ...]

    @property
    def mirrored_minor(self) -> int:
        """What the banks hold by our books."""
        return sum(each.balance_minor for each in self.mirrors)


@dataclass(frozen=True, slots=True)
class OpenSums:
    """What reconciliation has open on a mirror, money that came in above zero.

    `unplaced_minor` was in the books at the end of a day, and no bank had booked it by then; `overdue_minor` is told of
    by news, and older than a business day. `later_minor` is in the books and booked by no bank yet: of later days, or
    told of by news within the last business day; less what the bank has booked on later days and the books lack.
    `sent_minor` are payments of the last business day that no bank has booked. Whatever else the books have and no bank
    has is a difference.
    """

    unplaced_minor: int = 0
    overdue_minor: int = 0
    later_minor: int = 0
    sent_minor: int = 0


@dataclass(frozen=True, slots=True)
class BankFigures:
    """What a bank holds by the statement that covers a day, and what lies between that and our mirror.

    `mirror_minor` is the mirror's balance when the day was cut, `later_minor` what of it the bank books after that
    statement, less what moved the mirror since; `unbooked_minor` payments of ours that the bank has not booked: below
    zero where they take money. `unplaced_minor` and `overdue_minor` are as in OpenSums. How the two part depends on
    when they are looked at, their sum does not.
    """

    mirror: bytes
    number: int
    telling: bytes
    mirror_minor: int
    bank_minor: int
    later_minor: int = 0
    unbooked_minor: int = 0
    unplaced_minor: int = 0
    overdue_minor: int = 0

    @property
    def between_minor(self) -> int:
        """What is no difference, only booked on other days: of payments on their way and of money that came late."""
        return self.later_minor + self.unbooked_minor

    @property
    def difference_minor(self) -> int:
        """What the bank holds beyond what it should by our books, below zero where it holds less."""
        return self.bank_minor - (self.mirror_minor - self.between_minor)


@dataclass(frozen=True, slots=True)
class Facts:
    """Components of the resource that no ledger knows: relevant assets, and insurance or guarantees."""

    assets_minor: int = 0
    insurance_minor: int = 0


@dataclass(frozen=True, slots=True)
class Computation:
    """Requirement, resource and the three comparisons of a day (CASS 15.8.26R, .31R, .42R; own D+1 comparison)."""

    books: BookFigures
    banks: tuple[BankFigures, ...]
    facts: Facts = field(default_factory=Facts)

    @property
    def requirement_minor(self) -> int:
        """Individual balances, and client money that is not allocated."""
        return self.books.clients_minor + self.books.suspense_minor

    @property
    def unplaced_minor(self) -> int:
        """Client money that is told of and that no bank has booked."""
        return sum(each.unplaced_minor for each in self.banks)

    @property
    def funds_minor(self) -> int:
        """Relevant funds in accounts: what the mirrors hold but the platform's own money and what is not placed."""
        return self.books.mirrored_minor - self.books.own_minor - self.unplaced_minor

    @property
    def resource_minor(self) -> int:
        """All four components."""
        return self.funds_minor + self.unplaced_minor + self.facts.assets_minor + self.facts.insurance_minor

    @property
    def internal_minor(self) -> int:
        """Excess by our books alone, below zero a shortfall."""
        return self.resource_minor - self.requirement_minor

    @property
    def overdue_minor(self) -> int:
        """The D+1 comparison: what came in and was not placed by the end of the next business day."""
        return sum(each.overdue_minor for each in self.banks)

    @property
    def external_minor(self) -> int:
        """What the banks hold beyond our books, added up without netting one against another."""
        return sum(abs(each.difference_minor) for each in self.banks)

    @property
    def is_even(self) -> bool:
        """Tells whether all three comparisons come out."""
        return self.internal_minor >= 0 and not self.overdue_minor and not self.external_minor
