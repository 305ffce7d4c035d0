"""How much may move on one person's word: bounds per currency, for payments, debtors, platforms and approvers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ringfence_kernel.values.money import CURRENCIES, MAX_AMOUNT_MINOR, Currency

PLATFORM_PAYMENTS = 100
"""Unless said otherwise, a debtor's day has room for one payment at its bound, a platform's for a hundred."""
UNLISTED_UNITS = 1_000
"""Bound of a payment in a currency that no table names, in whole units: what they are worth is not known."""
# About ten thousand euros, rounded so far that no release is needed when rates move; whole units.
LISTED_UNITS: Mapping[str, int] = {
    "AED": 40_000,
    "AUD": 15_000,
    "BGN": 20_000,
    "BRL": 50_000,
    "CAD": 15_000,
    "CHF": 9_000,
    "CLP": 10_000_000,
    "CNY": 75_000,
    "CZK": 250_000,
    "DKK": 75_000,
    "EUR": 10_000,
    "GBP": 8_500,
    "HKD": 80_000,
    "HUF": 4_000_000,
    "IDR": 150_000_000,
    "ILS": 40_000,
    "INR": 900_000,
    "ISK": 1_500_000,
    "JPY": 1_500_000,
    "KRW": 15_000_000,
    "KWD": 3_000,
    "MXN": 200_000,
    "MYR": 45_000,
    "NOK": 100_000,
    "NZD": 18_000,
    "PHP": 600_000,
    "PLN": 45_000,
    "RON": 50_000,
    "SAR": 40_000,
    "SEK": 100_000,
    "SGD": 14_000,
    "THB": 350_000,
    "TRY": 350_000,
    "TWD": 300_000,
    "USD": 10_000,
    "VND": 250_000_000,
    "ZAR": 180_000,
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What needs no second person in one currency, in its minor units; at a bound itself a payment passes.

    `payment_minor` bounds one payment, `debtor_day_minor` all of one debtor's account on a day, `day_minor` all of the
    platform; what a second person approved counts in neither. What one approver may approve alone is bounded by
    `approver_minor`.
    """

    payment_minor: int
    debtor_day_minor: int
    day_minor: int
    approver_minor: int = MAX_AMOUNT_MINOR

    def is_within(self, other: Bounds) -> bool:
        """Tells whether none of these bounds is above its counterpart."""
        return (
            self.payment_minor <= other.payment_minor
            and self.debtor_day_minor <= other.debtor_day_minor
            and self.day_minor <= other.day_minor
            and self.approver_minor <= other.approver_minor
        )


def bounds_of(payment_minor: int) -> Bounds:
    """Returns the bounds of which only that of a payment is given."""
    return Bounds(
        payment_minor,
        payment_minor,
        min(PLATFORM_PAYMENTS * payment_minor, MAX_AMOUNT_MINOR),
    )


def _built_in(of: Currency) -> Bounds:
    return bounds_of(LISTED_UNITS.get(of.alpha, UNLISTED_UNITS) * 10**of.exponent)


BUILT_IN: Mapping[int, Bounds] = {each.numeric_code: _built_in(each) for each in CURRENCIES}
NOTHING = Bounds(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class PlatformLimits:
    """A platform's own bounds by ledger, and what single approvers may approve alone by approver and ledger.

    `version` counts from 1; 0 stands for a platform that has none of its own. `time_zone` (IANA) is where its payments
    have their days, empty where their currency settles.
    """

    version: int = 0
    by_ledger: Mapping[int, Bounds] = field(default_factory=dict)
    by_approver: Mapping[tuple[bytes, int], int] = field(default_factory=dict)
    time_zone: str = ""


@dataclass(frozen=True, slots=True)
class InstallationLimits:
    """Bounds where a platform has none of its own: those that the installation names, else the built-in table's."""

    by_ledger: Mapping[int, Bounds] = field(default_factory=dict)

    def bounds(self, own: PlatformLimits, ledger: int) -> Bounds:
        """Returns the bounds in force for a platform; nothing passes in what is no currency."""
        return own.by_ledger.get(ledger) or self.by_ledger.get(ledger) or BUILT_IN.get(ledger, NOTHING)

    def approver_minor(self, own: PlatformLimits, approver: bytes, ledger: int) -> int:
        """Returns what an approver may approve alone, minor units."""
        return min(own.by_approver.get((approver, ledger), MAX_AMOUNT_MINOR), self.bounds(own, ledger).approver_minor)

    def loosened(self, before: PlatformLimits, after: PlatformLimits) -> list[int]:
        """Returns the ledgers in which something may move afterwards that could not before, in order."""
        ledgers = _ledgers(before) | _ledgers(after)
        approvers = {approver for approver, _ in (*before.by_approver, *after.by_approver)}
        return sorted(
            ledger
            for ledger in ledgers
            if not self.bounds(after, ledger).is_within(self.bounds(before, ledger))
            or any(
                self.approver_minor(after, each, ledger) > self.approver_minor(before, each, ledger)
                for each in approvers
            )
        )


def _ledgers(limits: PlatformLimits) -> set[int]:
    return {*limits.by_ledger, *(ledger for _, ledger in limits.by_approver)}
